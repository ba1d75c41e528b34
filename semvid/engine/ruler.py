"""Measures encodes of parts of a video, and of all of it, by the source's frames of these parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from semvid.core.records import dataclass
from semvid.engine.part_frames import file_frames, trial_frames
from semvid.engine.samples import Sample
from semvid.engine.trials import PartsTrial
from semvid.scores.parts import PartScorer, PartScores


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured."""

    score: float
    """NaN = there is nothing to measure."""
    rest: float | None
    """None = there is none, or it was not measured."""
    num_scored: float = 0.0
    """Frames of the video that have what ``score`` is of, as far as the parts tell."""
    num_rest: float = 0.0
    """The same of ``rest``."""

    @classmethod
    def of_parts(cls, parts: Sequence[Measured]) -> Measured:
        """Sum up what was measured of parts that make up a video."""
        scored = [(one.score, one.num_scored) for one in parts if not math.isnan(one.score)]
        rests = [(one.rest, one.num_rest) for one in parts if one.rest is not None]
        score, num_scored = _mean(scored)
        rest, num_rest = _mean(rests)
        return cls(score, None if math.isnan(rest) else rest, num_scored, num_rest)


def _mean(values: Sequence[tuple[float, float]]) -> tuple[float, float]:
    total = sum(weight for _, weight in values)
    return (sum(value * weight for value, weight in values) / total if total else math.nan), total


class Ruler:
    """The source's frames of some parts of a video, to measure encodes by.

    Args:
        scorer: It gets the frames before the first encode.
        samples: The parts.
        num_frames: Of the whole video: each part counts by how many of them are nearest to it.
    """

    def __init__(self, scorer: PartScorer, samples: Sequence[Sample], num_frames: int) -> None:
        self.scorer, self._samples = scorer, samples
        self._weights = weights_of(samples, num_frames)

    def of_trial(self, tried: PartsTrial) -> Measured:
        """Measure a trial of these parts."""
        return self._means(self.scorer.score(trial_frames(tried.parts)))

    def of_file(self, path: Path) -> Measured:
        """Measure an encode of the whole video."""
        return self._means(self.scorer.score(file_frames(path, self._samples)))

    def _means(self, found: PartScores) -> Measured:
        score = found.mean(found.target, self._weights)
        num_scored = found.num_scored(found.target, self._weights)
        if found.rest is None:
            return Measured(score, None, num_scored)
        rest, num_rest = found.mean(found.rest, self._weights), found.num_scored(found.rest, self._weights)
        return Measured(score, None if math.isnan(rest) else rest, num_scored, num_rest)


def weights_of(samples: Sequence[Sample], num_frames: int) -> list[float]:
    """Return how many frames of a video each part stands for: those that are nearest to it."""
    middles = [(one.compared_from + one.compared_to) / 2 for one in samples]
    borders = [0.0, *((one + other) / 2 for one, other in pairwise(middles))]
    ends = [*borders[1:], float(num_frames)]
    return [end - start for start, end in zip(borders, ends, strict=True)]
