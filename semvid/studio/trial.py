"""Encodes some seconds of a video with the map and without, to be played side by side."""

from __future__ import annotations

import math
from collections.abc import Collection, Generator
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from semvid.codecs.registry import at_quality, find_codec
from semvid.core.config import CompressConfig
from semvid.core.errors import InputError
from semvid.core.events import Chosen, Done, Notice, Progress, Stage
from semvid.core.records import dataclass
from semvid.core.results import Result
from semvid.core.types import Span, VideoInfo
from semvid.engine.job import Job
from semvid.engine.probe import plain_config
from semvid.engine.search import Search
from semvid.media.reading.packets import shown_frames
from semvid.media.reading.probe_edited import probe_edited
from semvid.media.writing.containers import takes
from semvid.products.compress import job_events
from semvid.products.report.plain import match_of
from semvid.products.ways import has_wish
from semvid.products.wished import estimate_events
from semvid.studio.choices import map_words
from semvid.studio.clip import Clip, clip_of

TRIAL_SECONDS = 4.0
"""Length of a trial."""
_SHORTEST, _LONGEST = 0.5, 30.0
TrialEvent = Stage | Progress | Notice


@dataclass(frozen=True, slots=True)
class Estimate:
    """What all of the video would come to."""

    output_bytes: int
    seconds: float | None
    """That the encode takes; None = not known."""
    quality: float
    """On the codec's own scale."""
    is_rough: bool
    """It goes by the seconds that were tried alone, and not by parts of the whole video."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two encodes of a trial."""

    clip: Clip
    video_bytes: int
    quality: float


@dataclass(frozen=True, slots=True)
class Trial:
    """Some seconds of a video, encoded with the map and without."""

    mapped: Side
    plain: Side
    match: str
    """What both have in common: ``region`` (what matters is as good) or ``size``."""
    start_seconds: float
    """Of the first frame, in the video."""
    num_frames: int
    duration_seconds: float
    estimate: Estimate | None
    """Of the whole, if it was needed to find the quality; else ``estimate_whole`` makes it."""
    map_words: str
    """What the map does, if that is less than usual; empty = it acts in full."""
    elapsed_seconds: float
    """That the encode with the map took."""

    @property
    def saving(self) -> float:
        """The share of the plain encode's bytes that the one with the map does not need."""
        return 1 - self.mapped.video_bytes / max(self.plain.video_bytes, 1)


def trial_events(
    source: Path,
    config: CompressConfig,
    middle: float,
    folder: Path,
    *,
    seconds: float = TRIAL_SECONDS,
    plays: Collection[str] = ("h264",),
) -> Generator[TrialEvent, None, Trial]:
    """Encode the seconds around a moment as all of the video would be, and once more without the map.

    A size, a bit rate or a score is of the whole video: first its parts are tried, as ``--dry-run`` does, to
    find the quality. Maps are those that the seconds have in the whole.

    Args:
        source: The video.
        config: How all of it would be compressed.
        middle: The moment, in seconds from the first frame.
        folder: Where clips go.
        seconds: Length of the part, 0.5 to 30.
        plays: Formats that the browser plays, by FFmpeg's names.

    Yields:
        ``Stage``, ``Progress`` and ``Notice``. Closing the generator ends the trial.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    info = probe_edited(source, config.edit)
    span = _span_around(info, middle, min(max(seconds, _SHORTEST), _LONGEST))
    estimate, tried = None, replace(config, overwrite=True, save_maps=None, probe=None)
    if has_wish(config):
        yield Stage("finding the quality for all of it")
        estimate = yield from _estimated(source, config)
        tried = at_quality(tried, estimate.quality)
    suffix = ".mp4" if takes(".mp4", find_codec(config.codec).coding_format) else ".mkv"
    mapped = yield from _encoded(
        "encoding with the map", Job(source, span, folder / f"with-map{suffix}", tried)
    )
    match = match_of(config)
    plain_job = Job(source, span, folder / f"plain{suffix}", plain_config(tried))
    if match == "region":
        plain = yield from _encoded("encoding without the map", plain_job)
    else:
        plain = yield from _of_size(plain_job, mapped)
    yield Stage("making clips for the browser")
    ours, theirs = (
        Side(clip_of(one.output, folder / name, plays), one.video_bytes, one.quality)
        for one, name in ((mapped, "clip-map"), (plain, "clip-plain"))
    )
    return Trial(
        ours, theirs, match, float(span.start * info.time_base), mapped.num_frames, mapped.duration_seconds,
        estimate, map_words(config), mapped.elapsed_seconds,
    )  # fmt: skip


def estimate_whole(
    source: Path, config: CompressConfig, trial: Trial
) -> Generator[TrialEvent, None, Estimate]:
    """Estimate what all of a video would come to, by encodes of parts of it.

    Args:
        source: The video.
        config: How it would be compressed.
        trial: Some seconds of it: the estimate is by them, where a codec is not tried on parts.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    if trial.estimate is not None:
        return trial.estimate
    if find_codec(config.codec).takes_offsets:
        yield Stage("estimating all of it")
        return (yield from _estimated(source, config))
    info = probe_edited(source, config.edit)
    times = _duration(info) / max(trial.duration_seconds, 1e-3)
    size = round(trial.mapped.video_bytes * times)
    return Estimate(size, trial.elapsed_seconds * times, trial.mapped.quality, True)


