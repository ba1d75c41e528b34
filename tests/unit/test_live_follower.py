"""Maps that arrive late: carried to where things are now, never of another scene."""

import av
import numpy as np
import pytest
from clips import texture

from semvid.core.config import TemporalConfig
from semvid.core.types import Frame
from semvid.streaming.follower import LiveFollower

WIDTH, HEIGHT = 640, 360


class Source:
    smoothing, movement, map_every = 0.0, 0.0, 1


class Smooth(Source):
    smoothing = 0.5


def frame(index, luma):
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(luma), format="gray")
    return Frame(picture, index, np.ascontiguousarray(luma), 8)


def pan(count, step=4, seed=0):
    wide = texture(WIDTH + step * count, HEIGHT, seed)
    return [frame(k, wide[:, k * step : k * step + WIDTH]) for k in range(count)]


def box(x, rows=68, cols=120):
    values = np.zeros((rows, cols), np.float32)
    values[20:40, x : x + 20] = 1
    return values


def centre(values):
    across = values.sum(0)
    return float((across * (np.arange(len(across)) + 0.5)).sum() / across.sum()) / len(across)


def test_a_map_that_comes_five_frames_late_lies_where_the_thing_is_now():
    frames = pan(12)
    follower = LiveFollower(Source(), TemporalConfig())
    for one in frames[:3]:
        assert follower.update(one).importance is None
    follower.ask(frames[2])
    for one in frames[3:8]:
        follower.update(one)
    follower.answer(2, box(60))
    found = follower.update(frames[8]).importance
    # The picture moved left by 6 frames of 4 pixels meanwhile.
    assert centre(found) == pytest.approx((70 / 120) - 6 * 4 / WIDTH, abs=0.008)


def test_a_fresh_map_joins_the_average_where_its_frame_was():
    still = [frame(k, texture(WIDTH, HEIGHT)) for k in range(8)]
    follower = LiveFollower(Smooth(), TemporalConfig())
    follower.update(still[0])
    follower.ask(still[0])
    follower.answer(0, np.full((68, 120), 1.0, np.float32))
    follower.update(still[1])
    follower.ask(still[1])
    follower.update(still[2])
    follower.answer(1, np.zeros((68, 120), np.float32))
    found = follower.update(still[3]).importance
    assert found.mean() == pytest.approx(0.5, abs=0.06)


def test_maps_of_a_scene_gone_by_and_of_frames_nobody_asked_for_are_ignored():
    follower = LiveFollower(Source(), TemporalConfig())
    first, *_ = pan(1)
    follower.update(first)
    follower.ask(first)
    assert follower.has_map
    cut = frame(1, 255 - texture(WIDTH, HEIGHT, seed=9)[::-1])
    assert follower.update(cut).is_cut
    assert not follower.has_map
    follower.answer(0, box(60))
    after = frame(2, cut.luma)
    assert follower.update(after).importance is None
    follower.ask(after)
    follower.answer(77, box(60))
    assert follower.update(frame(3, cut.luma)).importance is None


def test_another_size_is_another_scene():
    follower = LiveFollower(Source(), TemporalConfig())
    follower.update(frame(0, texture(WIDTH, HEIGHT)))
    assert follower.update(frame(1, texture(320, 240))).is_cut


def test_without_motion_the_map_is_the_map_itself():
    still = [frame(k, texture(WIDTH, HEIGHT)) for k in range(3)]
    follower = LiveFollower(Source(), TemporalConfig())
    follower.update(still[0])
    follower.ask(still[0])
    follower.answer(0, box(60))
    found = follower.update(still[1]).importance
    assert np.abs(found - box(60)).max() < 0.01
