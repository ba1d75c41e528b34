"""In scenes from domains that no network was tuned to, what matters exceeds what does not, named by hand."""

import importlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import semvid
from semvid.core.resampling import stretched
from semvid.engine.analysis import Analyser
from semvid.importance.registry import open_source

BENCHMARKS = Path(__file__).resolve().parents[2] / "examples" / "benchmark"
NUM_FRAMES, FIRST_SCORED = 12, 6
CLEARLY = 1.5

SCENES = {
    # Maker, and the place in the picture (rows, columns) that must not draw as much as what matters does.
    "scenes_on_screens.editor": np.s_[18:270, 0:92],
    "scenes_on_screens.article": np.s_[16:270, 0:70],
    "scenes_on_screens.terminal": np.s_[:, 0:110],
    "scenes_cartoons.two_talk": np.s_[30:120, 200:280],
    "scenes_cartoons.toon_drive": np.s_[205:270, 380:480],
    "scenes_cartoons.fish": np.s_[170:270, 0:250],
    "scenes_from_far.football": np.s_[80:150, 0:60],
    "scenes_from_far.race": np.s_[0:70, :],
    "scenes_from_far.beach": np.s_[0:80, :],
    "scenes_from_far.herd": np.s_[0:60, 300:480],
    "scenes_from_far.boat": np.s_[0:120, :],
}


@pytest.fixture(scope="module")
def source():
    return open_source(semvid.MapsConfig(model="msroi", threads=1), None)


@pytest.mark.parametrize("scene", SCENES)
def test_what_matters_exceeds_what_does_not(scene, source, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module, maker = scene.split(".")
    # None of these needs photographs.
    draw = getattr(importlib.import_module(module), maker)(None, np.random.default_rng(0))
    stages = [draw(index) for index in range(NUM_FRAMES)]
    frames = []
    for index, stage in enumerate(stages):
        picture = av.VideoFrame.from_ndarray(stage.rgb, format="rgb24").reformat(format="yuv420p")
        picture.pts, picture.time_base = index, Fraction(1, 24)
        frames.append(semvid.Frame(picture, index))
    inside, outside, named = [], [], []
    analysed = Analyser(source, semvid.TemporalConfig()).run(frames)
    for one, stage in list(zip(analysed, stages, strict=True))[FIRST_SCORED:]:
        values, matters = stretched(one.importance, *stage.truth.shape), stage.truth > 127
        place = np.zeros_like(matters)
        place[SCENES[scene]] = True
        inside.append(values[matters].mean())
        outside.append(values[~matters].mean())
        named.append(values[place & ~matters].mean())
    assert np.mean(inside) > CLEARLY * np.mean(outside)
    assert np.mean(inside) > CLEARLY * np.mean(named)
