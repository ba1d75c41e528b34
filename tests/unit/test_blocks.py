import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from semvid.allocate.blocks import area_max, area_mean, cover_with_rectangles
from semvid.core.geometry import grid_shape

sizes = st.integers(1, 200)
maps = hnp.arrays(
    np.float32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40), elements=st.floats(0, 1, width=32)
)
levels = hnp.arrays(
    np.int32, hnp.array_shapes(min_dims=2, max_dims=2, max_side=24), elements=st.integers(-4, 4)
)


def paint(rectangles, shape):
    grid = np.full(shape, 99, np.int32)
    for top, bottom, left, right, level in rectangles[::-1]:
        grid[top:bottom, left:right] = level
    return grid


@given(hnp.arrays(np.uint8, st.tuples(sizes, sizes)), st.booleans(), st.sampled_from([8, 16, 64]))
def test_area_mean_of_8_bits_is_that_of_the_same_numbers(half, is_odd, block):
    height, width = (2 * side - is_odd for side in half.shape)
    mean = area_mean(half, width, height, block)
    assert mean.dtype == np.float32
    assert np.allclose(mean, area_mean(half.astype(np.float32), width, height, block), atol=1e-3)


@given(maps, sizes, sizes, st.sampled_from([8, 16, 64]))
def test_area_mean_has_the_grid_shape_and_stays_in_range(values, width, height, block):
    mean = area_mean(values, width, height, block)
    assert mean.shape == grid_shape(width, height, block)
    assert mean.min() >= values.min() - 1e-5
    assert mean.max() <= values.max() + 1e-5


@given(maps, sizes, sizes)
def test_area_mean_loses_nothing(values, width, height):
    block = 16
    mean = area_mean(values, width, height, block)
    rows, cols = mean.shape
    tall = np.minimum(block, height - block * np.arange(rows))
    wide = np.minimum(block, width - block * np.arange(cols))
    assert np.isclose((mean * np.outer(tall, wide)).sum() / (width * height), values.mean(), atol=1e-4)


def test_area_mean_puts_a_square_where_it_is():
    # A quarter-size map of a 101x75 frame with its right half white: no crop, no drift, the edge at 50.5.
    values = np.zeros((19, 26), np.float32)
    values[:, 13:] = 1
    mean = area_mean(values, 101, 75, 16)
    assert np.allclose(mean[:, :3], 0, atol=1e-6)
    assert np.allclose(mean[:, 3], (64 - 50.5) / 16, atol=1e-5)
    assert np.allclose(mean[:, 4:], 1, atol=1e-6)


@pytest.mark.parametrize("kind", [np.uint8, np.float32])
@pytest.mark.parametrize(
    ("samples", "extent"), [(8, 8), (12, 24), (14, 28), (13, 27), (5, 40), (40, 30), (1, 20)]
)
def test_area_mean_is_the_mean_of_what_lies_under_each_block(samples, extent, kind):
    block = 8
    values = (np.arange(3 * samples).reshape(samples, 3) ** 2 % 251).astype(kind)
    # Each sample is `extent` cells high, each pixel `samples` cells.
    cells = np.repeat(values.astype(np.float64), extent, axis=0)
    tops = range(0, extent * samples, block * samples)
    expected = [cells[top : top + block * samples].mean() for top in tops]
    assert np.allclose(area_mean(values, 3, extent, block).ravel(), expected, rtol=1e-6)
    assert np.allclose(area_mean(values.T, extent, 3, block).ravel(), expected, rtol=1e-6)


@given(levels)
def test_cover_paints_exactly_the_levels(grid):
    assert np.array_equal(paint(cover_with_rectangles(grid), grid.shape), grid)


def test_cover_of_one_level_is_one_rectangle():
    assert cover_with_rectangles(np.full((5, 7), 3, np.int32)).tolist() == [[0, 5, 0, 7, 3]]


def test_cover_of_nested_squares_is_one_rectangle_each():
    grid = np.full((20, 20), 4, np.int32)
    grid[4:16, 4:16] = 0
    grid[8:12, 8:12] = -4
    assert len(cover_with_rectangles(grid)) == 3


@given(maps, sizes, sizes, st.sampled_from([8, 16, 64]))
def test_area_max_is_no_less_than_the_mean_and_reaches_the_highest(values, width, height, block):
    highest = area_max(values, width, height, block)
    assert highest.shape == (-(-height // block), -(-width // block))
    assert (highest >= area_mean(values, width, height, block) - 1e-2).all()
    assert highest.max() <= values.max()
    if values.shape[0] <= height and values.shape[1] <= width:
        assert highest.max() == values.max()


def test_area_max_counts_a_place_in_its_own_block_only():
    values = np.zeros((48, 64), np.float32)
    values[16, 31] = 1
    assert area_max(values, 64, 48, 16).tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 0]]
