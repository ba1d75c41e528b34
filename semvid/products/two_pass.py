"""Compresses to a bit rate in two passes, both with the same maps.

The first pass makes the maps and keeps them in a sidecar; its packets are thrown away, but the encoder notes
what every frame takes. The second reads both, and shares the bits out. If the encoder misses the rate all the
same, as in short videos, the second pass is repeated at a rate corrected by as much.

x264 and x265 also note what later frames take from each block, and with it the offsets of the first pass:
with other maps in the second, some frames would be coded by these and some by those.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from semvid.codecs.base.codec import Pass
from semvid.codecs.base.coding import Coding, Target
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.codecs.registry import find_codec
from semvid.core.coded import StreamParameters
from semvid.core.config import MapsConfig, TemporalConfig
from semvid.core.errors import ConfigError, EncoderError, MissedError
from semvid.core.events import Event, Notice, Preview, Progress, Stage, Started
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Bitrate
from semvid.core.records import dataclass
from semvid.core.results import Result
from semvid.core.text import setting
from semvid.core.types import AnalysedFrame, Span
from semvid.engine.encoding import Encoded, Encoding
from semvid.engine.finding import trial_of
from semvid.engine.job import Job
from semvid.engine.run import ToldOnce, open_run, passed_on
from semvid.engine.stages import each, in_thread, pipeline
from semvid.engine.wishes import Finished, VideoRate
from semvid.importance.files.sidecar import SUFFIX
from semvid.importance.registry import sharing_cores
from semvid.media.writing.durations import DurationKeeper
from semvid.media.writing.output import scratch_folder
from semvid.products.encode import RejectedError, encode_events, plan, record, remarks

_STEP = 1000
"""Bits per second in which x264 and x265 count."""
_NEAR, _TOLD = 0.005, 0.02
"""Misses, as shares of the rate, from which on the second pass is repeated, and told."""
_ENOUGH, _MOST = 3, 5
"""Second passes, and those if none came within what is told: short videos are where it happens."""
_HOPELESS = 2.0
"""So many times as large as wanted is no matter of sharing out: the encoder is at its coarsest."""
_USUAL_RATE = 25


def two_pass_events(
    job: Job, *, importance: ImportanceSource | None = None, preview_size: tuple[int, int] | None = None
) -> Generator[Event, None, Result]:
    """Do what ``job_events`` does, except for ``Done``, for a config that ``has_two_passes``.

    Yields:
        ``Started``, then a ``Stage`` before each pass and what an encode yields, but no ``Notice`` twice.
    """
    if job.config.probe is not None:
        raise ConfigError(
            f"`probe={job.config.probe}` has no effect: nothing is measured with `Bitrate` in two passes "
            f"({setting('codec', job.config.codec)}); leave it out"
        )
    with scratch_folder() as folder:
        passes = _Passes(job, folder)
        yield from passes.first(importance, preview_size)
        return (yield from passes.second(preview_size))


@dataclass(frozen=True, slots=True)
class _Noted:
    """What the first pass found out, beside the statistics that the encoder keeps."""

    header: bytes
    """What the stream begins with."""
    seconds: float
    """How long the video is shown."""
    clock: float
    """Seconds of the video for each by the encoder's clock, which goes by the nominal frame rate."""


