from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.temporal.cadence import frames_between_maps

RATES = st.fractions(Fraction(1, 10), Fraction(1000))


@pytest.mark.parametrize(
    ("rate", "frames"), [(None, 10), (1, 10), (15, 10), (24, 10), (25, 10), (30, 12), (50, 13), (60, 13)]
)
def test_more_frames_a_second_are_alike_for_longer(rate, frames):
    assert frames_between_maps(10, rate and Fraction(rate)) == frames


@given(st.integers(2, 240), RATES, st.floats(1, 2))
def test_waits_are_never_shorter_than_was_asked(usual, rate, sparing):
    assert frames_between_maps(usual, rate) >= usual
    assert frames_between_maps(usual, rate, sparing) >= round(usual * sparing)
    assert frames_between_maps(usual, rate) <= round(usual * 1.3)


@given(RATES)
def test_what_has_a_map_on_every_frame_keeps_it(rate):
    assert frames_between_maps(1, rate, 1.4) == 1
