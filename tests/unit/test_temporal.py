from dataclasses import dataclass

import numpy as np
import pytest
from clips import pictures, smooth_texture
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semvid.core.geometry import motion_grid
from semvid.core.types import from_grey, to_grey
from semvid.temporal.cuts import SceneCutDetector, are_other_scenes
from semvid.temporal.motion import OpticalFlow
from semvid.temporal.own_motion import OwnMotion, camera_flow, own_motion
from semvid.temporal.plan import Planner, Step
from semvid.temporal.propagate import MapPropagator, MotionEmphasis
from semvid.temporal.settle import MapSettler, settled_grid
from semvid.temporal.vectors import paint_vectors
from semvid.temporal.warp import Way, compose, inverse, rotate, trust, warp

ROWS, COLS = 18, 25
maps = hnp.arrays(np.float32, (ROWS, COLS), elements=st.floats(0, 1, width=32))
flows = hnp.arrays(np.float32, (ROWS, COLS, 2), elements=st.floats(-30, 30, width=32))
whole_steps = st.integers(-6, 6)


def still(rows=ROWS, cols=COLS):
    return np.zeros((rows, cols, 2), np.float32)


def constant(x, y, rows=ROWS, cols=COLS):
    return np.broadcast_to(np.float32([x, y]), (rows, cols, 2)).copy()


@dataclass
class Still:
    """A frame that is only looked at."""

    thumbnail: np.ndarray