def _estimated(source: Path, config: CompressConfig) -> Generator[TrialEvent, None, Estimate]:
    with closing(estimate_events(Job(source, None, None, replace(config, overwrite=True)))) as events:
        for event in events:
            if isinstance(event, Chosen):
                chosen = event
            elif isinstance(event, Stage | Progress | Notice):
                yield event
    trial = chosen.trial
    return Estimate(trial.output_bytes, chosen.expected_seconds, trial.quality, False)


def _encoded(what: str, job: Job) -> Generator[TrialEvent, None, Result]:
    yield Stage(what)
    with closing(job_events(job)) as events:
        for event in events:
            if isinstance(event, Done):
                result = event.result
            elif isinstance(event, Progress | Notice):
                yield event
    return result


def _of_size(job: Job, wanted: Result) -> Generator[TrialEvent, None, Result]:
    """Encode to the size of another encode, as closely as ``Search`` comes."""
    assert job.output is not None  # noqa: S101 - it has a name
    scale = find_codec(job.config.codec).scale
    search: Search[Result] = Search.of_size(scale)
    quality: float | None = scale.round(wanted.quality)
    while quality is not None:
        output = job.output.with_stem(f"{job.output.stem}-{len(search.points)}")
        one = replace(job, output=output, config=at_quality(job.config, quality))
        result = yield from _encoded(
            f"encoding without the map, to the same size ({len(search.points) + 1})", one
        )
        octaves = math.log2(max(result.video_bytes, 1) / max(wanted.video_bytes, 1))
        search.note(quality, octaves, result)
        quality = search.next()
    assert search.best is not None  # noqa: S101 - there is at least one
    return search.best.value


def _span_around(info: VideoInfo, middle: float, seconds: float) -> Span:
    """Return the part of a video around a moment, moved so far that it is within the video."""
    duration = _duration(info)
    start = max(min(middle - seconds / 2, duration - seconds), 0.0)
    first, end = (round(Fraction(one) / info.time_base) for one in (start, start + seconds))
    # To the end, where that is: its last frame may be shown a little longer than the header says.
    return Span(first, None if start + seconds >= duration else end)


def _duration(info: VideoInfo) -> float:
    """Return the length of a video in seconds."""
    duration = info.duration_seconds or shown_frames(info).end * info.time_base
    if not duration:
        raise InputError(f"{info.path} has no length; there is nothing to try")
    return float(duration)
