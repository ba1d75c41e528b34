"""Encodes parts of a video in memory, again and again, each time in another way.

Maps of the parts are made once and kept, so trials differ in what the encoder is told and in nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.base.coding import Target
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.codecs.registry import find_codec
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.config import CompressConfig
from semvid.core.events import Event, Notice, Progress, Stage
from semvid.core.records import dataclass
from semvid.core.types import AnalysedFrame, Span
from semvid.engine.encoding import Encoded, Encoding
from semvid.engine.map_memory import MOST_BYTES, MapMemory
from semvid.engine.recording import Recorder, Recording
from semvid.engine.run import open_run
from semvid.engine.samples import CodedFrames, CodingLog, Sample, choose_samples, reach_of, trial_budget_of
from semvid.engine.source_sizes import complexity, num_key_frames
from semvid.engine.stages import each, pipeline
from semvid.engine.warm_up import WARM_UP_SECONDS
from semvid.media.reading.packets import ShownFrames

_LOOK_COST = 0.2
"""Time that a frame takes which the encoder only looks at, as a share of what one takes that it encodes."""
_MOST_GROUPED = 16
"""Frames that may come out before one that is shown before them, at most."""
_USUAL_AHEAD = 48
"""Frames that encoders look ahead, at most, with their usual settings."""
WARM_UP_OF_PART = Fraction(1)
"""Seconds before a part, for its maps. They need not be quite those of the whole video."""


@dataclass(frozen=True, slots=True)
class TriedPart:
    """One part of a trial."""

    sample: Sample
    recording: Recording | None
    """Of all of the part, the frames that are not compared too; None = it was let go."""
    coded: CodedFrames
    first_pts: int
    """Of the first frame that is compared."""
    end_pts: int | None
    """The first ``pts`` that is not compared any more; None = all the rest is."""
    num_ahead: int
    """Frames that the encoder took before it gave the first one back."""

    @property
    def packets(self) -> Sequence[CodedPacket]:
        """Of the part, in order of decoding."""
        return self._kept.packets

    @property
    def parameters(self) -> StreamParameters:
        """For a decoder."""
        return self._kept.parameters

    @property
    def _kept(self) -> Recording:
        assert self.recording is not None  # noqa: S101 - only those are asked that were not let go
        return self.recording

    @property
    def is_compared(self) -> NDArray[np.bool_]:
        """Which frames of ``coded`` are compared."""
        after = self.coded.pts >= self.first_pts
        return after if self.end_pts is None else after & (self.coded.pts < self.end_pts)

    @property
    def num_bytes(self) -> float:
        """Bytes of the frames that are compared."""
        return float(self.coded.sizes[self.is_compared].sum())


@dataclass(frozen=True, slots=True)
class PartsTrial:
    """What came of encoding all parts in one way."""

    quality: float
    parts: tuple[TriedPart, ...]
    video_bytes: int
    """Of the whole video, if the rest is like its parts."""
    seconds: float
    """It took so long."""
    is_whole: bool
    """The parts are all there is."""

    def without_packets(self) -> PartsTrial:
        """Return what counts when another trial is nearer: sizes."""
        return replace(self, parts=tuple(replace(one, recording=None) for one in self.parts))

    @property
    def recording(self) -> Recording | None:
        """What the encode of the whole video comes to, if the parts are all there is."""
        return self.parts[0].recording if self.is_whole else None


class Trials:
    """The parts of a video, and their maps.

    Args:
        source: The video.
        span: The part of it that is to be encoded.
        shown: Its frames.
        suffix: Of the output.
        coding_format: FFmpeg's name of its bitstream format.

    Attributes:
        source: See above, like ``span`` and ``suffix``.
        samples: The parts, by the numbers of the frames in the span.
        maps: Of each part, once they are made.
        memory: For the maps of the whole video: those of its parts if they are all there is, otherwise for
            the first run that makes all.
    """

    def __init__(self, source: Path, span: Span, shown: ShownFrames, suffix: str, coding_format: str) -> None:
        self.source, self.span, self.suffix = source, span, suffix
        is_in = np.array([pts in span for pts in shown.pts.tolist()])
        self.pts = shown.pts[is_in]
        self._weights = complexity(shown)[is_in]
        self._num_keys = num_key_frames(shown.is_key[is_in])
        self.samples = choose_samples(
            len(self.pts), (), _USUAL_AHEAD, trial_budget_of(len(self.pts)), reach=reach_of(coding_format)
        )
        self.maps: list[MapMemory] = []
        self.memory = MapMemory(None if self.is_whole else MOST_BYTES)

    @property
    def num_frames(self) -> int:
        """Of the whole span."""
        return len(self.pts)

    @property
    def share(self) -> float:
        """Of the time that everything takes: what is looked at before and after counts a little too."""
        taken = sum(one.compared_to - one.start + _LOOK_COST * _USUAL_AHEAD for one in self.samples)
        return 1.0 if self.is_whole else min(taken / self.num_frames, 1.0)

    @property
    def is_whole(self) -> bool:
        """Whether the parts are all there is."""
        return sum(one.num_compared for one in self.samples) == self.num_frames

    def make_maps(self, config: CompressConfig) -> Generator[Event, None, None]:
        """Make the maps of all parts; call it once, before the first trial with maps.

        Yields:
            ``Stage`` and ``Progress``.
        """
        yield Stage("maps" if self.is_whole else "maps of some parts")
        for sample in self.samples:
            memory = self.memory if self.is_whole else MapMemory()
            part, warm_up = self._part(sample), WARM_UP_SECONDS if self.is_whole else WARM_UP_OF_PART
            with open_run(self.source, config.temporal, span=part, edit=config.edit, warm_up=warm_up) as run:
                run.reader.keep((), self.span.dropped(config.drop))
                run.open_maps(config.maps, memory=memory)
                with pipeline(run.reader, run.analyse) as items:
                    for _ in items:
                        pass
                run.map_notices()
            self.maps.append(memory)
            yield Progress(len(self.maps), len(self.samples), 0)

    def encode(self, name: str, config: CompressConfig) -> Generator[Event, None, PartsTrial]:
        """Encode all parts.

        Args:
            name: For ``Stage``.
            config: How. Its maps are those that were made, or none at a strength of 0.

        Yields:
            ``Stage`` and ``Progress``.
        """
        yield Stage(name)
        started, parts = time.monotonic(), []
        total, done = sum(one.num_compared for one in self.samples), 0
        for index, sample in enumerate(self.samples):
            maps = self.maps[index] if config.allocation.strength > 0 else None
            part, dropped = self._part(sample), self.span.dropped(config.drop)
            parts.append(try_part(self.source, part, sample, self.pts, config, self.suffix, maps, dropped))
            done += sample.num_compared
            yield Progress(done, total, 0)
        quality = find_codec(config.codec).coding(config).quality
        return PartsTrial(
            quality, tuple(parts), self._bytes_of_all(parts), time.monotonic() - started, self.is_whole
        )

    def _part(self, sample: Sample) -> Span:
        return part_of(sample, self.pts, self.span, _USUAL_AHEAD)

    def _bytes_of_all(self, parts: Sequence[TriedPart]) -> int:
        """Conclude how large all frames would be: as much more than the parts as it is in the source."""
        if self.is_whole:
            return round(sum(one.num_bytes for one in parts))
        extra, taken, weight = [], 0.0, 0.0
        for one in parts:
            sizes, is_key, is_compared = one.coded.sizes, one.coded.is_key, one.is_compared
            usual = sizes[is_compared & ~is_key]
            # What a key frame takes beyond that. Every part begins with one.
            extra.append(max(float(sizes[0] - usual.mean()), 0.0) if usual.size else 0.0)
            num_keys = int((is_compared & is_key).sum())
            taken += float(usual.sum() + num_keys * (usual.mean() if usual.size else sizes[0]))
            weight += float(self._weights[one.sample.compared].sum())
        keys = extra[0] + float(np.mean(extra)) * (self._num_keys - 1)
        return round(keys + taken * float(self._weights.sum()) / weight)


def part_of(sample: Sample, pts: NDArray[np.int64], span: Span, num_ahead: int) -> Span:
    """Return the part of a video to encode for a sample: to the last frame that has an effect on it.

    Args:
        sample: The sample.
        pts: ``(n,)`` of the frames of the span.
        span: The part of the video that the sample is of.
        num_ahead: Frames that the encoder looks ahead.
    """
    end = sample.compared_to - 1 + num_ahead + _MOST_GROUPED
    start = int(pts[sample.start]) if sample.start else span.start
    return Span(start, int(pts[end]) if end < len(pts) else span.end)


def try_part(
    source: Path,
    part: Span,
    sample: Sample,
    pts: NDArray[np.int64],
    config: CompressConfig,
    suffix: str,
    maps: MapMemory | None,
    dropped: Collection[str] = (),
) -> TriedPart:
    """Encode a sample in memory.

    Args:
        source: The video.
        part: What has to be read for it, from ``part_of``.
        sample: The sample.
        pts: ``(n,)`` of the frames that the sample counts.
        config: How; its strength is 0 where there are no maps.
        suffix: Of the output.
        maps: Of all frames of the part; None = a plain encode.
        dropped: As for ``VideoReader.keep``.
    """
    end = None if sample.compared_to == len(pts) else int(pts[sample.compared_to])
    log, recorder = CodingLog(), Recorder()
    with closing(_encode(source, part, config, suffix, maps, dropped)) as events:
        for event in events:
            recorder.note(event)
            if not isinstance(event, Encoded):
                continue
            log.note(event)
            # What is only looked at is never encoded: it ends when all that counts has come out.
            if end is not None and log.is_complete_before(end):
                break
    first = int(pts[sample.compared_from])
    return TriedPart(
        sample, recorder.recording(), log.coded(is_cut=end is not None), first, end, log.num_ahead
    )


def _encode(
    source: Path,
    part: Span,
    config: CompressConfig,
    suffix: str,
    maps: MapMemory | None,
    dropped: Collection[str],
) -> Generator[Encoded | StreamParameters | Notice, None, None]:
    with open_run(source, config.temporal, span=part, edit=config.edit, has_maps=False) as run:
        reader = run.reader
        reader.keep((), dropped)
        coding, encoding = find_codec(config.codec).coding(config), Encoding()
        interlaced = InterlacedStage(config.deinterlace, coding.codes_fields, suffix)
        encoding.begin(coding, Target.of_file(reader.info, suffix))
        analyse = run.analyse if maps is None else maps.attach
        prepare = each(AnalysedFrame, lambda one: [coding.prepare(one)] if one.frame.pts in part else [])
        try:
            with pipeline(reader, analyse, interlaced.run, prepare, encoding.run) as items:
                yield from (one for one in items if isinstance(one, Encoded | StreamParameters | Notice))
        finally:
            encoding.close()
