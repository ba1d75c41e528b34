"""Scores as wishes: VMAF, XPSNR or PSNR, of the picture or of what matters, on the parts of trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from semvid.codecs.base.codec import QualityScale
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError, MissedError
from semvid.core.events import Event, Stage
from semvid.core.rate import AsGoodAs, ScoreWish
from semvid.core.records import dataclass
from semvid.core.results import Result, Trial
from semvid.core.text import counted, setting
from semvid.core.types import VideoInfo
from semvid.engine.part_frames import add_others, add_parts, check_frames
from semvid.engine.ruler import Measured, Ruler
from semvid.engine.samples import Sample, checked_samples
from semvid.engine.search import MOST_TRIALS
from semvid.engine.trials import PartsTrial, Trials
from semvid.engine.wishes import Finished, Miss, Tolerance
from semvid.media.reading.probe_edited import probe_edited
from semvid.scores.pairs import SMALLEST_VMAF
from semvid.scores.parts import PartScorer

_MOST_SCRATCH, _FEWEST_CHECKED = 2**31, 600
"""Samples of luma that are kept to measure whole encodes by, and frames that are in any case."""
_STEPS_PER_OCTAVE = 6.0
"""Of the scale on which the numbers below were found, those of x264."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """How a score falls with the quality."""

    name: str
    """For people."""
    window: float
    """A whole encode that is so near is as asked for."""
    aim: float
    """A trial that is so near will do: what is left is interpolated."""
    kept: float
    """A whole encode that is so near is kept, and told, if nothing nearer is found."""
    steps: float
    """Steps of the CRF for a distance of 1."""
    most_checked: int
    """Frames of a whole encode that are measured; of longer videos so many, in many short parts."""
    is_fast: bool = False
    """Measured in no time."""
    highest: float | None = None
    """What nothing exceeds: steps are even in the octaves by which a score is below it. None = they are even
    in the score."""

    def distance(self, score: float, wanted: float) -> float:
        """Return how far a score is from another; above 0 = better."""
        if self.highest is None:
            return score - wanted
        least = self.window / 10
        return math.log2(max(self.highest - wanted, least) / max(self.highest - score, least))

    def tolerance(self, wanted: float) -> Tolerance:
        """Return how near an encode has to be."""

        def distance(width: float) -> float:
            return min(abs(self.distance(wanted + one, wanted)) for one in (width, -width))

        return Tolerance(
            of_trial=distance(self.aim), of_whole=distance(self.aim / 2),
            near=(-self.window, self.window), kept=(-self.kept, self.kept),
            hopeless=distance(self.window),
        )  # fmt: skip


_VMAF = _Measure("VMAF", window=0.4, aim=0.3, kept=1.0, steps=6.0, most_checked=1000, highest=100.0)
_XPSNR = _Measure("XPSNR", window=0.15, aim=0.1, kept=0.5, steps=1.2, most_checked=1000)
_MEASURES = {
    "vmaf": _VMAF,
    "xpsnr": _XPSNR,
    "region-vmaf": replace(_VMAF, name="VMAF of what matters"),
    "region-psnr": replace(_XPSNR, name="PSNR of what matters", most_checked=3000, is_fast=True),
}


def num_checked(rate: ScoreWish, info: VideoInfo) -> int:
    """Return how many frames of an encode of a whole video are measured, if there are so many."""
    kept = _MOST_SCRATCH // (info.width * info.height)
    return max(min(_MEASURES[rate.MEASURE].most_checked, kept), _FEWEST_CHECKED)


def scores_rest(rate: ScoreWish, config: CompressConfig) -> bool:
    """Whether what does not matter is measured too: it takes VMAF as long as everything."""
    is_fast = _MEASURES[rate.MEASURE].is_fast
    return rate.floor is not None or (config.allocation.strength > 0 and is_fast)


class ScoreOf:
    """A score of a video; see ``Wish``. Trials are measured on their parts, encodes of short videos on all.

    Args:
        rate: What to reach.
        folder: For scratch files.
        other_bytes: What the output has beside the video, roughly.

    Attributes:
        floor: Of the rest; None = any.
    """

    def __init__(self, rate: ScoreWish, folder: Path, other_bytes: int) -> None:
        self._measure = _MEASURES[rate.MEASURE]
        self.floor = rate.floor
        self.most_trials = MOST_TRIALS
        self._rate, self._folder, self._others = rate, folder, other_bytes
        wanted = 0.0 if isinstance(rate, AsGoodAs) else rate.value
        self._wanted = self._wanted_of_parts = wanted
        self.tolerance = self._measure.tolerance(wanted)
        self._parts: Ruler | None = None
        self._whole: Callable[[], Ruler] | None = None
        self._num_scored = 0
        self._last = Measured(math.nan, None)

    @property
    def name(self) -> str:
        """What is measured, as in ``VMAF``."""
        return self._measure.name

    def prepare(self, trials: Trials, config: CompressConfig) -> Generator[Event, None, None]:
        """See ``Wish``."""
        yield Stage("preparing to measure")
        info = probe_edited(trials.source, config.edit)
        if "vmaf" in self._rate.MEASURE and min(info.width, info.height) < SMALLEST_VMAF:
            raise ConfigError(
                f"`{type(self._rate).__name__}` needs at least {SMALLEST_VMAF} pixels a side, and "
                f"{trials.source} has {info.width}x{info.height}; give `Crf`"
            )
        if isinstance(self._rate, AsGoodAs):
            check_frames(self._rate.reference, trials)
        has_rest = scores_rest(self._rate, config)

        def ruler(name: str, samples: Sequence[Sample]) -> Ruler:
            folder = self._folder / name
            folder.mkdir()
            scorer = PartScorer(folder, self._rate.MEASURE, info.frame_rate, scores_rest=has_rest)
            return Ruler(scorer, samples, trials.num_frames)

        parts = self._parts = ruler("parts", trials.samples)
        add_parts(parts.scorer, trials, config)
        checked = checked_samples(trials.num_frames, num_checked(self._rate, info))

        @cache
        def whole() -> Ruler:
            if trials.is_whole:
                return parts
            made = ruler("whole", checked)
            add_others(made.scorer, checked, trials, config)
            return made

        self._whole, self._num_scored = whole, sum(one.num_compared for one in checked)
        if isinstance(self._rate, AsGoodAs):
            self._wanted_of_parts = parts.of_file(self._rate.reference).score
            self._wanted = whole().of_file(self._rate.reference).score
            self._refuse_nothing(self._wanted_of_parts)
            self.tolerance = self._measure.tolerance(self._wanted)

    def steps_per_distance(self, scale: QualityScale) -> float:
        """See ``Wish``."""
        return self._measure.steps * scale.steps_per_octave / _STEPS_PER_OCTAVE

    def judge(self, tried: PartsTrial) -> Miss:
        """See ``Wish``."""
        assert self._parts is not None  # noqa: S101 - it was prepared
        found = self._parts.of_trial(tried)
        self._refuse_nothing(found.score)
        return self._miss(found, self._wanted_of_parts, tried.video_bytes + self._others)

    def check(self, finished: Finished) -> Miss:
        """See ``Wish``."""
        return self.miss_of(self._measured(finished), finished.output_bytes)

    def miss_of(self, found: Measured, output_bytes: int) -> Miss:
        """Say how far a whole encode is from it by what was measured of it."""
        self._last = found
        miss = self._miss(found, self._wanted, output_bytes)
        if not self._lacks_floor(found.rest):
            return miss
        assert self.floor is not None and found.rest is not None  # noqa: PT018, S101 - it is lacking
        # A better quality makes the rest better too.
        distance = min(miss.distance, self.over_floor(found.rest))
        return replace(miss, distance=distance, missed_by=min(miss.missed_by, found.rest - self.floor))

    def _measured(self, finished: Finished) -> Measured:
        assert self._whole is not None  # noqa: S101 - it was prepared
        tried = finished.tried
        if tried is None or tried.score is None:
            return self._whole().of_file(finished.path)
        return Measured(tried.score, tried.rest)

    def _lacks_floor(self, rest: float | None) -> bool:
        return self.floor is not None and rest is not None and rest < self.floor - self._measure.window

    def _miss(self, found: Measured, wanted: float, output_bytes: int) -> Miss:
        distance = self._measure.distance(found.score, wanted)
        return Miss(distance, found.score - wanted, output_bytes, found.score, found.rest)

    def over_floor(self, rest: float | None) -> float:
        """Return how far a score of the rest is above its floor."""
        if self.floor is None or rest is None:
            return math.inf
        return self._measure.distance(rest, self.floor)

    def _refuse_nothing(self, score: float) -> None:
        if math.isnan(score):
            raise MissedError(
                "nothing in the parts of the video that are tried matters, or the picture is too small to be "
                "measured; ask for `Vmaf` or `Crf`, or check the maps with 'semvid overlay'"
            )

    def explain(self, trial: Trial) -> str:
        """See ``Wish``."""
        return (
            f"{self._named} is out of reach: the closest found has {self._measure.name} {trial.score:.2f} "
            f"at CRF {trial.quality:g}; ask for {'less' if trial.missed_by < 0 else 'more'}"
        )

    def give_up(self, trial: Trial, num_encodes: int) -> str:
        """See ``Wish``."""
        return (
            f"{self._named} was not met within {self._measure.kept:g} in {counted(num_encodes, 'encode')}: "
            f"the closest, at CRF {trial.quality:g}, has {self._measure.name} {trial.score:.2f}; ask for that"
        )

    @property
    def _named(self) -> str:
        if isinstance(self._rate, AsGoodAs):
            return f"{setting('AsGoodAs', self._rate.reference)}, {self._measure.name} {self._wanted:.2f},"
        return setting(type(self._rate).__name__, f"{self._wanted:g}")

    def remark(self, trial: Trial) -> str:
        """See ``Wish``."""
        if self._lacks_floor(trial.rest):
            return (
                f"at CRF {trial.quality:g} the rest has {trial.rest:.2f}, less than "
                f"{setting('floor', f'{self.floor:g}')}"
            )
        way = "above" if trial.missed_by > 0 else "below"
        return (
            f"at CRF {trial.quality:g} {self._measure.name} is {trial.score:.2f}, "
            f"{abs(trial.missed_by):.2f} {way} what was asked for"
        )

    def sum_up(self, result: Result) -> Result:
        """See ``Wish``."""
        return replace(
            result, measure=self._measure.name, score=self._last.score, rest_score=self._last.rest,
            num_scored=self._num_scored,
        )  # fmt: skip
