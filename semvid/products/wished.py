"""Compresses to a size, a bit rate, or as large as a plain encode: finds the quality, then encodes at it."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

from semvid.codecs.registry import at_quality, find_codec
from semvid.core.config import CompressConfig, ExportConfig, MapsConfig, TemporalConfig
from semvid.core.config.products import Probe
from semvid.core.errors import ConfigError, MissedError
from semvid.core.events import Chosen, Event, Notice, Stage, Started, Tried
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import AsGoodAs, Bitrate, Crf, ScoreWish, Size
from semvid.core.records import dataclass
from semvid.core.results import Result, Trial
from semvid.core.text import setting
from semvid.core.threads import limited_threads
from semvid.core.types import Span, VideoInfo
from semvid.engine.finding import (
    Found,
    find_quality,
    scale_of,
    trial_of,
    try_beside_plain,
)
from semvid.engine.job import Job
from semvid.engine.plain_size import PlainSize
from semvid.engine.probe import plain_config
from semvid.engine.run import ToldOnce, passed_on
from semvid.engine.search import Search
from semvid.engine.solution import Solution
from semvid.engine.trials import Trials
from semvid.engine.wishes import Finished, OutputSize, VideoRate, Wish
from semvid.media.reading.packets import ShownFrames, shown_frames
from semvid.media.reading.probe_edited import probe_edited
from semvid.media.writing.carry import Manifest, Way
from semvid.media.writing.destination import check_output, default_output
from semvid.media.writing.output import scratch_folder
from semvid.products.encode import RejectedError, encode_events
from semvid.products.left_out import size_without_map, without_map
from semvid.products.ways import has_two_passes, has_wish, with_chosen_effort

_MOST_ENCODES, _MOST_OF_SHORT = 3, 5
"""Of the whole video: one, and two that correct it, or four of a short one, whose sizes jump more."""
_CONTAINER_BYTES = {".mkv": (7, 600), ".webm": (7, 500), ".avi": (24, 5700)}
_USUAL_CONTAINER_BYTES = (18, 900)
"""What a container adds to a packet, and at its ends beside the encoder's parameters, roughly."""


def wish_events(
    job: Job, *, importance: ImportanceSource | None = None, preview_size: tuple[int, int] | None = None
) -> Generator[Event, None, Result]:
    """Do what ``job_events`` does, except for ``Done``, for a config that ``has_wish``.

    Yields:
        ``Started``, then ``Stage``, ``Progress`` and ``Tried`` for each trial, and ``Chosen``; then what an
        encode yields, and ``Tried`` after each.
    """
    started, tried = time.monotonic(), list[Trial]()

    def note(event: Event) -> bool:
        if isinstance(event, Tried):
            tried.append(event.trial)
        return True

    result = yield from passed_on(_wish_events(job, importance, preview_size), note)
    return replace(result, trials=tuple(tried), elapsed_seconds=time.monotonic() - started)


def _wish_events(
    job: Job, importance: ImportanceSource | None, preview_size: tuple[int, int] | None
) -> Generator[Event, None, Result]:
    with scratch_folder() as folder:
        opened = yield from _open(job, folder, importance)
        wish = _wish_of(opened, folder)
        found, config = yield from _find(opened, wish)
        job = replace(opened.job, config=config)
        if isinstance(wish, PlainSize) and wish.is_losing:
            return (yield from size_without_map(job, wish, preview_size))
        return (yield from _Attempts(job, wish, found, opened.trials, preview_size).run())