class KnownMotion:
    """A camera whose pan is known."""

    def __init__(self, x=0.0, y=0.0):
        self.x, self.y = x, y

    def update(self, frame, before):
        rows, cols = before.shape
        return constant(self.x, self.y, rows // 2, cols // 2)


def test_no_motion_warps_nothing():
    values = np.random.default_rng(0).random((ROWS, COLS)).astype(np.float32)
    assert (warp(values, still()) == values).all()


@given(maps, whole_steps, whole_steps)
def test_a_pan_moves_the_map_as_far(values, dx, dy):
    moved = warp(values, constant(-dx, -dy))
    here = moved[max(dy, 0) : ROWS + min(dy, 0), max(dx, 0) : COLS + min(dx, 0)]
    there = values[max(-dy, 0) : ROWS + min(-dy, 0), max(-dx, 0) : COLS + min(-dx, 0)]
    assert (here == there).all()


@given(maps, flows)
def test_warped_maps_stay_in_range(values, flow):
    warped = warp(values, flow)
    assert warped.min() >= values.min() - 1e-6
    assert warped.max() <= values.max() + 1e-6


@given(whole_steps, whole_steps, whole_steps)
def test_ways_add_up(a, b, c):
    chained = compose(constant(a, b), constant(c, a))
    assert np.allclose(chained, constant(a + c, b + a))


@given(flows, st.integers(0, 3))
def test_turning_a_flow_turns_the_cells_and_the_arrows(flow, turns):
    values = np.random.default_rng(1).random((ROWS, COLS)).astype(np.float32)
    inside = np.rint(flow)
    upright = warp(np.ascontiguousarray(np.rot90(values, turns)), rotate(inside, turns))
    assert np.allclose(np.rot90(warp(values, inside), turns), upright)


def test_trust_is_full_where_motion_explains_the_picture_and_none_outside():
    wide = smooth_texture(60, 40).astype(np.float32)
    believed = trust(wide[:, 4:44].copy(), wide[:, :40].copy(), constant(4, 0, 40, 40))
    assert (believed[:, :35] > 0.99).all()
    assert (believed[:, 36:] == 0).all()
    wrong = trust(wide[:, 4:44].copy(), 255 - wide[:, :40].copy(), constant(4, 0, 40, 40))
    assert wrong.mean() < 0.3


@settings(deadline=None)
@given(st.integers(1, 4000), st.integers(1, 4000))
def test_every_geometry_has_a_grid(width, height):
    rows, cols = motion_grid(width, height)
    assert rows >= 16
    assert cols >= 16
    assert rows * cols < 200_000


@pytest.mark.parametrize(("x", "y"), [(0, 0), (6, 0), (0, -4), (10, 6)])
def test_optical_flow_finds_a_pan(x, y):
    wide = smooth_texture(400, 300)
    flow = OpticalFlow().between(wide[40 + y : 176 + y, 40 + x : 280 + x].copy(), wide[40:176, 40:280].copy())
    assert flow.shape == (68, 120, 2)
    # Thumbnails have two samples to a cell.
    assert np.abs(np.median(flow, (0, 1)) - [x / 2, y / 2]).max() < 0.1


@pytest.mark.parametrize("shape", [(32, 32), (32, 1000), (1000, 32)])
def test_optical_flow_takes_any_grid(shape):
    picture = smooth_texture(shape[1], shape[0])
    flow = OpticalFlow().between(picture, picture)
    assert flow.shape == (shape[0] // 2, shape[1] // 2, 2)
    assert np.isfinite(flow).all()


def moving_camera(rows=68, cols=120):
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    return np.stack([1.5 + 0.01 * (x - 60), 0.5 + 0.01 * (y - 34)], -1).astype(np.float32)


def test_the_camera_is_found_although_something_moves():
    flow = moving_camera()
    flow[20:45, 30:60] += np.float32([4, -2])
    assert np.abs(camera_flow(flow) - moving_camera()).max() < 0.05
    moves = own_motion(flow)
    assert moves[20:45, 30:60].min() > 0.9
    assert np.delete(moves, np.s_[20:45], 0).max() < 0.05


def test_a_still_picture_has_no_own_motion():
    assert own_motion(still(68, 120)).max() == 0


@given(maps, maps, st.floats(0, 1))
def test_still_things_lose_only_while_something_important_moves(importance, moves, movement):
    kept = MotionEmphasis(movement).update(importance, moves)
    assert (kept <= importance).all()
    assert kept.min() >= 0
    nothing_moves = MotionEmphasis(movement).update(importance, np.zeros_like(moves))
    assert nothing_moves == pytest.approx(importance, abs=1e-6)


def test_what_is_certain_loses_less_than_what_is_not():
    importance, moves = np.zeros((68, 120), np.float32), np.zeros((68, 120), np.float32)
    importance[20:40, 60:80] = moves[20:40, 60:80] = 1
    importance[:20, :20], importance[40:60, :20] = 0.95, 0.5
    kept = MotionEmphasis(0.5).update(importance, moves)
    # Odds of 19 and of 1, times exp(-2.25).
    assert kept[5, 5] == pytest.approx(2.003 / 3.003, abs=1e-3)
    assert kept[50, 5] == pytest.approx(0.1054 / 1.1054, abs=1e-3)


@pytest.mark.parametrize(("size", "is_dimmed"), [(2, False), (12, True)])
def test_a_ball_that_flies_does_not_dim_a_face(size, is_dimmed):
    importance, moves = np.zeros((68, 120), np.float32), np.zeros((68, 120), np.float32)
    importance[20:40, 20:40] = 0.9
    importance[30 : 30 + size, 80 : 80 + size] = moves[30 : 30 + size, 80 : 80 + size] = 1
    kept = MotionEmphasis(0.5).update(importance, moves)
    assert (kept[30, 30] < 0.7) == is_dimmed
    assert kept[30, 30] > (0.4 if is_dimmed else 0.85)


@settings(max_examples=50)
@given(maps, st.floats(0, 0.99))
def test_smoothing_a_constant_map_is_the_identity(values, smoothing):
    propagator = MapPropagator(smoothing, 0)
    propagator.update(Step(is_cut=True, is_key=True), values)
    ones = np.ones((ROWS, COLS), np.float32)
    for is_key in (False, True, True, False):
        step = Step(False, is_key, Way(still(), ones))
        (kept,) = propagator.update(step, values if is_key else None)
        assert np.allclose(kept, values, atol=1e-6)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(maps, flows, maps, maps), min_size=1, max_size=4), st.floats(0, 0.99), st.floats(0, 1)
)
def test_propagated_maps_stay_in_range(sequence, smoothing, movement):
    propagator = MapPropagator(smoothing, movement)
    propagator.update(Step(is_cut=True, is_key=True), sequence[0][0])
    for index, (fresh, flow, believed, moves) in enumerate(sequence):
        is_key = index % 2 == 0
        (values,) = propagator.update(
            Step(False, is_key, Way(flow, believed), OwnMotion(moves)), fresh if is_key else None
        )
        assert values.min() >= -1e-6
        assert values.max() <= 1 + 1e-6


