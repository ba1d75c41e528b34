"""The scenes of the benchmark of generality know their truth, and its numbers are what they say."""

import importlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmark"


@pytest.fixture(scope="module")
def modules():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        yield importlib.import_module("scene_stage"), importlib.import_module("uncertainty")


def test_truth_goes_with_the_camera_and_with_what_lies_in_front(modules):
    stage_of = modules[0].Stage
    canvas = np.full((400, 700, 3), 90, np.uint8)
    stage = stage_of(canvas, centre=(300, 200), zoom=2.0)
    stage.box(290, 190, 40, 20, (255, 0, 0), matters=True)
    # 20 to the right of the middle of the picture, twice as large.
    assert (stage.rgb[95:175, 200:320, 0] == 255).sum() == pytest.approx(80 * 40, rel=0.1)
    assert np.array_equal(stage.truth > 127, stage.rgb[..., 0] > 172)
    thing = np.full((10, 10, 4), 255, np.uint8)
    stage.paste(thing, (300, 200), 10, matters=False)
    assert not stage.truth[132:138, 237:243].any()
    assert stage.truth[135, 270] == 255


def test_what_is_pasted_is_as_high_as_asked_and_where(modules):
    stage = modules[0].Stage(np.zeros((270, 480, 3), np.uint8))
    stage.paste(np.full((200, 100, 4), 255, np.uint8), (240, 135), 50)
    rows, cols = np.nonzero(stage.truth > 127)
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == pytest.approx((110, 159, 227.5, 251.5), abs=1)


@given(arrays(np.float32, (6, 8), elements=st.floats(0, 1, width=32)), st.floats(0.0625, 1, width=32))
def test_expected_iou_is_the_best_of_all_cuts(modules, values, chance):
    expected_iou = modules[1].expected_iou
    assert expected_iou(np.full((6, 8), chance, np.float32)) == pytest.approx(chance, rel=1e-4)
    if values.sum() < 1e-3:
        return
    cuts = [
        values[values >= one].sum() / ((values >= one).sum() + values[values < one].sum())
        for one in values.ravel()
    ]
    assert expected_iou(values) == pytest.approx(max(cuts), rel=1e-3)


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_a_certain_map_expects_a_perfect_one(modules, share):
    values = (np.arange(100).reshape(10, 10) < 100 * share).astype(np.float32)
    assert modules[1].expected_iou(values) == 1


def test_failures_are_shown_on_what_may_be_shown(modules):
    failures = importlib.import_module("failures")
    for one in failures.FAILURES:
        assert one.picture().shape[2] == 3
    with pytest.raises(SystemExit, match="osie__1 of the training pack may not be shown"):
        failures.OnlyDrawn().cut("osie__1")
