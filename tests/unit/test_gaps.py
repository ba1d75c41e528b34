"""Frames are missing where a constant rate has a hole that nothing in the file accounts for."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.media.reading.gaps import Gap, Times

MILLISECONDS = Fraction(1, 1000)
RATES = st.sampled_from([Fraction(24000, 1001), Fraction(25), Fraction(30000, 1001), Fraction(60)])


def gap(shown, durations=None, time_base=MILLISECONDS):
    times = Times()
    for index, one in enumerate(shown):
        times.note(one, durations[index] if durations else 0)
    return times.gap(time_base)


def steady(rate, num_frames=200):
    return [round(index * 1000 / rate) for index in range(num_frames)]


@given(RATES, st.integers(2, 190), st.integers(1, 8), st.randoms())
def test_what_is_missing_is_counted_in_any_order(rate, first, count, random):
    shown = steady(rate)
    del shown[first : first + count]
    order = list(shown)
    random.shuffle(order)
    found = gap(order)
    assert found.num_frames == count
    assert abs(found.first - first / rate) < Fraction(1, 100)


@given(RATES)
def test_nothing_is_missing_where_times_are_only_rounded(rate):
    assert gap(steady(rate)) is None


@pytest.mark.parametrize(
    "shown",
    [
        [0, 40, 200, 240],
        [index * 40 + 13 * (index % 3) for index in range(100)],
        [index * 40 for index in range(100) if index % 5],
        [*range(0, 4000, 40), *range(4100, 8000, 40)],
        [0, *range(120, 4000, 40)],
    ],
    ids=["few", "uneven", "a rate of its own", "no whole number of frames", "the delay of a decoder"],
)
def test_other_gaps_mean_nothing(shown):
    assert gap(shown) is None


def test_a_frame_that_says_how_long_it_is_shown_leaves_no_gap():
    shown = [index * 40 for index in range(100) if not 50 <= index < 60]
    said = [440 if one == 49 * 40 else 40 for one in shown]
    assert gap(shown, said) is None
    assert gap(shown, [40] * len(shown)) == Gap(10, Fraction(2))


def test_it_is_told_when():
    assert str(Gap(1, Fraction(3))) == "1 frame seems to be missing from 0:03.0 on"
    assert str(Gap(5, Fraction(723, 10))) == "5 frames seem to be missing from 1:12.3 on"
