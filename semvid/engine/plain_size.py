"""As large as a plain encode, as a wish; and what is gained by the map at that size."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import cached_property, partial

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.base.codec import QualityScale
from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.events import Event
from semvid.core.results import Result, Trial
from semvid.engine.plain_beside import PlainBeside
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
        beside: What trials elsewhere found; None = they are still to come.

    Attributes:
        plain_bytes: Of the video of the plain encode, as far as it is known; 0 = not yet.
    """

    tolerance = Tolerance(
        of_trial=within(0.01), of_whole=within(0.0075), near=(-0.01, 0.01), kept=(-math.inf, math.inf),
        hopeless=math.inf,
    )  # fmt: skip

    def __init__(self, plain: CompressConfig, other_bytes: int, beside: PlainBeside | None = None) -> None:
        self._plain, self._others = plain, other_bytes
        self._gain_of: Callable[[PartsTrial, PartsTrial], float | None] | None = None
        self._plain_tried: PartsTrial | None = None
        self._beside = beside
        self._best: tuple[float, PartsTrial] | None = None
        """The distance of the trial that came nearest, and the trial: it alone keeps its packets."""
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
        self._beside = PlainBeside.of(plain, find_codec(self._plain.codec).scale.steps_per_octave)

    @property
    def beside(self) -> PlainBeside:
        """The sizes of the parts that were tried."""
        assert self._beside is not None  # noqa: S101 - it was prepared
        return self._beside

    def steps_per_distance(self, scale: QualityScale) -> float:
        """See ``Wish``."""
        return scale.steps_per_octave

    def judge(self, tried: PartsTrial) -> Miss:
        """See ``Wish``."""
        miss = self._miss(tried.video_bytes, tried.video_bytes + self._others)
        self.beside.add(tried)
        if self._best is None or abs(miss.distance) < abs(self._best[0]):
            self._best = miss.distance, tried
        return miss

    def check(self, finished: Finished) -> Miss:
        """See ``Wish``."""
        return self.miss_of(
            finished.coded.sizes, finished.quality, finished.video_bytes, finished.output_bytes
        )

    def miss_of(
        self,
        sizes: NDArray[np.float64],
        qualities: NDArray[np.float64] | float,
        video_bytes: int,
        output_bytes: int,
    ) -> Miss:
        """Say the same by the sizes of all frames; see ``PlainBeside.plain_bytes``."""
        self.plain_bytes = self.beside.plain_bytes(sizes, qualities)
        return self._miss(video_bytes, output_bytes)

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
