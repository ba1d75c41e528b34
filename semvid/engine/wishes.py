"""What can be asked for beside a quality, and how far an encode is from it."""

from __future__ import annotations

import math
from collections.abc import Generator
from pathlib import Path
from typing import Protocol

from semvid.codecs.base.codec import QualityScale
from semvid.core.config import CompressConfig
from semvid.core.events import Event
from semvid.core.records import dataclass
from semvid.core.results import Result, Trial
from semvid.core.text import counted
from semvid.engine.samples import CodedFrames
from semvid.engine.search import MOST_TRIALS
from semvid.engine.trials import PartsTrial, Trials

_SIZE_WINDOW = 0.015
"""Share by which an output may be smaller than asked for."""
_HOPELESS = 0.3
"""Octaves that parts of a video are taken to be within, of what they tell of all of it."""


@dataclass(frozen=True, slots=True)
class Finished:
    """An encode of the whole video, complete but without its name yet."""

    path: Path
    quality: float
    output_bytes: int
    video_bytes: int
    coded: CodedFrames
    tried: Trial | None = None
    """The trial whose packets it has."""


@dataclass(frozen=True, slots=True)
class Miss:
    """How far an encode is from what was asked for."""

    distance: float
    """In the unit of the search; above 0 = larger or better."""
    missed_by: float
    """See ``Trial``."""
    output_bytes: int
    """Of the whole output, estimated for trials."""
    score: float | None = None
    rest: float | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How near an encode has to be."""

    of_trial: float
    """Distance to either side: no trial is needed after one that is so near, since what is left is
    interpolated."""
    of_whole: float
    """The same of a trial that is an encode of everything, and will be written as it is."""
    near: tuple[float, float]
    """``Miss.missed_by`` of a whole encode that is as asked for."""
    kept: tuple[float, float]
    """That of one that may be kept, and told, if nothing nearer was found."""
    hopeless: float
    """Distance: if a trial at the lowest quality is above this, or one at the highest below its negative,
    there is no need to encode everything."""

    def is_near(self, missed_by: float) -> bool:
        """Whether the whole encode is as asked for."""
        return self.near[0] <= missed_by <= self.near[1]

    def is_kept(self, missed_by: float) -> bool:
        """Whether the whole encode may be kept."""
        return self.kept[0] <= missed_by <= self.kept[1]


class Wish(Protocol):
    """Something to reach by changing the quality."""

    tolerance: Tolerance
    most_trials: int

    def prepare(self, trials: Trials, config: CompressConfig) -> Generator[Event, None, None]:
        """Find out what has to be known before the first trial."""

    def steps_per_distance(self, scale: QualityScale) -> float:
        """Return the steps on the scale that a distance of 1 is worth, roughly."""

    def judge(self, tried: PartsTrial) -> Miss:
        """Say how far a trial is from it."""

    def check(self, finished: Finished) -> Miss:
        """Say how far the whole encode is from it."""

    def explain(self, trial: Trial) -> str:
        """Say what was found instead, and what to change: no encode may be kept."""

    def give_up(self, trial: Trial, num_encodes: int) -> str:
        """Say the same after corrections have run out; ``trial`` is the nearest encode of the whole video."""

    def remark(self, trial: Trial) -> str:
        """Say by how much a whole encode misses it."""

    def sum_up(self, result: Result) -> Result:
        """Add to a result what was found out on the way."""


class OfSize:
    """What all sizes have in common; distances are octaves."""

    most_trials = MOST_TRIALS

    def prepare(self, trials: Trials, config: CompressConfig) -> Generator[Event, None, None]:
        """See ``Wish``."""
        yield from ()

    def steps_per_distance(self, scale: QualityScale) -> float:
        """See ``Wish``."""
        return scale.steps_per_octave

    def remark(self, trial: Trial) -> str:
        """See ``Wish``."""
        way = "larger" if trial.missed_by > 0 else "smaller"
        return f"at CRF {trial.quality:g} it is {abs(trial.missed_by):.1%} {way} than was asked for"

    def sum_up(self, result: Result) -> Result:
        """See ``Wish``."""
        return result


def within(share: float) -> float:
    """Return a distance in octaves for a share of a size."""
    return math.log2(1 + share)


class OutputSize(OfSize):
    """An output that is never larger than so many bytes, and hardly smaller.

    Args:
        num_bytes: The most it may have.
        other_bytes: What it has beside the video, roughly: exactly known only after the first encode.
    """

    tolerance = Tolerance(
        of_trial=within(0.02),
        # The size of the container is not known exactly yet.
        of_whole=within(0.006),
        near=(-_SIZE_WINDOW, 0.0),
        kept=(-math.inf, 0.0),
        hopeless=_HOPELESS,
    )

    def __init__(self, num_bytes: int, other_bytes: int) -> None:
        self._most, self._others = num_bytes, other_bytes
        # The middle of the window.
        self._aim = num_bytes * (1 - _SIZE_WINDOW / 2)

    def judge(self, tried: PartsTrial) -> Miss:
        """See ``Wish``."""
        headers = (one.parameters.extradata or b"" for one in tried.parts[:1])
        others = self._others + sum(map(len, headers))
        return self._miss(tried.video_bytes + others, tried.video_bytes)

    def check(self, finished: Finished) -> Miss:
        """See ``Wish``."""
        self._others = finished.output_bytes - finished.video_bytes
        return self._miss(finished.output_bytes, finished.video_bytes)

    def _miss(self, num_bytes: int, video_bytes: int) -> Miss:
        # The quality changes the video alone.
        distance = math.log2(max(video_bytes, 1) / max(self._aim - (num_bytes - video_bytes), 1))
        return Miss(distance, num_bytes / self._most - 1, num_bytes)

    def explain(self, trial: Trial) -> str:
        """See ``Wish``."""
        size, rest = trial.output_bytes, ""
        if self._others > self._most / 3:
            rest = (
                f", {counted(self._others, 'byte')} of them not of the picture: sound, subtitles, container"
            )
        return (
            f"`Size({self._most})` is too small: at the lowest quality the output has about "
            f"{counted(size, 'byte')}{rest}; ask for more, or make the picture smaller"
        )

    def give_up(self, trial: Trial, num_encodes: int) -> str:
        """See ``Wish``."""
        return (
            f"`Size({self._most})` was not reached in {counted(num_encodes, 'encode')}: the "
            f"nearest, at CRF {trial.quality:g}, has {counted(trial.output_bytes, 'byte')}; ask for as many, "
            f"or for less than {self._most}"
        )


class VideoRate(OfSize):
    """A video stream of so many bytes.

    Args:
        bits_per_second: Its bit rate.
        seconds: How long it is shown.
        other_bytes: As for ``OutputSize``.
    """

    tolerance = Tolerance(
        of_trial=within(0.02), of_whole=within(0.015), near=(-0.02, 0.02), kept=(-math.inf, 0.2),
        hopeless=_HOPELESS,
    )  # fmt: skip

    def __init__(self, bits_per_second: int, seconds: float, other_bytes: int) -> None:
        self._bits_per_second, self._others = bits_per_second, other_bytes
        self._aim = bits_per_second * seconds / 8

    def judge(self, tried: PartsTrial) -> Miss:
        """See ``Wish``."""
        return self._miss(tried.video_bytes, tried.video_bytes + self._others)

    def check(self, finished: Finished) -> Miss:
        """See ``Wish``."""
        return self._miss(finished.video_bytes, finished.output_bytes)

    def _miss(self, video_bytes: int, output_bytes: int) -> Miss:
        ratio = max(video_bytes, 1) / self._aim
        return Miss(math.log2(ratio), ratio - 1, output_bytes)

    def explain(self, trial: Trial) -> str:
        """See ``Wish``."""
        found = round(self._bits_per_second * (1 + trial.missed_by))
        return (
            f"`Bitrate({self._bits_per_second})` is too low: at the lowest quality the video has about "
            f"{found} bits per second; ask for more, or make the picture smaller"
        )

    def give_up(self, trial: Trial, num_encodes: int) -> str:
        """See ``Wish``."""
        found = round(self._bits_per_second * (1 + trial.missed_by))
        return (
            f"`Bitrate({self._bits_per_second})` was not reached in {counted(num_encodes, 'encode')}: the "
            f"nearest, at CRF {trial.quality:g}, has {found} bits per second; ask for as many"
        )
