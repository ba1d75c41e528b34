"""Searches the quality at which an encode has a wanted size."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import dataclass

from semvid.codecs.base.codec import QualityScale
from semvid.core.results import Result

_CLOSE = math.log2(1.01)
_MOST_TRIALS = 6


@dataclass(frozen=True, slots=True)
class Trial:
    """One encode of a search has ended."""

    quality: float
    result: Result
    octaves: float
    """Binary logarithm of its size divided by the wanted one."""


class SizeSearch:
    """Encodes until the size fits within 1 %, or as closely as six trials or whole quality steps allow.

    Args:
        scale: The encoder's quality scale.
        wanted_bytes: Size of the video stream.

    Attributes:
        trials: All so far.
    """

    def __init__(self, scale: QualityScale, wanted_bytes: int) -> None:
        self._scale, self._wanted = scale, wanted_bytes
        self.trials: list[Trial] = []

    @property
    def best(self) -> Trial | None:
        """The closest trial so far, also when one failed; None = there was none."""
        return min(self.trials, key=lambda one: abs(one.octaves), default=None)

    def run(self, first: float, encode: Callable[[float], Result]) -> Generator[Trial, None, None]:
        """Encode at one quality after another; what ``encode`` raises ends the search, and ``best`` stays.

        Args:
            first: The quality to begin with.
            encode: Encodes at a quality of the scale.

        Yields:
            Every trial as it ends.
        """
        quality: float | None = self._scale.round(first)
        while quality is not None and len(self.trials) < _MOST_TRIALS:
            result = encode(quality)
            octaves = math.log2(max(result.video_bytes, 1) / max(self._wanted, 1))
            trial = Trial(quality, result, octaves)
            self.trials.append(trial)
            yield trial
            quality = self._next(trial)

    def _next(self, last: Trial) -> float | None:
        """Return the quality to try next; None = this is as close as it gets."""
        if abs(last.octaves) < _CLOSE:
            return None
        large = min((one for one in self.trials if one.octaves > 0), key=_distance, default=None)
        small = min((one for one in self.trials if one.octaves <= 0), key=_distance, default=None)
        if large and small:
            share = large.octaves / (large.octaves - small.octaves)
            guess = large.quality + share * (small.quality - large.quality)
        else:
            guess = last.quality + self._scale.steps_per_octave * last.octaves
            if not self._scale.takes_fractions and self._scale.round(guess) == last.quality:
                guess = last.quality + math.copysign(1, guess - last.quality)
        guess = self._scale.round(guess)
        return None if any(guess == one.quality for one in self.trials) else guess


def _distance(trial: Trial) -> float:
    return abs(trial.octaves)
