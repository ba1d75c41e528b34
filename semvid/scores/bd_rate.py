"""Bjontegaard's rate difference: how many more bytes one way to encode needs than another, for equal quality.

Bjontegaard, "Calculation of average PSNR differences between RD-curves", VCEG-M33, 2001, with what
replaced his polynomial since (ITU-T HSTP-VID-WPOM, 2020): the logarithm of the rate, as a function of the
quality, is interpolated by monotone pieces (PCHIP) and averaged over the qualities that both curves reach.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from semvid.core.errors import ConfigError
from semvid.core.records import dataclass
from semvid.core.text import counted

LEAST_POINTS = 2
"""Encodes that make a curve."""
USUAL_POINTS = 4
SMALLEST_OVERLAP = 0.5
"""Below it, the difference says little: it is of the ends of the curves."""

Point = tuple[float, float]
"""Bytes, or bits a second, and a score that is higher where the picture is better."""
_Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BdRate:
    """How two curves of rate and quality differ."""

    change: float
    """Share of bytes that the test needs more than the anchor for equal quality: -0.25 = a quarter fewer. NaN
    if the curves reach no common quality."""
    overlap: float
    """Share of all qualities of the two curves that both reach, 0..1."""
    low: float
    """The lowest score that both reach, and ``high`` the highest."""
    high: float
    num_points: int
    """Of the curve that has fewer."""
    is_monotone: bool
    """Whether in both curves every larger encode scores better."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What makes the number doubtful, in words; empty if nothing does."""
        if math.isnan(self.change):
            return ("the curves reach no common quality",)
        found = []
        if self.overlap < SMALLEST_OVERLAP:
            found.append(f"the curves share only {self.overlap:.0%} of their range")
        if not self.is_monotone:
            found.append("a larger encode scores no better")
        if self.num_points < USUAL_POINTS:
            found.append(f"a curve has only {counted(self.num_points, 'encode')}, {USUAL_POINTS} are usual")
        return tuple(found)


def bd_rate(anchor: Iterable[Point], test: Iterable[Point]) -> BdRate:
    """Compare two curves of rate and quality.

    Args:
        anchor: Encodes to compare with, in any order.
        test: The others.

    Raises:
        ConfigError: A curve has fewer than ``LEAST_POINTS``, or a rate or score that is not finite.
    """
    curves = [_Curve(list(points), name) for points, name in ((anchor, "anchor"), (test, "test"))]
    ours, theirs = curves[1], curves[0]
    low = max(one.scores[0] for one in curves)
    high = min(one.scores[-1] for one in curves)
    whole = max(one.scores[-1] for one in curves) - min(one.scores[0] for one in curves)
    is_common = high > low
    change = math.expm1(ours.mean(low, high) - theirs.mean(low, high)) if is_common else math.nan
    return BdRate(
        change=change,
        overlap=(high - low) / whole if is_common else 0.0,
        low=float(low),
        high=float(high),
        num_points=min(one.num_points for one in curves),
        is_monotone=all(one.is_monotone for one in curves),
    )


class _Curve:
    """The logarithm of the rate by quality.

    Attributes:
        scores: Rising. Of encodes with one score, only the smallest counts.
    """

    def __init__(self, points: list[Point], name: str) -> None:
        if len(points) < LEAST_POINTS:
            raise ConfigError(
                f"the {name} has {counted(len(points), 'encode')}: a curve needs {LEAST_POINTS} at least, "
                f"and {USUAL_POINTS} are usual; give more"
            )
        if not all(math.isfinite(one) for point in points for one in point) or min(points)[0] <= 0:
            raise ConfigError(
                f"the {name} has a rate of 0 or a value that is not finite; give measured numbers"
            )
        best: dict[float, float] = {}
        for rate, score in sorted(points, reverse=True):
            best[score] = rate
        self.num_points = len(points)
        self.scores: _Values = np.array(sorted(best), np.float64)
        self._rates: _Values = np.log([best[one] for one in sorted(best)])
        self.is_monotone = len(best) == len(points) and bool((np.diff(self._rates) > 0).all())
        self._slopes = slopes(self.scores, self._rates) if len(best) > 1 else np.zeros(1)

    def mean(self, low: float, high: float) -> float:
        """Return the mean over a range of scores within the curve's."""
        inner = self.scores[(self.scores > low) & (self.scores < high)]
        ends = np.concatenate([[low], inner, [high]])
        middles = (ends[1:] + ends[:-1]) / 2
        # Simpson's rule, which is exact for the cubic that every piece is.
        values = self._at(ends)
        pieces = (values[:-1] + 4 * self._at(middles) + values[1:]) * np.diff(ends) / 6
        return float(pieces.sum() / (high - low))

    def _at(self, where: _Values) -> _Values:
        x, y, d = self.scores, self._rates, self._slopes
        index = np.clip(np.searchsorted(x, where, "right") - 1, 0, len(x) - 2)
        width = x[index + 1] - x[index]
        t = (where - x[index]) / width
        found: _Values = (
            y[index] * (1 + 2 * t) * (1 - t) ** 2
            + y[index + 1] * (3 - 2 * t) * t**2
            + width * (d[index] * (1 - t) - d[index + 1] * t) * t * (1 - t)
        )
        return found


def slopes(x: _Values, y: _Values) -> _Values:
    """Return the derivatives of PCHIP at its points.

    Inside by Fritsch and Butland (SIAM J. Sci. Stat. Comput. 5, 1984, eq. 5), at the ends by three points,
    limited so that the curve keeps its shape (Moler, Numerical Computing with MATLAB, 2004, section 3.6).
    """
    width, rise = np.diff(x), np.diff(y) / np.diff(x)
    if len(rise) == 1:
        return np.repeat(rise, 2)
    before, after = rise[:-1], rise[1:]
    first, second = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    inside = np.zeros(len(before))
    is_same = before * after > 0
    inside[is_same] = ((first + second)[is_same]) / (
        first[is_same] / before[is_same] + second[is_same] / after[is_same]
    )
    ends = (
        _end_slope(width[0], width[1], rise[0], rise[1]),
        _end_slope(width[-1], width[-2], rise[-1], rise[-2]),
    )
    return np.concatenate([[ends[0]], inside, [ends[1]]])


def _end_slope(near: float, far: float, rise: float, next_rise: float) -> float:
    slope = ((2 * near + far) * rise - near * next_rise) / (near + far)
    if slope * rise <= 0:
        return 0.0
    if rise * next_rise < 0 and abs(slope) > 3 * abs(rise):
        return 3 * rise
    return slope
