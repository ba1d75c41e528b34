"""The model of cores: even shares while there are few, one thread's time where there are many."""

import importlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmark"


@pytest.fixture(scope="module")
def model():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(BENCHMARKS)
        return importlib.import_module("core_model")


@pytest.fixture(scope="module")
def times(model):
    return model.StageTimes(decode=2.0, analyse=4.0, prepare=2.0, encode=24.0, plain=26.0)


@pytest.fixture(scope="module")
def nothing(model):
    return model.Start(0.0, 0.0)


@pytest.mark.parametrize(("cores", "ms"), [(1, 32.0), (2, 16.0), (4, 8.0), (5, 6.4), (6, 6.0), (64, 6.0)])
def test_beyond_some_cores_one_thread_decides(model, times, cores, ms):
    assert model.frame_ms(times, cores) == pytest.approx(ms)
    assert model.binding_cores(times) == pytest.approx(32 / 6)


def test_an_encoder_may_make_use_of_few_cores(model, times):
    assert model.frame_ms(times, 64, used=3) == pytest.approx(8.0)
    assert model.plain_ms(times, 64, used=3) == pytest.approx(8.0)
    assert model.plain_ms(times, 1, used=3) == pytest.approx(26.0)


def test_parts_share_the_thread(model, times):
    assert model.frame_ms(times, 16, parts=3) == pytest.approx(2.0)
    # No more than there are cores.
    assert model.frame_ms(times, 2, parts=8) == pytest.approx(16.0)


def test_the_ratio_has_the_start_in_it(model, times, nothing):
    assert model.wall_ratio(times, nothing, nothing, 100, 1) == pytest.approx(32 / 26)
    ours, theirs = model.Start(0.5, 0.8), model.Start(0.1, 0.1)
    assert model.wall_ratio(times, ours, theirs, 100, 1) == pytest.approx((0.8 + 3.2) / (0.1 + 2.6))
    assert model.wall_ratio(times, ours, theirs, 100, 2) == pytest.approx((0.5 + 1.6) / (0.1 + 1.3))


@given(st.floats(1, 256), st.floats(1, 256), st.integers(1, 8))
def test_more_cores_or_parts_never_take_longer(model, times, few, more, parts):
    few, more = sorted((few, more))
    assert model.frame_ms(times, more) <= model.frame_ms(times, few) + 1e-9
    assert model.frame_ms(times, few, parts=parts + 1) <= model.frame_ms(times, few, parts=parts) + 1e-9
