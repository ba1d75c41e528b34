"""Turns, sizes and padding: what one function does the other undoes, and nothing is lost on the way."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semvid.core.geometry import (
    even_side,
    extended,
    grid_shape,
    scaled_size,
    square_size,
    stacked,
    turned,
    turned_size,
)
from semvid.core.resampling import averaged, fitted, quickly_averaged, scaled, stretched
from semvid.media.orientation import turn, turn_back

pictures = hnp.arrays(np.uint8, hnp.array_shapes(min_dims=2, max_dims=3, max_side=9))
turns = st.integers(-9, 9)
sides = st.integers(1, 5000)
sizes = st.tuples(sides, sides)


@given(pictures, turns)
def test_turning_back_gives_what_there_was_row_by_row_in_memory(picture, turns):
    upright = turned(picture, turns)
    assert upright.flags.c_contiguous
    assert upright.shape[1::-1] == turned_size(picture.shape[1::-1], turns)
    assert np.array_equal(turned(upright, -turns), picture)
    assert np.array_equal(turned(upright, 4 - turns), picture)
    assert turned_size(turned_size((7, 3), turns), -turns) == (7, 3)


def test_a_quarter_turn_is_counter_clockwise():
    assert turned(np.array([[1, 2], [3, 4]]), 1).tolist() == [[2, 4], [1, 3]]


@given(pictures, st.integers(1, 8))
def test_every_orientation_of_exif_is_undone(picture, orientation):
    upright = turn(picture, orientation)
    assert upright.flags.c_contiguous
    assert upright.shape[:2] == turned_size(picture.shape[:2], orientation >= 5)
    assert np.array_equal(turn_back(upright, orientation), picture)


def test_what_is_upright_is_not_copied_but_views_of_wider_rows_are():
    picture = np.zeros((4, 6), np.uint8)
    assert np.shares_memory(turned(picture, 4), picture)
    assert turned(picture[:, :5], 0).flags.c_contiguous


@given(pictures, turns)
def test_tensors_turn_as_arrays_do_and_stay_tensors(picture, turns):
    torch = pytest.importorskip("torch")
    upright = turned(torch.from_numpy(picture.copy()), turns)
    assert upright.is_contiguous()
    assert np.array_equal(upright.numpy(), turned(picture, turns))
    both = stacked([upright, upright])
    assert np.array_equal(both.numpy(), stacked([turned(picture, turns)] * 2))


@given(pictures.filter(lambda one: one.ndim == 2), st.integers(0, 9), st.integers(0, 9))
def test_padding_repeats_the_last_row_and_column(picture, down, across):
    height, width = picture.shape
    padded = extended(picture, height + down, width + across)
    assert padded.shape == (height + down, width + across)
    assert np.array_equal(padded[:height, :width], picture)
    assert (padded[height:] == padded[height - 1]).all()
    assert (padded[:, width:] == padded[:, width - 1 : width]).all()


@given(sizes, st.integers(1, 64))
def test_a_grid_covers_every_pixel_with_no_cell_to_spare(size, cell):
    width, height = size
    rows, cols = grid_shape(width, height, cell)
    assert rows * cell >= height > (rows - 1) * cell
    assert cols * cell >= width > (cols - 1) * cell


@given(sizes, st.floats(0.001, 4), st.sampled_from([1, 2]))
def test_scaled_sizes_are_near_whole_multiples_and_never_nothing(size, factor, multiple):
    for side, new in zip(size, scaled_size(size, factor, multiple=multiple, least=multiple), strict=True):
        assert new % multiple == 0
        assert new == multiple or abs(new - side * factor) <= multiple / 2


@given(st.fractions(Fraction(1, 100), 5000), st.integers(1, 2500).map(lambda half: 2 * half))
def test_even_sides_fit(side, most):
    new = even_side(side, most)
    assert new % 2 == 0
    assert 2 <= new <= most


@pytest.mark.parametrize(
    ("aspect", "turns", "size"),
    [(None, 0, (40, 30)), (Fraction(3, 2), 2, (60, 30)), (Fraction(3, 2), 1, (27, 30)), (Fraction(1, 99), 0, (1, 30))],
)  # fmt: skip
def test_pixels_become_square_in_width_alone(aspect, turns, size):
    assert square_size((40, 30), aspect, turns) == size


@given(hnp.arrays(np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.floats(0, 1, width=32)),
       st.integers(1, 20), st.integers(1, 20))  # fmt: skip
def test_maps_keep_their_range_at_any_size(values, rows, cols):
    for resample in (averaged, stretched, fitted):
        made = resample(values, rows, cols)
        assert made.shape == (rows, cols)
        assert made.dtype == np.float32
        assert values.min() - 1e-5 <= made.min()
        assert made.max() <= values.max() + 1e-5
        assert resample(values, *values.shape) is values


def test_averages_shrink_and_smooth_ways_enlarge():
    checks = np.indices((8, 8)).sum(0) % 2 * np.float32(1)
    assert (averaged(checks, 4, 4) == 0.5).all()
    assert np.array_equal(fitted(checks, 4, 4), averaged(checks, 4, 4))
    assert np.array_equal(fitted(checks, 16, 16), stretched(checks, 16, 16))
    assert np.array_equal(scaled(checks, 4, 4), averaged(checks, 4, 4))
    assert scaled(checks, 16, 16).max() > 1, "bicubic, which overshoots"


@pytest.mark.parametrize("shape", [(136, 240), (240, 427), (360, 640), (540, 960), (1080, 1920), (100, 960)])
def test_averaging_quickly_is_near_the_exact_average(shape):
    picture = cv2.blur(np.random.default_rng(3).integers(0, 256, shape, np.uint8), (9, 9))
    quick = quickly_averaged(picture, 68, 120)
    assert quick.shape == (68, 120)
    assert np.abs(quick.astype(int) - averaged(picture, 68, 120)).mean() < 2.5
    assert (quickly_averaged(np.full(shape, 77, np.uint8), 68, 120) == 77).all()