class _Passes:
    """Both passes of a job, with the files between them in a folder."""

    def __init__(self, job: Job, folder: Path) -> None:
        rate = job.config.rate
        assert isinstance(rate, Bitrate)  # noqa: S101 - it has two passes
        self._job, self._rate, self._codec = job, rate.bits_per_second, find_codec(job.config.codec)
        self._statistics, self._sidecar = folder / "statistics", folder / f"maps{SUFFIX}"
        self._has_maps = job.config.allocation.strength > 0
        self._told = ToldOnce()
        self._begun = time.monotonic()
        self._noted, self._times = _Noted(b"", 0.0, 1.0), 1.0
        self._tried: list[tuple[float, float]] = []
        """Logarithms of what was asked of the encoder, and binary ones of by what factor it missed."""

    def first(
        self, importance: ImportanceSource | None, preview_size: tuple[int, int] | None
    ) -> Generator[Event, None, None]:
        """Note what each frame takes, and keep the maps."""
        coding = self._codec.coding(self._job.config, Pass(1, self._statistics, self._rate))
        yield from passed_on(self._first(coding, importance, preview_size), self._told.is_new)
        if not self._statistics.is_file():
            raise EncoderError(f"{self._codec.name} kept nothing of the first pass; try another `preset`")

    def _first(
        self, coding: Coding, importance: ImportanceSource | None, preview_size: tuple[int, int] | None
    ) -> Generator[Event, None, None]:
        job, config = self._job, self._job.config
        with (
            open_run(
                job.source,
                config.temporal,
                preview_size,
                span=job.span,
                edit=config.edit,
                has_maps=self._has_maps,
            ) as run,
            ExitStack() as stack,
        ):
            reader, info = run.reader, run.reader.info
            # Whatever stands in the way of the second pass is told before the first.
            output, manifest = plan(run, job.source, job.output, config, coding)
            run.open_maps(sharing_cores(config.maps), importance)
            reader.keep((), reader.span.dropped(config.drop))
            yield Started(info)
            yield from map(Notice, (*manifest.notices, *remarks(job.source, config, run)))
            yield Stage("first pass")
            if self._has_maps:
                record(run, self._sidecar, stack, overwrite=False)
            interlaced = InterlacedStage(config.deinterlace, coding.codes_fields, output.suffix)
            cut = each(AnalysedFrame, lambda one: [one] if one.frame.pts in reader.span else [])
            prepare = each(AnalysedFrame, lambda one: [coding.prepare(one)])
            encoding = Encoding()
            encoding.begin(coding, Target.of_file(info, output.suffix))
            stack.callback(encoding.close)
            stages = [run.analyse, interlaced.run, cut, run.preview, prepare, in_thread("analyse", info)]
            header, num_frames, durations = b"", 0, DurationKeeper(info.time_base, sums_up=False)
            with pipeline(reader, *stages, encoding.run) as items:
                for item in items:
                    if isinstance(item, Encoded) and item.frame is not None:
                        durations.note(item.frame.decoded.pts or 0)
                        num_frames += 1
                        yield Progress(num_frames, info.num_frames_from_header, 0)
                    elif isinstance(item, StreamParameters):
                        header = item.extradata or b""
                    elif isinstance(item, Notice | Preview):
                        yield item
            # What there is to tell of the video the second pass tells, which sees the same.
            yield from map(Notice, run.map_notices())
            seconds = float(durations.span(reader.end_pts) * info.time_base)
            nominal = num_frames / float(info.frame_rate or _USUAL_RATE)
            self._noted = _Noted(header, seconds, seconds / nominal if nominal else 1.0)

    def second(self, preview_size: tuple[int, int] | None) -> Generator[Event, None, Result]:
        """Encode, and again with a correction if the rate was missed."""
        wanted = self._rate * self._noted.clock
        while True:
            yield Stage("second pass, corrected" if self._tried else "second pass")
            try:
                return (yield from self._second(wanted, preview_size))
            except RejectedError:
                wanted = self._corrected()
            if abs(self._times - 1) > _TOLD:
                yield Notice(
                    f"the second pass missed {setting('Bitrate', self._rate)} by {self._times - 1:+.1%}, "
                    "and is repeated with a correction"
                )

    def _second(self, wanted: float, preview_size: tuple[int, int] | None) -> Generator[Event, None, Result]:
        job = self._job
        maps = MapsConfig(path=self._sidecar) if self._has_maps else MapsConfig(model="spectral")
        config = replace(job.config, maps=maps, temporal=TemporalConfig())
        coding = self._codec.coding(config, Pass(2, self._statistics, wanted, self._noted.header))
        with ExitStack() as stack:
            recorded = None
            if self._has_maps:
                from semvid.importance.files.sidecar_source import RecordedMaps

                recorded = stack.enter_context(closing(RecordedMaps(self._sidecar, job.span or Span())))
            events = encode_events(
                job.source, job.output, config, coding,
                span=job.span, importance=recorded, preview_size=preview_size,
                accepts=partial(self._accepts, wanted),
            )  # fmt: skip
            result = yield from passed_on(events, self._told.is_new)
        if abs(self._times - 1) > _TOLD:
            yield Notice(self._remark())
        return replace(result, elapsed_seconds=time.monotonic() - self._begun)

    def _accepts(self, wanted: float, finished: Finished) -> bool:
        """Accept an encode that is near, or that no correction would bring nearer.

        Raises:
            MissedError: It is far too large: there is no lower quality.
        """
        wish = VideoRate(self._rate, self._noted.seconds, 0)
        miss = wish.check(finished)
        self._tried.append((math.log(wanted), miss.distance))
        self._times = 1 + miss.missed_by
        if self._times > _HOPELESS:
            seconds = time.monotonic() - self._begun
            trial = trial_of(finished.quality, finished.video_bytes, miss, seconds, is_whole=True)
            raise MissedError(wish.explain(trial), best=trial)
        is_same = round(self._corrected() / _STEP) == round(wanted / _STEP)
        near = _TOLD if len(self._tried) >= _ENOUGH else _NEAR
        return abs(miss.missed_by) <= near or is_same or len(self._tried) == _MOST

    def _corrected(self) -> float:
        """Return what to ask for next: between two that were tried if they lie on both sides."""
        (wanted, distance), *others = reversed(self._tried)
        corrected = wanted - distance * math.log(2)
        across = [one for one in others if one[1] * distance < 0]
        if across:
            before, there = min(across, key=lambda one: abs(one[1]))
            corrected = wanted + (before - wanted) * distance / (distance - there)
        peak = self._job.config.peak
        return math.exp(corrected if peak is None else min(corrected, math.log(peak.bits_per_second)))

    def _remark(self) -> str:
        why = f"{self._codec.name} comes no closer"
        if self._times < 1 and self._job.config.peak is not None:
            why = "`Peak` holds it back; raise it, or `buffer_bits`"
        found = round(self._rate * self._times)
        return f"the video has {found} bits per second instead of {setting('Bitrate', self._rate)}: {why}"
