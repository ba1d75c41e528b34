"""Decodes other versions of a video together with it."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack
from itertools import zip_longest

from semvid.codecs.base.interlaced import InterlacedStage
from semvid.core.errors import InputError
from semvid.engine.run import Run
from semvid.engine.stages import only_frames, pipeline
from semvid.media.reading.reader import VideoReader
from semvid.scores.weighted import Together


def side_by_side(
    run: Run, others: Sequence[VideoReader], *, deinterlaces: bool, advice: str
) -> Generator[Together, None, None]:
    """Decode a video, whose maps are open, and other versions of it.

    Raises:
        InputError: They do not have the same number of frames; ``advice`` says what to do.
    """
    interlaced = InterlacedStage("bwdif" if deinterlaces else "keep")
    with ExitStack() as stack:
        frames = stack.enter_context(pipeline(run.reader, only_frames, run.analyse, interlaced.run))
        beside = [stack.enter_context(pipeline(one, only_frames)) for one in others]
        for one, *found in zip_longest(frames, *beside):
            for other, frame in zip(others, found, strict=True):
                if (one is None) != (frame is None):
                    raise InputError(
                        f"{other.info.path} does not have the frames of {run.reader.info.path}; {advice}"
                    )
            yield one.frame, one.importance, found
