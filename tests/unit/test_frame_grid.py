"""Frames of a constant rate: every moment shows the frame that was shown then, and no length changes."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.config import EditConfig
from semvid.core.edit import parse_rate
from semvid.core.errors import ConfigError
from semvid.media.frame_grid import finer, place_of, shown_at

BASES = st.sampled_from([Fraction(1, 1000), Fraction(1, 12800), Fraction(1, 90_000), Fraction(1001, 30_000)])
RATES = st.sampled_from([Fraction(10), Fraction(25), Fraction(30_000, 1001), Fraction(60), Fraction(7, 2)])


@given(BASES, RATES)
def test_units_are_of_both(base, rate):
    unit = finer(base, rate)
    assert (base / unit).denominator == 1
    assert (1 / rate / unit).denominator == 1


@given(BASES, RATES, st.lists(st.integers(1, 400), min_size=1, max_size=60))
def test_each_frame_shows_the_last_one_of_its_time(base, rate, steps):
    times = [sum(steps[:index]) for index in range(len(steps))]
    end = sum(steps)
    found = shown_at(times, end, base, rate)
    assert [place for place, _ in found] == list(range(place_of(end, base, rate)))
    assert [index for _, index in found] == sorted(index for _, index in found)
    for place, index in found:
        assert place_of(times[index], base, rate) <= place
        assert index + 1 == len(times) or place_of(times[index + 1], base, rate) > place


@pytest.mark.parametrize(
    ("text", "rate"),
    [("25", Fraction(25)), ("30000/1001", Fraction(30_000, 1001)), ("29.97", Fraction(30_000, 1001)), ("23.976", Fraction(24_000, 1001)),
     ("12.5", Fraction(25, 2)), ("60", Fraction(60))],
)  # fmt: skip
def test_rates_are_exact(text, rate):
    assert parse_rate(text) == rate
    assert EditConfig(frame_rate=text).has_filters


@pytest.mark.parametrize("text", ["", "fast", "25/0", "1e3", "-5", "25 fps", "0", "0.5", "999", "1/3"])
def test_other_rates_are_refused(text):
    with pytest.raises(ConfigError, match="`+frame_rate=.*(is no frame rate|is out of range)"):
        EditConfig(frame_rate=text)


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("fps=10", "give `frame_rate` instead"),
        ("vflip,select=not(mod(n\\,2))", "`frame_rate`, `start` and `end` leave out frames"),
        ("decimate", "leave out frames"),
        ("framestep=2", "leave out frames"),
        ("tinterlace", "pictures are coded whole"),
        ("setpts=0.5*PTS", "sound and subtitles would not go along"),
    ],
)
def test_filters_that_change_times_are_refused_before_any_work(text, remedy):
    with pytest.raises(
        ConfigError, match="changes how many frames there are, or when they are shown"
    ) as caught:
        EditConfig(filter=text)
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
