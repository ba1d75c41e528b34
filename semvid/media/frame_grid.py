"""Frames at a constant rate: which frame of a video is shown when, as FFmpeg's ``fps`` has it."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd


def finer(time_base: Fraction, rate: Fraction) -> Fraction:
    """Return the longest unit of which both a time base and a frame are whole multiples, in seconds."""
    one, other = time_base, 1 / rate
    return Fraction(
        gcd(one.numerator * other.denominator, other.numerator * one.denominator),
        one.denominator * other.denominator,
    )


def place_of(pts: int, time_base: Fraction, rate: Fraction) -> int:
    """Return the number of the frame that is shown at a time, which is rounded, halves up."""
    return int(pts * time_base * rate + Fraction(1, 2))


def shown_at(pts: Sequence[int], end: int, time_base: Fraction, rate: Fraction) -> list[tuple[int, int]]:
    """Return the frames of a constant rate: the number of each, and the index of the frame that it shows.

    Args:
        pts: When frames are shown, in order.
        end: When the last is no longer shown.
        time_base: Of both.
        rate: Frames per second.
    """
    places = [place_of(one, time_base, rate) for one in pts]
    ends = [*places[1:], place_of(end, time_base, rate)]
    return [
        (place, index)
        for index, (first, stop) in enumerate(zip(places, ends, strict=True))
        for place in range(first, stop)
    ]
