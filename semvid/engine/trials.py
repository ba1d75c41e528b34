"""Encodes parts of a video in memory, again and again, each time in another way.

Maps of the parts are made once and kept, so trials differ in what the encoder is told and in nothing else.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.base.coding import Target
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.codecs.registry import find_codec
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.config import CompressConfig
from semvid.core.events import Event, Progress, Stage
from semvid.core.types import AnalysedFrame, FloatArray, Frame, Span
from semvid.engine.encoding import Encoded, Encoding
from semvid.engine.run import open_run
from semvid.engine.samples import CodedFrames, CodingLog, Sample, choose_samples, trial_budget_of
from semvid.engine.stages import Stage as Step
from semvid.engine.stages import each, pipeline
from semvid.media.reading.packets import ShownFrames

PartMaps = Mapping[int, tuple[FloatArray, bool]]
"""By the ``pts`` of a frame: its map, as in ``AnalysedFrame``, and whether a scene begins."""

_LOOK_COST = 0.2
"""Time that a frame takes which the encoder only looks at, as a share of what one takes that it encodes."""
_MOST_GROUPED = 16
"""Frames that may come out before one that is shown before them, at most."""
_USUAL_AHEAD = 48
"""Frames that encoders look ahead, at most, with their usual settings."""
_WARM_UP = Fraction(1)
"""Seconds before a part, for its maps. They need not be quite those of the whole video."""
_USUAL_GROUP = 250
"""Frames from one key frame to the next without a cut, with the usual settings."""
_SMOOTHED = 9
"""Frames over which sizes in the source are averaged: how it groups frames is not how others do."""
_TRUSTED = 0.5
"""Power of sizes in the source that those of the output go by. On six clips 1 was off by 7 % on average, half
of it by 4, and none by 5."""


@dataclass(frozen=True, slots=True)
class TriedPart:
    """One part of a trial."""

    sample: Sample
    parameters: StreamParameters
    packets: Sequence[CodedPacket]
    """All of the part, the frames that are not compared too, in order of decoding."""
    coded: CodedFrames
    first_pts: int
    """Of the first frame that is compared."""
    end_pts: int | None
    """The first ``pts`` that is not compared any more; None = all the rest is."""
    num_ahead: int
    """Frames that the encoder took before it gave the first one back."""

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


class Trials:
    """The parts of a video, and their maps.

    Args:
        source: The video.
        span: The part of it that is to be encoded.
        shown: Its frames.
        suffix: Of the output.

    Attributes:
        source: See above, like ``span`` and ``suffix``.
        samples: The parts, by the numbers of the frames in the span.
        maps: Of each part, once they are made.
    """

    def __init__(self, source: Path, span: Span, shown: ShownFrames, suffix: str) -> None:
        self.source, self.span, self.suffix = source, span, suffix
        is_in = np.array([pts in span for pts in shown.pts.tolist()])
        self.pts = shown.pts[is_in]
        self._weights = _complexity(shown)[is_in]
        self._num_keys = _key_frames(shown.is_key[is_in])
        self.samples = choose_samples(len(self.pts), (), _USUAL_AHEAD, trial_budget_of(len(self.pts)))
        self.maps: list[PartMaps] = []

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
        yield Stage("maps of some parts")
        for sample in self.samples:
            part, frames = self._part(sample), {}
            with open_run(self.source, config.temporal, span=part, warm_up=_WARM_UP) as run:
                run.reader.keep(())
                run.open_maps(config.maps)
                with pipeline(run.reader, run.analyse) as items:
                    for one in items:
                        if isinstance(one, AnalysedFrame) and one.frame.pts in part:
                            assert one.importance is not None  # noqa: S101 - there are maps
                            frames[one.frame.pts] = one.importance, one.is_cut
            self.maps.append(frames)
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
            parts.append(
                try_part(self.source, self._part(sample), sample, self.pts, config, self.suffix, maps)
            )
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
    maps: PartMaps | None,
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
    """
    end = None if sample.compared_to == len(pts) else int(pts[sample.compared_to])
    log, packets, parameters = CodingLog(), list[CodedPacket](), list[StreamParameters]()
    with closing(_encode(source, part, config, suffix, maps)) as events:
        for event in events:
            if isinstance(event, StreamParameters):
                parameters.append(event)
                continue
            log.note(event)
            packets += event.packets
            # What is only looked at is never encoded: it ends when all that counts has come out.
            if end is not None and log.is_complete_before(end):
                break
    return TriedPart(
        sample, parameters[-1], packets, log.coded(), int(pts[sample.compared_from]), end, log.num_ahead
    )


def _encode(
    source: Path, part: Span, config: CompressConfig, suffix: str, maps: PartMaps | None
) -> Generator[Encoded | StreamParameters, None, None]:
    with open_run(source, config.temporal, span=part, has_maps=False) as run:
        reader = run.reader
        reader.keep(())
        coding, encoding = find_codec(config.codec).coding(config), Encoding()
        interlaced = InterlacedStage(config.deinterlace, coding.codes_fields, suffix)
        encoding.begin(coding, Target.of_file(reader.info, suffix))
        analyse = run.analyse if maps is None else kept_maps(maps)
        prepare = each(AnalysedFrame, lambda one: [coding.prepare(one)] if one.frame.pts in part else [])
        try:
            with pipeline(reader, analyse, interlaced.run, prepare, encoding.run) as items:
                yield from (one for one in items if isinstance(one, Encoded | StreamParameters))
        finally:
            encoding.close()


def kept_maps(maps: PartMaps) -> Step:
    """Return the stage that gives frames the maps that were kept; those outside of the part get none."""

    def attach(frame: Frame) -> Iterator[AnalysedFrame]:
        importance, is_cut = maps.get(frame.pts, (None, False))
        yield AnalysedFrame(frame, importance, is_cut)

    return each(Frame, attach)


def _key_frames(is_key: NDArray[np.bool_]) -> int:
    """Guess how many key frames an encoder makes: as many as the source, unless it has them by the clock."""
    usual, gaps = 1 + (len(is_key) - 1) // _USUAL_GROUP, np.diff(np.flatnonzero(is_key))
    return max(usual, len(gaps) + 1) if gaps.size and gaps.std() > 0.1 * gaps.mean() else usual


def _complexity(shown: ShownFrames) -> NDArray[np.float64]:
    """Guess how the bits of an encode are spread over the frames by how they are in the source; ``(n,)``."""
    sizes, size = shown.sizes.astype(np.float64), len(shown.sizes)
    window = np.ones(min(_SMOOTHED, 2 * size - 1))

    def sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.convolve(values, window, "same")[:size]

    # Key frames are elsewhere in the output: those near them stand in.
    others = (~shown.is_key).astype(np.float64)
    near = np.divide(sums(sizes * others), sums(others), out=sizes.copy(), where=sums(others) > 0)
    filled = np.where(shown.is_key, near, sizes)
    return np.asarray(np.maximum(sums(filled) / sums(np.ones(size)), 1.0) ** _TRUSTED)
