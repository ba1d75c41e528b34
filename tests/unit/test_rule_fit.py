"""The numbers of the MS-ROI rule are fitted as ``examples/benchmark/rule_fit.py`` says."""

import importlib
import json
from pathlib import Path

import numpy as np
import pytest

from semvid.core.config import FocusConfig
from semvid.models.rule import TUNED, Tuning, calibrated

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmark"


@pytest.fixture
def fit(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("rule_fit")


def shots(fit, values, chance, count=6):
    """Pictures of one value a row, where things are as often as ``chance`` says."""
    rng = np.random.default_rng(5)
    material = importlib.import_module("rule_material")
    found = []
    for _ in range(count):
        maps = np.zeros((8, 40, 400), np.float32)
        maps[:] = values[:, None]
        mask = rng.random((40, 400)) < chance[:, None]
        truth = material.Truth(mask, np.ones_like(mask))
        shot = material.Shot("stills", "painted", alone={0: truth})
        shot.maps[0], shot.thumbnails[0] = maps, np.zeros((80, 800), np.uint8)
        found.append(shot)
    return found


def test_logistic_regression_finds_gain_and_offset(fit):
    chance = 1 / (1 + np.exp(-(1.7 * np.log(fit.MIDDLES / (1 - fit.MIDDLES)) - 0.6)))
    share = np.linspace(1, 3, fit.BINS)
    assert np.allclose(fit.logistic(np.array([share * (1 - chance), share * chance])), (1.7, -0.6))


def test_one_half_is_an_even_chance_once_calibrated(fit):
    values = np.linspace(0.02, 0.98, 40, dtype=np.float32)
    chance = calibrated(values, Tuning(gain=2, offset=1))
    found = shots(fit, values, chance)
    before = fit.Setting(gain=1, offset=0)
    after, outcome = fit.calibrate(found, before, rounds=3)
    errors = [one.summary()["calibration_error"] for one in (fit.outcome(found, before), outcome)]
    assert errors[1] < 0.04 < errors[0]
    half = Tuning(gain=after.gain, offset=after.offset)
    assert calibrated(np.float32([np.interp(0.5, chance, values)]), half)[0] == pytest.approx(0.5, abs=0.04)


@pytest.mark.parametrize(("join", "value"), [("strongest", 0.5), ("either", 0.7), ("sum", 0.9)])
def test_classes_join_in_three_ways(fit, join, value):
    maps = np.zeros((8, 10, 10), np.float32)
    maps[0], maps[3], maps[5] = 0.5, 0.4, 0.2
    setting = fit.Setting(threshold=0.3, salient=0, fixation=0, join=join, gain=1, offset=0)
    assert np.allclose(setting.rule()(maps), value)


def test_halves_share_out_each_material(fit):
    material = importlib.import_module("rule_material")
    every = [material.Shot(kind, str(index)) for kind in ("stills", "clips") for index in range(3)]
    one, other = fit.halves(every)
    assert [(shot.material, shot.name) for shot in one] == [
        ("stills", "0"), ("stills", "2"), ("clips", "0"), ("clips", "2"),
    ]  # fmt: skip
    assert [(shot.material, shot.name) for shot in other] == [("stills", "1"), ("clips", "1")]


def test_the_numbers_in_use_are_those_that_were_fitted():
    found = json.loads((BENCHMARKS / "results" / "rule.json").read_text())["setting"]
    focus = FocusConfig()
    assert (found["threshold"], found["salient"], found["fixation"]) == (
        focus.threshold, focus.salient, focus.fixation,
    )  # fmt: skip
    assert (found["join"], found["fixation_power"]) == ("strongest", TUNED.fixation_power)
    assert (TUNED.gain, TUNED.offset) == pytest.approx((found["gain"], found["offset"]), abs=0.01)
