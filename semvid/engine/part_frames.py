"""Frames of the parts that are tried: of the source as it is encoded, of trials, and of other encodes."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import islice
from pathlib import Path
from typing import Protocol

from semvid.codecs.base.decoding import decoded
from semvid.codecs.base.interlaced import InterlacedStage
from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.errors import InputError
from semvid.core.text import counted
from semvid.core.types import AnalysedFrame, FloatArray, Frame, Span
from semvid.engine.run import Run, open_run
from semvid.engine.samples import Sample
from semvid.engine.stages import Stage, only_frames, pipeline
from semvid.engine.trials import WARM_UP_OF_PART, Trials, TriedPart
from semvid.engine.warm_up import WARM_UP_SECONDS
from semvid.media.reading.reader import VideoReader
from semvid.scores.parts import PartScorer


class Taker(Protocol):
    """Takes frames as ``PartScorer`` does."""

    def add(self, frame: Frame, importance: FloatArray | None, part: int, *, is_counted: bool = True) -> None:
        """Take the next frame."""

    def finish(self) -> None:
        """There are no more."""


def add_parts(scorer: Taker, trials: Trials, config: CompressConfig) -> None:
    """Give a scorer the source's frames of all parts as they are encoded, with their maps if there are any.

    Args:
        scorer: It has no frames yet.
        trials: The parts; maps that were made are added.
        config: How they are encoded.
    """
    for index, sample in enumerate(trials.samples):
        span, compared_from = _span_of(sample, trials)
        with open_run(trials.source, config.temporal, span=span, edit=config.edit, has_maps=False) as run:
            run.reader.keep((), trials.span.dropped(config.drop))
            analyse = trials.maps[index].attach if trials.maps else run.analyse
            for one in _as_encoded(run, analyse, trials, config):
                scorer.add(one.frame, one.importance, index, is_counted=one.frame.pts >= compared_from)
    scorer.finish()


def add_others(scorer: PartScorer, samples: Sequence[Sample], trials: Trials, config: CompressConfig) -> None:
    """Do what ``add_parts`` does for other parts than those that are tried.

    Their maps are those of an encode of everything, if there was one and they are remembered.

    Args:
        scorer: It has no frames yet.
        samples: The parts; one may be all of the video.
        trials: The video.
        config: How it is encoded.
    """
    has_maps, memory = config.allocation.strength > 0, trials.memory
    is_all = len(samples) == 1
    warm_up = WARM_UP_SECONDS if is_all else WARM_UP_OF_PART
    for index, sample in enumerate(samples):
        span, compared_from = _span_of(sample, trials)
        makes_maps = has_maps and not memory.is_complete
        with open_run(
            trials.source, config.temporal, span=span, edit=config.edit, has_maps=makes_maps, warm_up=warm_up
        ) as run:
            # Before maps are open: they locate the part in the file.
            run.reader.keep((), trials.span.dropped(config.drop))
            if makes_maps:
                run.open_maps(config.maps, memory=memory if is_all else None)
            analyse = memory.attach if has_maps and memory.is_complete else run.analyse
            for one in _as_encoded(run, analyse, trials, config):
                scorer.add(one.frame, one.importance, index, is_counted=one.frame.pts >= compared_from)
            run.map_notices()
    scorer.finish()


def _span_of(sample: Sample, trials: Trials) -> tuple[Span, int]:
    """Return what has to be read of the source for a sample, and the ``pts`` from which it is compared."""
    start, end = trials.span.start, trials.span.end
    if sample.start:
        start = int(trials.pts[sample.start])
    if sample.compared_to < trials.num_frames:
        end = int(trials.pts[sample.compared_to])
    return Span(start, end), int(trials.pts[sample.compared_from])


def _as_encoded(
    run: Run, analyse: Stage, trials: Trials, config: CompressConfig
) -> Generator[AnalysedFrame, None, None]:
    coding = find_codec(config.codec).coding(config)
    interlaced = InterlacedStage(config.deinterlace, coding.codes_fields, trials.suffix)
    with pipeline(run.reader, analyse, interlaced.run) as items:
        for one in items:
            if isinstance(one, AnalysedFrame) and one.frame.pts in run.reader.span:
                yield one


def trial_frames(parts: Sequence[TriedPart]) -> Generator[Iterator[Frame], None, None]:
    """Yield the decoded frames of each part of a trial; take them before the next part."""
    for part in parts:
        pictures = decoded(part.parameters.coding_format, part.packets, part.parameters.extradata)
        yield (Frame(picture, index) for index, picture in enumerate(pictures))


def file_frames(path: Path, samples: Sequence[Sample]) -> Generator[Iterator[Frame], None, None]:
    """Yield the frames of the parts of an encode of the whole; take them before the next part.

    Args:
        path: A file with exactly the frames that the samples count.
        samples: The parts, rising.
    """
    with VideoReader(path) as reader, ExitStack() as stack:
        reader.keep(())
        frames = stack.enter_context(closing(only_frames(reader.read())))
        position = 0
        for sample in samples:
            for _ in islice(frames, sample.start - position):
                pass
            yield islice(frames, sample.compared_to - sample.start)
            position = sample.compared_to


def check_frames(path: Path, trials: Trials) -> None:
    """Raise InputError unless a file has as many frames as the video that is tried."""
    with VideoReader(path) as reader:
        reader.keep(())
        for _ in reader.read():
            pass
        if reader.num_frames != trials.num_frames:
            raise InputError(
                f"{path} has {counted(reader.num_frames, 'frame')} and {trials.source} {trials.num_frames}; "
                "give an encode of the same video"
            )
