"""A timecode goes on as the frames do, with and without dropped numbers."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.media.writing.timecode import move_timecode, moved

NTSC, DOUBLE = Fraction(30_000, 1001), Fraction(60_000, 1001)


@pytest.mark.parametrize(
    ("text", "rate", "num_frames", "wanted"),
    [
        ("01:00:00:00", Fraction(25), 10, "01:00:00:10"),
        ("01:00:00:20", Fraction(25), 10, "01:00:01:05"),
        ("23:59:59:24", Fraction(25), 1, "00:00:00:00"),
        ("10:00:00:00", Fraction(24_000, 1001), 24, "10:00:01:00"),
        ("00:00:59;29", NTSC, 1, "00:01:00;02"),
        ("00:09:59;29", NTSC, 1, "00:10:00;00"),
        ("01:00:00;00", NTSC, 17_982, "01:10:00;00"),
        ("00:00:59:29", NTSC, 1, "00:01:00:00"),
        ("00:00:59;59", DOUBLE, 1, "00:01:00;04"),
    ],
)
def test_frames_are_counted(text, rate, num_frames, wanted):
    assert moved(text, rate, num_frames / rate, rate) == wanted


@given(st.integers(0, 2_589_407), st.sampled_from([";", ":"]))
def test_no_number_is_given_twice(number, mark):
    start = f"00:00:00{mark}00"
    one, other = (moved(start, NTSC, count / NTSC, NTSC) for count in (number, number + 1))
    assert one < other or other == start
    assert moved(one, NTSC, Fraction(0), NTSC) == one


def test_another_rate_counts_other_frames():
    assert moved("01:00:00:10", Fraction(25), Fraction(0), Fraction(50)) == "01:00:00:20"
    assert moved("00:10:00;00", NTSC, Fraction(0), Fraction(25)) == "00:10:00:00"


@pytest.mark.parametrize("text", ["", "1:00:00:00", "01:00:00:30", "01:61:00:00"])
def test_what_is_none_stays_behind(text):
    tags = {"TIMECODE": text, "title": "a"}
    assert "is left out" in move_timecode(tags, Fraction(25), Fraction(1), Fraction(25))[0]
    assert tags == {"title": "a"}
    assert move_timecode(tags, None, Fraction(1), None) == []
