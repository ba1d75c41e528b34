"""Searches the quality at which an encode is what was asked for: so large, or so good."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Generic, TypeVar

from semvid.codecs.base.codec import QualityScale
from semvid.core.records import dataclass

Value = TypeVar("Value")

CLOSE_SIZE = math.log2(1.01)
"""Octaves by which a size may miss."""
MOST_TRIALS = 6
_LEAST_SLOPE, _MOST_SLOPE = 0.25, 4.0
"""Of the slope between two trials, as a multiple of the usual one: nearer or farther it is not believed."""

_TOLD_STEPS = 3.0
"""Steps between two trials from which on they alone tell the slope."""


@dataclass(frozen=True, slots=True)
class Point(Generic[Value]):
    """One trial of a search."""

    quality: float
    miss: float
    """Signed distance from what was asked for: above 0 = larger or better than that."""
    value: Value
    """What was encoded."""


class Search(Generic[Value]):
    """Proposes one quality after another, each by interpolation between those before it.

    Size and scores change with the quality mostly in one direction, and nearly evenly.

    Args:
        scale: The encoder's qualities.
        steps_per_miss: Steps on the scale that a miss of 1 is worth, roughly: by them it goes until two
            trials say more. Negative where a higher quality is larger and better.
        accepts: Whether a miss is small enough.
        most: Trials at most.

    Attributes:
        points: The trials so far.
    """

    def __init__(
        self,
        scale: QualityScale,
        steps_per_miss: float,
        accepts: Callable[[float], bool],
        *,
        most: int = MOST_TRIALS,
    ) -> None:
        self._scale, self._usual, self._accepts, self._most = scale, steps_per_miss, accepts, most
        self.points: list[Point[Value]] = []

    @classmethod
    def of_size(cls, scale: QualityScale) -> Search[Value]:
        """Return a search for a size within 1 %, whose misses are octaves."""
        return cls(scale, scale.steps_per_octave, lambda octaves: abs(octaves) < CLOSE_SIZE)

    @property
    def best(self) -> Point[Value] | None:
        """The closest trial so far; None = there was none."""
        return min(self.points, key=_distance, default=None)

    @property
    def is_over(self) -> bool:
        """Whether a trial was accepted, or there were enough of them."""
        return bool(self.points) and (self._accepts(self.points[-1].miss) or len(self.points) >= self._most)

    def note(self, quality: float, miss: float, value: Value) -> Point[Value]:
        """Add a trial."""
        point = Point(quality, miss, value)
        self.points.append(point)
        return point

    def next(self) -> float | None:
        """Return the quality to try after at least one trial; None = it comes no closer."""
        if self.is_over:
            return None
        last = self.points[-1]
        guesses = [self._scale.round(one) for one in self._crossings(0.0) or [self.where(0.0)]]
        if not self._scale.takes_fractions and guesses[0] == last.quality:
            guesses = [self._scale.round(last.quality + math.copysign(1, self._usual * last.miss))]
        tried = {one.quality for one in self.points}
        return next((one for one in guesses if one not in tried), None)

    @property
    def slope(self) -> float:
        """Steps that a miss of 1 is worth, by the two best trials."""
        return self.where(-0.05) / 0.05 - self.where(0.0) / 0.05 if len(self.points) > 1 else self._usual

    def where(self, miss: float) -> float:
        """Return the quality, not rounded, at which so much would be missed."""
        if crossings := self._crossings(miss):
            return crossings[0]
        # All are to one side of it. The farthest towards it tells most, though it need not be the nearest.
        way = math.copysign(1, self._usual * (self.points[0].miss - miss))
        first, *others = sorted(self.points, key=lambda one: -way * one.quality)
        slope = self._usual
        if others and others[0].miss != first.miss:
            gap = first.miss - others[0].miss
            found = (others[0].quality - first.quality) / gap / self._usual
            if found > 0:
                # Two that are near each other tell less than what is usual.
                trust = min(abs(gap * self._usual) / _TOLD_STEPS, 1.0)
                slope *= 1 + trust * (min(max(found, _LEAST_SLOPE), _MOST_SLOPE) - 1)
        return first.quality + slope * (first.miss - miss)

    def _crossings(self, miss: float) -> list[float]:
        """Return the qualities at which so much would be missed, by the trials to either side, nearest first.

        There may be more than one: at whole qualities sizes can jump up.
        """
        found = []
        for one, other in pairwise(sorted(self.points, key=lambda each: each.quality)):
            if (one.miss > miss) != (other.miss > miss):
                gap = other.quality - one.quality
                found.append((gap, one.quality + gap * (one.miss - miss) / (one.miss - other.miss)))
        return [quality for _, quality in sorted(found)]


def _distance(point: Point[Value]) -> float:
    return abs(point.miss)
