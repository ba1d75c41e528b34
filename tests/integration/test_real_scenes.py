"""In the ordinary clips, looked at by hand: which place must matter more than which, while things move."""

import itertools

import numpy as np
import pytest

import semvid
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader

pytestmark = pytest.mark.data

# Clip and frame; places as shares of the picture (left, right, top, bottom); what must exceed what, times how much.
SCENES = [
    (
        "bunny_720p_audio.mp4", 40,
        {"rabbit": (0.32, 0.43, 0.35, 0.7), "rock": (0.76, 0.94, 0.42, 0.58), "grass": (0.6, 1, 0.8, 1)},
        [("rabbit", 2, "rock"), ("rabbit", 3, "grass")],
    ),
    (
        "cars_432p_audio.mp4", 65,
        {"car": (0.4, 0.56, 0.68, 1), "marking": (0.85, 1, 0, 0.1), "road": (0, 0.3, 0.2, 0.6)},
        [("car", 2, "marking"), ("car", 5, "road")],
    ),
    (
        "dog_720p.mp4", 15,
        {"face": (0.27, 0.32, 0.18, 0.28), "woman": (0.24, 0.29, 0.4, 0.7), "dog": (0.41, 0.52, 0.48, 0.62),
         "door": (0.66, 0.82, 0.1, 0.4)},
        [("face", 1.5, "door"), ("woman", 2, "door"), ("dog", 2, "door")],
    ),
    (
        "dog_720p.mp4", 40,
        {"woman": (0.2, 0.25, 0.2, 0.6), "dog": (0.5, 0.57, 0.53, 0.63), "door": (0.66, 0.82, 0.1, 0.4)},
        [("woman", 2, "door"), ("dog", 2, "door"), ("woman", 0.5, "dog")],
    ),
    (
        "juggle_720p.mp4", 40,
        {"face": (0.58, 0.62, 0.15, 0.22), "body": (0.54, 0.64, 0.25, 0.5), "ball": (0.53, 0.575, 0.58, 0.68),
         "house": (0.1, 0.45, 0.22, 0.38)},
        [("face", 0.6, "ball"), ("face", 2, "house"), ("body", 2, "house"), ("ball", 2, "house")],
    ),
    (
        "signer_480p_fullrange.mkv", 40,
        {"face": (0.42, 0.5, 0.22, 0.36), "hands": (0.43, 0.52, 0.38, 0.48), "screen": (0, 0.12, 0.2, 0.8),
         "chair": (0.85, 1, 0.7, 1)},
        [("face", 0.7, "hands"), ("hands", 2, "screen"), ("face", 3, "chair")],
    ),
    (
        "street_272p.mp4", 40,
        {"man": (0.62, 0.82, 0.3, 0.9), "lights": (0.1, 0.4, 0.1, 0.5)},
        [("man", 1.5, "lights")],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("name", "index", "places", "expected"), SCENES)
def test_what_matters_exceeds_what_does_not(name, index, places, expected, shared_data):
    source = open_source(semvid.MapsConfig(model="msroi", threads=1), None)
    analyser = Analyser(source, semvid.TemporalConfig())
    with VideoReader(shared_data / "clips" / name) as reader:
        analysed = analyser.run(only_frames(reader.read()))
        one = next(itertools.islice(analysed, index, None))
        analysed.close()
    values = one.frame.upright(one.importance)
    rows, cols = values.shape

    def mean(place):
        left, right, top, bottom = places[place]
        inside = values[round(top * rows) : round(bottom * rows), round(left * cols) : round(right * cols)]
        return float(np.mean(inside))

    for more, times, less in expected:
        assert mean(more) > times * mean(less), (more, mean(more), less, mean(less))
