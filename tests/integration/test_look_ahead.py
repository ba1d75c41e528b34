"""What enters between two key frames is marked at once, and what leaves is given up."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import smooth_texture

import semvid
from semvid.core.resampling import fitted
from semvid.engine.analysis import Analyser, look_ahead_of

WIDTH, HEIGHT, SIDE, STEP = 384, 224, 64, 12
TOP = 80


def places(kind):
    """Left edges of a square in every frame; None = it is not there."""
    if kind == "enters":
        return [None if index < 3 else index * STEP - 3 * STEP - SIDE // 2 for index in range(21)]
    if kind == "leaves":
        return [WIDTH - SIDE - 40 + index * STEP for index in range(21)]
    if kind == "appears":
        return [None if index < 4 else 120 for index in range(21)]
    return [120 if index < 4 else None for index in range(21)]


def scene(lefts):
    ground, thing = smooth_texture(WIDTH, HEIGHT, 1), 255 - smooth_texture(SIDE, SIDE, 2) // 2
    frames, masks = [], []
    for index, left in enumerate(lefts):
        luma, mask = ground.copy(), np.zeros((HEIGHT, WIDTH), np.float32)
        if left is not None:
            first, last = max(left, 0), min(left + SIDE, WIDTH)
            if first < last:
                luma[TOP : TOP + SIDE, first:last] = thing[:, first - left : last - left]
                mask[TOP : TOP + SIDE, first:last] = 1
        planes = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        planes[:HEIGHT] = luma
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts, picture.time_base = index, Fraction(1, 25)
        frames.append(semvid.Frame(picture, index))
        masks.append(mask)
    return frames, masks


class Exact:
    smoothing, movement, map_every = 0.7, 0.0, 10

    def __init__(self, masks):
        self.masks = masks

    def update(self, frame):
        return semvid.ImportanceMap(self.masks[frame.index])


def marked(values, mask):
    return float(fitted(values, HEIGHT, WIDTH)[mask > 0].mean())


@pytest.mark.parametrize(("kind", "look_ahead"), [("enters", 16), ("appears", 16), ("enters", 0)])
def test_what_comes_is_marked_within_two_frames(kind, look_ahead):
    frames, masks = scene(places(kind))
    analysed = list(Analyser(Exact(masks), semvid.TemporalConfig(look_ahead=look_ahead)).run(frames))
    assert [one.frame.index for one in analysed] == list(range(21))
    first = next(index for index, mask in enumerate(masks) if mask.any())
    assert (marked(analysed[first + 2].importance, masks[first + 2]) > 0.5) == (look_ahead > 0)


@pytest.mark.parametrize(("kind", "look_ahead"), [("leaves", 16), ("vanishes", 16), ("vanishes", 0)])
def test_what_goes_is_given_up_within_two_frames(kind, look_ahead):
    frames, masks = scene(places(kind))
    analysed = list(Analyser(Exact(masks), semvid.TemporalConfig(look_ahead=look_ahead)).run(frames))
    last = max(index for index, mask in enumerate(masks) if mask.any())
    assert (analysed[last + 2].importance.max() < 0.5) == (look_ahead > 0)


@pytest.mark.parametrize(
    ("frame_bytes", "expected"), [(2**20, 16), (24_883_200, 16), (100 * 2**20, 4), (2**30, 1)]
)
def test_fewer_frames_wait_where_each_is_large(frame_bytes, expected):
    assert look_ahead_of(semvid.TemporalConfig(), frame_bytes) == expected
    assert look_ahead_of(semvid.TemporalConfig(look_ahead=9), frame_bytes) == 9
