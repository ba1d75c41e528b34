"""Maps that are finer by parts of a quantizer step."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.allocate.blocks import cover_with_rectangles
from semvid.codecs.ffmpeg.part_steps import PartSteps

ROWS, COLS = 20, 32


def painted(cover):
    levels = np.full((ROWS, COLS), 99, np.int32)
    for top, bottom, left, right, level in cover[::-1]:
        levels[top:bottom, left:right] = level
    return levels


def a_map(*levels):
    made = np.zeros((ROWS, COLS), np.int32)
    for index, level in enumerate(levels):
        made[3 + 2 * index : 15, 2 + 3 * index : 28] = level
    return made


@pytest.mark.parametrize(("steps", "line"), [(0.0, 0), (0.25, 5), (0.5, 10), (0.95, 19)])
def test_a_part_of_a_step_is_taken_above_a_line(steps, line):
    levels = a_map(3, -2)
    finer = painted(PartSteps(steps, None, 512, -63).apply(cover_with_rectangles(levels)))
    assert np.array_equal(levels - finer, np.where(np.arange(ROWS) < line, 1, 0)[:, None] + 0 * levels)


def test_whole_steps_are_taken_everywhere():
    levels = a_map(3, -2)
    finer = painted(PartSteps(2.0, None, 512, -63).apply(cover_with_rectangles(levels)))
    assert np.array_equal(finer, levels - 2)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5, unique=True), st.floats(0, 3), st.integers(6, 7))
def test_the_encoder_is_never_given_more_levels_than_it_has(found, steps, most):
    levels = a_map(*found)
    finer = painted(PartSteps(steps, most, 512, -63).apply(cover_with_rectangles(levels)))
    assert np.count_nonzero(np.unique(finer)) <= most
    moved = levels - finer
    assert moved.min() >= np.floor(steps)
    assert moved.max() <= np.floor(steps) + 1


@pytest.mark.parametrize("most", [None, 5])
@given(steps=st.tuples(st.floats(0, 4), st.floats(0, 4)))
def test_more_steps_are_nowhere_coarser(most, steps):
    cover = cover_with_rectangles(a_map(3, 8, 12, 17, 22) if most else a_map(2, 5, 7))
    less, more = (painted(PartSteps(each, most, 512, -63).apply(cover)) for each in sorted(steps))
    assert (more <= less).all()


def test_nothing_is_finer_than_the_finest_step():
    levels = a_map(-62, -60)
    finer = painted(PartSteps(3.0, None, 512, -63).apply(cover_with_rectangles(levels)))
    assert finer.min() == -63


def test_the_same_blocks_are_finer_in_every_frame_once_levels_are_scarce():
    steps, still = PartSteps(0.5, 4, 512, -63), cover_with_rectangles(a_map(5))
    first = painted(steps.apply(still))
    assert len(np.unique(first)) == 4
    steps.apply(cover_with_rectangles(a_map(2, 5, 8)))
    after = painted(steps.apply(still))
    assert np.array_equal(after, painted(steps.apply(still)))
    # The half of a level that most blocks have is still above the line.
    assert sorted(np.unique(after)) in ([-1, 0, 4], [-1, 0, 5])


def test_a_cover_with_too_many_rectangles_is_not_split():
    cover = cover_with_rectangles(a_map(2, 5, 7))
    finer = PartSteps(0.5, None, len(cover), -63).apply(cover)
    assert len(finer) == len(cover)