def test_maps_of_any_size_are_stretched_over_the_grid():
    propagator = MapPropagator(0.5, 0)
    propagator.update(Step(is_cut=True, is_key=True), np.eye(3, dtype=np.float32))
    step = Step(False, True, Way(still(), np.ones((ROWS, COLS), np.float32)))
    (values,) = propagator.update(step, np.ones((200, 300), np.float32))
    assert values.shape == (ROWS, COLS)


def test_a_pan_carries_the_map_between_key_frames():
    wide = smooth_texture(400, 136)
    planner, propagator = Planner(8, KnownMotion(2, 0), find_own_motion=False), MapPropagator(0, 0)
    square = np.zeros((68, 120), np.float32)
    square[20:40, 60:80] = 1
    for index in range(5):
        # The camera goes right by two cells, four samples, a frame: things go left.
        step = planner.update(Still(wide[:, 4 * index : 4 * index + 240].copy()))
        (values,) = propagator.update(step, square if index == 0 else None)
        assert step.is_key == (index == 0)
        expected = np.zeros_like(square)
        expected[20:40, 60 - 2 * index : 80 - 2 * index] = 1
        assert np.abs(values - expected).max() < 1e-5


def test_key_frames_come_as_often_as_asked_and_at_cuts():
    scene = [smooth_texture(240, 136, seed) for seed in (1, 2)]
    planner = Planner(3, KnownMotion(), find_own_motion=False)
    steps = [planner.update(Still(scene[index >= 5])) for index in range(10)]
    assert [index for index, step in enumerate(steps) if step.is_key] == [0, 3, 5, 8]
    assert [index for index, step in enumerate(steps) if step.is_cut] == [0, 5]
    assert steps[5].way is None


def test_unexplained_change_calls_for_a_key_frame():
    scene, other = smooth_texture(240, 136, 1), smooth_texture(240, 136, 2)
    # Change comes bit by bit, so that it is no cut.
    scenes = [np.concatenate([other[:rows], scene[rows:]]) for rows in (0, 0, 50, 100, 100)]
    planner = Planner(100, KnownMotion(), find_own_motion=False)
    steps = [planner.update(Still(one)) for one in scenes]
    assert [one.is_key for one in steps] == [True, False, False, True, False]
    assert [one.is_cut for one in steps] == [True, False, False, False, False]


def test_without_an_estimator_every_frame_is_a_key_frame():
    planner = Planner(1, None, find_own_motion=False)
    scene = smooth_texture(240, 136)
    steps = [planner.update(Still(scene)) for _ in range(3)]
    assert all(step.is_key for step in steps)
    assert all(step.way is None for step in steps)


def found_cuts(thumbnails):
    detector = SceneCutDetector()
    return [index for index, one in enumerate(thumbnails) if detector.update(np.ascontiguousarray(one))]


def test_a_cut_is_found_to_the_frame_and_a_pan_is_none():
    assert found_cuts(pictures(240, 136, 20, cut_at=12)) == [0, 12]


@pytest.mark.parametrize("speed", [8, 30, 80])
def test_a_fast_pan_is_no_cut(speed):
    scene = smooth_texture(240 + 12 * speed, 136)
    assert found_cuts(scene[:, speed * index : speed * index + 240] for index in range(12)) == [0]


def test_a_pan_that_starts_at_full_speed_is_no_cut():
    scene = smooth_texture(1200, 136)
    assert found_cuts(scene[:, x : x + 240] for x in (0, 0, 0, 60, 120, 180, 180)) == [0]