def estimate_events(
    job: Job, *, importance: ImportanceSource | None = None
) -> Generator[Event, None, Chosen]:
    """Try on parts of a video what ``job_events`` would do, and write nothing.

    Args:
        job: What to do.
        importance: See ``compress``.

    Yields:
        ``Started``, ``Stage``, ``Progress``, ``Tried`` for each trial, and ``Chosen`` last, which is returned
        too.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    if not find_codec(job.config.codec).takes_offsets:
        raise ConfigError(
            f"{setting('codec', job.config.codec)} is not tried on parts of a video; choose another codec"
        )
    job = replace(job, config=replace(job.config, overwrite=True))
    with limited_threads(job.config.threads), scratch_folder() as folder:
        opened = yield from _open(job, folder, importance)
        config = opened.job.config
        if not has_wish(config):
            return (yield from try_beside_plain(opened.trials, _begun(config), opened.other_bytes))
        found, _ = yield from _find(opened, _wish_of(opened, folder))
        return found.chosen


def solve_events(job: Job) -> Generator[Event, None, Solution]:
    """Find out on parts of a video how to encode all of it, to be encoded in parts later.

    What was asked for is of the whole video: a size, a bit rate, a score, the size of a plain encode. Where
    it is none of these, it is only found out whether a map pays.

    Args:
        job: What to do; its span is None.

    Yields:
        ``Started``, ``Stage``, ``Progress``, ``Tried`` for each trial, and ``Chosen`` last.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    job = replace(job, config=replace(with_chosen_effort(job.config), overwrite=True))
    tried: list[Trial] = []

    def note(event: Event) -> bool:
        if isinstance(event, Tried):
            tried.append(event.trial)
        return True

    with limited_threads(job.config.threads), scratch_folder() as folder:
        opened = yield from _open(job, folder, None)
        seconds = float((opened.shown.end - int(opened.shown.pts[0])) * opened.info.time_base)
        common: Any = {
            "other_bytes": opened.other_bytes, "seconds": seconds, "num_frames": opened.trials.num_frames
        }  # fmt: skip
        if not has_wish(job.config):
            begun = _begun(job.config)
            events = try_beside_plain(opened.trials, begun, opened.other_bytes)
            expected = (yield from passed_on(events, note)).trial
            quality = expected.quality
            is_left_out, config = not expected.has_map, begun
            if is_left_out:
                config = without_map(begun)
            return Solution(
                config, quality, 0.0, expected=expected, trials=(*tried,), map_left_out=is_left_out, **common
            )
        wish = _wish_of(opened, folder)
        found, config = yield from passed_on(_find(opened, wish), note)
        expected = found.chosen.trial
        config = replace(at_quality(config, expected.quality), probe=_probe_of_parts(job.config))
        if not isinstance(wish, PlainSize):
            slope = found.search.slope
            return Solution(config, expected.quality, slope, expected=expected, trials=(*tried,), **common)
        if wish.is_losing:
            plain = without_map(job.config)
            quality = find_codec(plain.codec).coding(plain).quality
            return Solution(
                plain, quality, 0.0, expected=expected, trials=(*tried,), gain_db=0.0, map_left_out=True,
                **common,
            )  # fmt: skip
        return Solution(
            config, expected.quality, found.search.slope, expected=expected, trials=(*tried,),
            beside=wish.beside, gain_db=wish.gain, **common,
        )  # fmt: skip


def _probe_of_parts(config: CompressConfig) -> Probe | None:
    """Return how parts find out what a map saves: as one file does."""
    # A size to match is compared with by the trials; at a bit rate there is no plain encode to compare with.
    is_compared = config.allocation.chosen_match == "size" and config.allocation.strength > 0
    return "none" if is_compared or has_two_passes(config) else config.probe


@dataclass(frozen=True, slots=True)
class _Opened:
    """A job whose output has a name and whose maps can be read again, and what was found out for it."""

    job: Job
    info: VideoInfo
    shown: ShownFrames
    trials: Trials
    other_bytes: int
    """What the output has beside the video, roughly."""


