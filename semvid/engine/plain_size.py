"""As large as a plain encode, as a wish; and what is gained by the map at that size."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import cached_property, partial
from itertools import pairwise

import numpy as np

from semvid.codecs.base.codec import QualityScale
from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.events import Event
from semvid.core.results import Result, Trial
from semvid.engine.recording import Recording
from semvid.engine.trials import PartsTrial, Trials
from semvid.engine.wishes import Finished, Miss, OfSize, Tolerance, within

_AS_LARGE = within(0.02)
"""Octaves between sizes at which qualities can be compared."""


class PlainSize(OfSize):
    """A video stream as large as that of a plain encode of the same quality.

    Args:
        plain: How that is encoded.
        other_bytes: As for ``OutputSize``.

    Attributes:
        plain_bytes: Of the video of the plain encode, as far as it is known; 0 = not yet.
    """

    tolerance = Tolerance(
        of_trial=within(0.01), of_whole=within(0.0075), near=(-0.01, 0.01), kept=(-math.inf, math.inf),
        hopeless=math.inf,
    )  # fmt: skip

    def __init__(self, plain: CompressConfig, other_bytes: int) -> None:
        self._plain, self._others = plain, other_bytes
        self._gain_of: Callable[[PartsTrial, PartsTrial], float | None] | None = None
        self._plain_tried: PartsTrial | None = None
        self._tried: list[PartsTrial] = []
        self._best: tuple[float, PartsTrial] | None = None
        """The distance of the trial that came nearest, and the trial: it alone keeps its packets."""
        self._steps = 6.0
        self._may_leave_out = find_codec(plain.codec).leaves_out_losing_maps
        self.plain_bytes = 0

    def prepare(self, trials: Trials, config: CompressConfig) -> Generator[Event, None, None]:
        """See ``Wish``."""
        self.take((yield from trials.encode("a plain encode of some parts", self._plain)))
        # Runs that match no size need none of what measures scores.
        from semvid.engine.region_gain import region_gain

        self._gain_of = partial(region_gain, trials, config)

    def take(self, plain: PartsTrial) -> None:
        """Compare with a plain encode of the parts."""
        self._plain_tried, self.plain_bytes = plain, plain.video_bytes

    def steps_per_distance(self, scale: QualityScale) -> float:
        """See ``Wish``."""
        self._steps = scale.steps_per_octave
        return self._steps

    def judge(self, tried: PartsTrial) -> Miss:
        """See ``Wish``."""
        miss = self._miss(tried.video_bytes, tried.video_bytes + self._others)
        self._tried.append(tried.without_packets())
        if self._best is None or abs(miss.distance) < abs(self._best[0]):
            self._best = miss.distance, tried
        return miss

    def check(self, finished: Finished) -> Miss:
        """See ``Wish``."""
        assert self._plain_tried is not None  # noqa: S101 - it was prepared
        if self._plain_tried.is_whole:
            return self._miss(finished.video_bytes, finished.output_bytes)
        nearest = self._nearest(finished.quality)
        finer = 2 ** ((nearest.quality - finished.quality) / self._steps)
        # Each part tells of the frames that are nearer to it than to others. It is compared with the same
        # part with maps: how frames are coded in a part and in the whole differs by more.
        middles = [float(one.coded.pts[one.is_compared].mean()) for one in nearest.parts]
        borders = [(one + other) / 2 for one, other in pairwise(middles)]
        slots = np.split(finished.coded.sizes, np.searchsorted(finished.coded.pts, borders))
        total = 0.0
        for slot, plain, mapped in zip(slots, self._plain_tried.parts, nearest.parts, strict=True):
            total += float(slot.sum()) * plain.num_bytes / (mapped.num_bytes * finer)
        self.plain_bytes = round(total)
        return self._miss(finished.video_bytes, finished.output_bytes)

    def _miss(self, video_bytes: int, output_bytes: int) -> Miss:
        ratio = max(video_bytes, 1) / max(self.plain_bytes, 1)
        return Miss(math.log2(ratio), ratio - 1, output_bytes)

    def explain(self, trial: Trial) -> str:
        """See ``Wish``."""
        return "the size of a plain encode is out of reach; leave out `match=size`"

    def give_up(self, trial: Trial, num_encodes: int) -> str:
        """See ``Wish``."""
        return self.explain(trial)

    def remark(self, trial: Trial) -> str:
        """See ``Wish``."""
        way = "larger" if trial.missed_by > 0 else "smaller"
        return f"at CRF {trial.quality:g} it is {abs(trial.missed_by):.1%} {way} than a plain encode"

    def sum_up(self, result: Result) -> Result:
        """See ``Wish``."""
        plain_bytes = result.output_bytes - result.video_bytes + self.plain_bytes
        return replace(result, plain_bytes=plain_bytes, gain_db=self.gain)

    @cached_property
    def gain(self) -> float | None:
        """By how many dB what matters is better than in the plain encode, by the trial that came nearest.

        None if nothing matters.
        """
        assert self._gain_of is not None  # noqa: S101 - it was prepared
        assert self._plain_tried is not None and self._best is not None  # noqa: PT018, S101 - there are trials
        return self._gain_of(self._best[1], self._plain_tried)

    @property
    def is_losing(self) -> bool:
        """Whether the plain encode is to be kept instead: as large, and better where it matters."""
        if not self._may_leave_out or self._best is None or abs(self._best[0]) > _AS_LARGE:
            return False
        return self.gain is not None and self.gain < 0

    @property
    def plain_recording(self) -> Recording | None:
        """The plain encode, if it is one of everything."""
        return None if self._plain_tried is None else self._plain_tried.recording

    def _nearest(self, quality: float) -> PartsTrial:
        return min(self._tried, key=lambda one: abs(one.quality - quality))