@pytest.mark.parametrize(("gain", "lift"), [(1.4, 50), (0.3, 0), (0, 255), (0, 0)])
def test_a_flash_or_a_black_frame_is_no_cut(gain, lift):
    scene = smooth_texture(240, 136)
    flash = np.clip(scene * gain + lift, 0, 255).astype(np.uint8)
    assert found_cuts([scene, scene, flash, scene, scene, flash, flash, scene]) == [0]


def test_key_frames_far_apart_show_other_scenes_only_if_the_tone_differs_too():
    textures = [smooth_texture(240, 136, seed) for seed in (1, 2)]
    a, b = (np.clip(128 + 3 * (one - 128.0), 0, 255).astype(np.uint8) for one in textures)
    assert are_other_scenes(a, b)
    assert not are_other_scenes(a, (a * 0.5).astype(np.uint8))
    # Where little is to be seen, as on a road, all detail is that of the cars, which are others by and by.
    assert not are_other_scenes(*textures)
    assert are_other_scenes(a, b[:, :120].copy())


def test_a_cut_behind_a_black_frame_is_found():
    a, b = smooth_texture(240, 136, 1), smooth_texture(240, 136, 2)
    assert found_cuts([a, a, np.zeros_like(a), b, b]) == [0, 3]


def test_vectors_are_painted_where_their_blocks_lie():
    names = ["source", "w", "h", "dst_x", "dst_y", "motion_x", "motion_y", "motion_scale"]
    vectors = np.zeros(3, [(name, np.int32) for name in names])
    # A macroblock, a quarter of one, and one that hangs over the right edge.
    vectors[0] = (-1, 16, 16, 8, 8, 4, -8, 4)
    vectors[1] = (-1, 8, 8, 28, 12, 40, 0, 4)
    vectors[2] = (-1, 16, 16, 40, 8, 12, 12, 4)
    painted = paint_vectors(vectors, 44, 16)
    assert painted.shape == (2, 6, 2)
    assert (painted[:, :2] == [1, -2]).all()
    assert (painted[1, 3] == [10, 0]).all()
    assert (painted[0, 3] == 0).all()
    assert (painted[:, 4:] == 3).all()


@given(
    importance=hnp.arrays(np.float32, (9, 16), elements=st.floats(0, 1, width=32)),
    width=st.integers(16, 4000),
    height=st.integers(16, 4000),
)
def test_settled_maps_are_what_a_sidecar_keeps(importance, width, height):
    settled = MapSettler().update(importance, (width, height), is_cut=False)
    assert settled.shape == settled_grid(width, height)
    assert settled.size <= 2200
    assert np.array_equal(from_grey(to_grey(settled)), settled)
    assert settled.min() >= 0
    assert settled.max() <= 1


def test_settled_maps_change_only_for_a_reason():
    settler = MapSettler()
    first = settler.update(np.full((9, 16), 0.5, np.float32), (256, 144), is_cut=False)
    assert np.array_equal(settler.update(np.full((9, 16), 0.55, np.float32), (256, 144), is_cut=False), first)
    moved = settler.update(np.full((9, 16), 0.9, np.float32), (256, 144), is_cut=False)
    assert moved[0, 0] == pytest.approx(0.9, abs=0.08)
    again = settler.update(np.full((9, 16), 0.8, np.float32), (256, 144), is_cut=True)
    assert again[0, 0] == pytest.approx(0.8, abs=0.06)


@given(maps, st.floats(0, 0.99), st.integers(1, 9))
def test_frames_that_wait_keep_a_constant_map_and_their_order(values, smoothing, look_ahead):
    propagator = MapPropagator(smoothing, 0, look_ahead)
    way = Way(still(), np.ones((ROWS, COLS), np.float32))
    kept = propagator.update(Step(is_cut=True, is_key=True), values)
    for index in range(1, 12):
        is_key = index % 4 == 0
        step = Step(False, is_key, way, back=way)
        kept += propagator.update(step, values if is_key else None)
        assert index + 1 - len(kept) <= look_ahead
    kept += propagator.finish()
    assert len(kept) == 12
    assert all(np.allclose(one, values, atol=1e-5) for one in kept)