def _open(job: Job, folder: Path, importance: ImportanceSource | None) -> Generator[Event, None, _Opened]:
    config, info = job.config, probe_edited(job.source, job.config.edit)
    if isinstance(config.rate, Size) and job.span is not None and not job.span.is_all:
        raise ConfigError(f"`Size` is for a whole video, and {job.span} is a part; give `Crf`")
    if isinstance(config.rate, AsGoodAs) and job.span is not None and not job.span.is_all:
        raise ConfigError(f"`AsGoodAs` is for a whole video, and {job.span} is a part; give `Crf`")
    codec = find_codec(config.codec)
    if getattr(config.rate, "floor", None) is not None and not codec.steers(config):
        raise ConfigError(
            f"`floor` is not for {codec.name} with options that take no map: the rest is coded like what "
            "matters; leave it out"
        )
    coding = codec.coding(_begun(config))
    output = job.output or default_output(info, coding.coding_format, config)
    manifest = check_output(output, info, coding.coding_format, config)
    yield Started(info)
    is_saved = config.save_maps is not None and config.allocation.strength > 0
    if importance is not None or config.maps.track or is_saved:
        # They depend on all frames before, so they cannot be made of parts; saved maps are rounded first.
        from semvid.products.maps import video_map_events

        yield Stage("maps")
        maps = folder / "maps.svmap"
        asked = ExportConfig(maps=config.maps, temporal=config.temporal, edit=config.edit)
        # Of the whole video, whatever part is wanted: by the first frame a sidecar knows the others.
        events = video_map_events(job.source, maps, "sidecar", asked, importance=importance)
        yield from (event for event in events if not isinstance(event, Started))
        config = replace(config, maps=MapsConfig(path=maps), temporal=TemporalConfig())
    shown = shown_frames(info, (job.span or Span()).dropped(config.drop))
    coding_format = find_codec(job.config.codec).coding_format
    trials = Trials(job.source, job.span or Span(), shown, output.suffix, coding_format)
    if config.allocation.strength > 0:
        yield from trials.make_maps(config)
    job = replace(job, output=output, config=config)
    return _Opened(job, info, shown, trials, _other_bytes(shown, manifest))


class _Attempts:
    """Encodes the whole video until it is as asked for."""

    def __init__(
        self, job: Job, wish: Wish, found: Found, trials: Trials, preview_size: tuple[int, int] | None
    ) -> None:
        self._job, self._wish, self._preview_size = job, wish, preview_size
        self._first = found.chosen.trial
        self._made = found.made
        self._scale = scale_of(find_codec(job.config.codec), job.config)
        self._most = _MOST_OF_SHORT if trials.is_whole else _MOST_ENCODES
        # What is saved comes from a sidecar, which is read in no time.
        has_memory = job.config.allocation.strength > 0 and job.config.save_maps is None
        self._memory = trials.memory if has_memory else None
        # Whether one is near enough is not for the search to say: it goes by the video alone.
        self._search = Search[Trial](
            self._scale, found.search.slope, lambda distance: distance == 0, most=self._most
        )
        self._told = ToldOnce(has_started=True)

    def run(self) -> Generator[Event, None, Result]:
        quality: float | None = self._first.quality
        while quality is not None:
            try:
                result = yield from self._encode(quality)
            except RejectedError:
                yield Tried(self._last)
                yield Notice(f"{self._wish.remark(self._last)}; it is encoded again")
                quality = self._search.next() or self._nearest_kept() or self._farther()
                continue
            yield Tried(self._last)
            if not self._wish.tolerance.is_near(self._last.missed_by):
                yield Notice(self._wish.remark(self._last))
            return self._wish.sum_up(result)
        nearest = min(self._search.points, key=lambda one: abs(one.miss)).value
        if nearest.quality in {self._scale.lowest, self._scale.highest}:
            raise MissedError(self._wish.explain(nearest), best=nearest)
        raise MissedError(self._wish.give_up(nearest, len(self._search.points)), best=nearest)

    @property
    def _last(self) -> Trial:
        return self._search.points[-1].value

    def _encode(self, quality: float) -> Generator[Event, None, Result]:
        started = time.monotonic()
        nearest_kept = self._nearest_kept() if len(self._search.points) >= self._most else None
        made, self._made = self._made, None
        recording = None if made is None else made.recording
        tried = None if made is None else self._first

        def accepts(finished: Finished) -> bool:
            miss = self._wish.check(replace(finished, tried=tried))
            seconds = time.monotonic() - started
            trial = trial_of(quality, finished.video_bytes, miss, seconds, is_whole=True)
            self._search.note(quality, miss.distance, trial)
            if self._wish.tolerance.is_near(miss.missed_by) or quality == nearest_kept:
                return True
            if (
                tried is not None
                and miss.missed_by == tried.missed_by
                and self._wish.tolerance.is_kept(miss.missed_by)
            ):
                # The trials were encodes of everything, and came no closer.
                return True
            return self._search.next() is None and quality == self._nearest_kept()

        job = self._job
        config = at_quality(job.config, quality)
        events = encode_events(
            job.source, job.output, config, find_codec(config.codec).coding(config),
            span=job.span, preview_size=self._preview_size, accepts=accepts,
            memory=self._memory, recording=recording,
        )  # fmt: skip
        yield Stage(f"CRF {quality:g}" if recording is None else "writing")
        return (yield from passed_on(events, self._told.is_new))

    def _nearest_kept(self) -> float | None:
        """Return the quality of the nearest encode that may be kept; None = there is none."""
        kept = [one for one in self._search.points if self._wish.tolerance.is_kept(one.value.missed_by)]
        return min(kept, key=lambda one: abs(one.miss)).quality if kept else None

    def _farther(self) -> float | None:
        """Return a quality that is well within what may be kept, after none was; None = there is no other."""
        nearest = min(self._search.points, key=lambda one: abs(one.miss))
        if len(self._search.points) > self._most:
            return None
        step = self._search.slope * nearest.miss
        step = math.copysign(max(1.5 * abs(step), 1.0), step)
        quality = self._scale.round(nearest.quality + step)
        return None if any(quality == one.quality for one in self._search.points) else quality


