"""Frames are passed over only where little moves, and each still gets a map, in order."""

from dataclasses import dataclass

import numpy as np
import pytest
from clips import smooth_texture
from hypothesis import given
from hypothesis import strategies as st

from semvid.temporal.between import Between
from semvid.temporal.pace import Pace
from semvid.temporal.plan import Planner

ROWS, COLS = 34, 60
GREY = np.full((2 * ROWS, 2 * COLS), 100, np.uint8)


def pan(speed):
    return np.broadcast_to(np.float32([speed, 0]), (ROWS, COLS, 2)).copy()


def due_after(pace, pictures, before):
    return next(n for n, now in enumerate(pictures, 1) if pace.is_due(n, now, before))


@pytest.mark.parametrize(("speed", "frames"), [(0, 4), (0.6, 4), (0.9, 3), (1.35, 2), (1.8, 1), (9, 1)])
def test_the_faster_it_moves_the_sooner_it_is_followed(speed, frames):
    pace = Pace(4)
    pace.note(pan(speed), 1, GREY, GREY)
    assert due_after(pace, [GREY] * 9, GREY) == frames
    # It is the speed for one frame that counts.
    pace.note(pan(2 * speed), 2, GREY, GREY)
    assert due_after(pace, [GREY] * 9, GREY) == frames


def test_a_thing_that_starts_to_move_is_followed_at_once():
    pace = Pace(4)
    pace.note(pan(0), 1, GREY, GREY)
    moved = GREY.copy()
    moved[20:40, 30:60] += 60
    assert not pace.is_due(3, GREY, GREY)
    assert due_after(pace, [GREY, moved], GREY) == 2


def test_a_small_thing_that_moves_fast_is_enough():
    flow = pan(0)
    flow[:12, :12, 0] = 9
    pace = Pace(4)
    pace.note(flow, 1, GREY, GREY)
    assert due_after(pace, [GREY], GREY) == 1


def test_after_a_cut_nothing_is_known():
    pace = Pace(4)
    pace.note(pan(0), 1, GREY, GREY)
    assert not pace.is_due(1, GREY, GREY)
    pace.reset()
    assert pace.is_due(1, GREY, GREY)


def test_whoever_wants_all_frames_gets_them():
    pace = Pace(1)
    pace.note(pan(0), 1, GREY, GREY)
    assert pace.is_due(1, GREY, GREY)


@dataclass
class Looked:
    thumbnail: np.ndarray


class Known:
    def __init__(self, speed):
        self.speed = speed

    def update(self, frame, before):
        return pan(self.speed)


def steps_of(planner, thumbnails):
    return [planner.update(Looked(one)) for one in thumbnails]


@given(st.floats(0, 1.5), st.integers(2, 13), st.integers(1, 4))
def test_key_frames_come_as_often_whatever_is_passed_over(speed, every, most_apart):
    # A still picture that is said to move: what comes from outside is not explained, and from some speed on
    # key frames come sooner.
    scene = smooth_texture(2 * COLS, 2 * ROWS)
    planner = Planner(every, Known(speed), find_own_motion=True, find_way_back=True, most_apart=most_apart)
    steps = steps_of(planner, [scene] * 40)
    if speed < 0.2:
        assert [n for n, step in enumerate(steps) if step.is_key] == list(range(0, 40, every))
    assert not any(step.is_passed and (step.is_key or step.is_cut) for step in steps)
    followed = [n for n, step in enumerate(steps) if not step.is_passed]
    assert [steps[n].num_frames for n in followed[1:]] == list(np.diff(followed))
    assert max(np.diff(followed)) <= most_apart


def test_a_cut_is_found_in_frames_that_would_be_passed_over():
    scenes = [smooth_texture(2 * COLS, 2 * ROWS, seed) for seed in (1, 2)]
    planner = Planner(10, Known(0), find_own_motion=True, most_apart=4)
    steps = steps_of(planner, [scenes[n >= 6] for n in range(12)])
    assert [n for n, step in enumerate(steps) if step.is_cut] == [0, 6]
    assert any(step.is_passed for step in steps)


STILL = np.zeros((2, 3, 2), np.float32)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=8), st.integers(0, 3))
def test_every_frame_gets_a_map_in_order(frames, rest):
    between = Between()
    wanted, given_maps = [], []
    frames[0] = 0, True
    for index, (num_passed, is_cut) in enumerate(frames):
        before = given_maps[-1] if given_maps else None
        now = float(10 * index)
        for place in range(num_passed):
            between.pass_over()
            share = 0 if is_cut else (place + 1) / (num_passed + 1)
            wanted.append(before + share * (now - before))
        between.follow(None if is_cut else STILL)
        given_maps.append(now)
        wanted.append(now)
    for _ in range(rest):
        between.pass_over()
        wanted.append(given_maps[-1])
    maps = [np.full((2, 3), one, np.float32) for one in given_maps]
    filled = [*between.fill(maps[:2]), *between.fill(maps[2:]), *between.finish()]
    assert [float(one.mean()) for one in filled] == pytest.approx(wanted, abs=1e-4)
    assert list(between.finish()) == []


def test_maps_in_between_have_the_size_of_those_after():
    between = Between()
    between.follow(None)
    between.pass_over()
    between.follow(np.zeros((8, 12, 2), np.float32))
    small, large = np.zeros((4, 6), np.float32), np.ones((8, 12), np.float32)
    assert [one.shape for one in between.fill([small, large])] == [(4, 6), (8, 12), (8, 12)]


@pytest.mark.parametrize("num_passed", [1, 3])
def test_what_moves_is_in_between_where_it_moves_along(num_passed):
    between, apart = Between(), num_passed + 1
    before, after = (np.zeros((20, 60), np.float32) for _ in range(2))
    before[5:12, 10:18] = 1
    after[5:12, 10 + 4 * apart : 18 + 4 * apart] = 1
    flow = np.zeros((20, 60, 2), np.float32)
    flow[..., 0] = -4 * apart
    between.follow(None)
    for _ in range(num_passed):
        between.pass_over()
    between.follow(flow)
    for place, values in enumerate(between.fill([before, after])):
        expected = np.zeros_like(before)
        expected[5:12, 10 + 4 * place : 18 + 4 * place] = 1
        assert np.allclose(values, expected, atol=1e-5)