@settings(max_examples=40)
@given(st.lists(st.tuples(maps, flows, maps, maps), min_size=5, max_size=5), st.floats(0, 0.99))
def test_maps_from_both_sides_stay_in_range(sequence, smoothing):
    propagator = MapPropagator(smoothing, 0.5, 16)
    kept = propagator.update(Step(is_cut=True, is_key=True), sequence[0][0])
    for index, (fresh, flow, believed, moves) in enumerate(sequence):
        is_key = index % 2 == 1
        seen = OwnMotion(moves)
        step = Step(False, is_key, Way(flow, believed), seen, Way(-flow, believed), seen)
        kept += propagator.update(step, fresh if is_key else None)
    for values in (*kept, *propagator.finish()):
        assert values.min() >= -1e-5
        assert values.max() <= 1 + 1e-5


def test_an_inverse_flow_leads_back():
    y, x = np.mgrid[0:68, 0:120].astype(np.float32)
    flow = np.stack([2 + np.sin(y / 20), np.cos(x / 30)], -1)
    there_and_back = inverse(flow) + warp(flow, inverse(flow))
    assert np.abs(there_and_back[8:-8, 8:-8]).max() < 0.02


def test_own_motion_is_averaged_by_weight_and_fades_with_distance():
    seen = [OwnMotion(np.full((ROWS, COLS), value, np.float32)) for value in (1, 0, 0)]
    average = seen[0]
    for one in seen[1:]:
        average = one.joined(average.carried(still()))
    assert average.weight == pytest.approx(1 + 0.9 + 0.81)
    assert average.values == pytest.approx(0.81 / 2.71)
    assert seen[0].joined(None) is seen[0]


def still_steps(moving):
    """Steps of a scene in which nothing is carried anywhere, and what moves on each frame but the first."""
    way = Way(still(), np.ones((ROWS, COLS), np.float32))
    yield Step(is_cut=True, is_key=True)
    past = None
    for index, values in enumerate(moving, 1):
        moved = OwnMotion(values)
        past = moved.joined(past and past.carried(way.flow))
        yield Step(False, index % 4 == 0, way, past, way, moved)


def weighed(steps, importance, look_ahead):
    propagator = MapPropagator(0, 0.5, look_ahead)
    kept = [one for step in steps for one in propagator.update(step, importance if step.is_key else None)]
    return [*kept, *propagator.finish()]


def test_what_will_move_counts_more_from_the_first_frame_on():
    importance, moves = np.full((ROWS, COLS), 0.8, np.float32), np.zeros((ROWS, COLS), np.float32)
    moves[4:12, 4:12] = 1
    steps = list(still_steps([moves] * 7))
    at_once, late = (weighed(steps, importance, look_ahead)[0] for look_ahead in (16, 0))
    assert at_once[8, 8] == pytest.approx(0.8)
    assert at_once[8, 20] == pytest.approx(0.398, abs=1e-3)
    assert (late == importance).all()


def test_what_moves_by_frames_before_and_after_counts_alike():
    importance = np.full((ROWS, COLS), 0.8, np.float32)
    half = np.zeros((ROWS, COLS), np.float32)
    half[:, :12] = 1
    # It moves from the third frame to the fourth, and never again.
    steps = still_steps([half if index == 3 else 0 * half for index in range(1, 8)])
    kept = weighed(steps, importance, 16)
    left = [float(one[8, 4]) for one in kept]
    right = [float(one[8, 20]) for one in kept]
    assert min(left) > max(right)
    assert right[2] < right[0] < 0.79
    assert right[3] < right[7] < 0.79


@pytest.mark.parametrize("look_ahead", [2, 3, 5])
def test_frames_that_wait_as_long_as_they_may_know_what_moved_meanwhile(look_ahead):
    importance, moves = np.full((ROWS, COLS), 0.8, np.float32), np.zeros((ROWS, COLS), np.float32)
    moves[4:12, 4:12] = 1
    kept = weighed(still_steps([moves] * 3), importance, look_ahead)
    assert len(kept) == 4
    assert all(one[8, 20] < 0.55 < one[8, 8] for one in kept)