def _begun(config: CompressConfig) -> CompressConfig:
    """Return a config with a quality to begin with."""
    if isinstance(config.rate, Crf):
        return config
    return at_quality(config, find_codec(config.codec).scale.default)


def _find(opened: _Opened, wish: Wish) -> Generator[Event, None, tuple[Found, CompressConfig]]:
    """Find the quality, and the config to encode everything with at it."""
    config = _begun(opened.job.config)
    yield from wish.prepare(opened.trials, config)
    if isinstance(opened.job.config.rate, ScoreWish):
        from semvid.engine.floor import find_above_floor

        return (yield from find_above_floor(opened.trials, wish, config))
    return (yield from find_quality(opened.trials, wish, config)), opened.job.config


def _wish_of(opened: _Opened, folder: Path) -> Wish:
    rate, others = opened.job.config.rate, opened.other_bytes
    if isinstance(rate, ScoreWish):
        from semvid.engine.scored import ScoreOf

        return ScoreOf(rate, folder, others)
    if isinstance(rate, Size):
        return OutputSize(rate.num_bytes, others)
    if isinstance(rate, Bitrate):
        seconds = float((opened.shown.end - int(opened.shown.pts[0])) * opened.info.time_base)
        return VideoRate(rate.bits_per_second, seconds, others)
    return PlainSize(plain_config(opened.job.config), others)


def _other_bytes(shown: ShownFrames, manifest: Manifest) -> int:
    """Guess what the output has beside the video: streams that are copied, and what the container adds."""
    copied = sum(
        shown.other_bytes.get(index, 0)
        for index, one in manifest.passages.items()
        if one.way in {Way.COPY, Way.CONVERT}
    )
    copied += sum(one.attached_bytes for one in manifest.passages.values())
    each, ends = _CONTAINER_BYTES.get(manifest.suffix, _USUAL_CONTAINER_BYTES)
    return copied + each * len(shown.pts) + ends
