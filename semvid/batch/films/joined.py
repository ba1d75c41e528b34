"""Checks a video that was put together of parts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import accumulate, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.core.errors import OutputError
from semvid.core.threads import thread_budget
from semvid.core.types import Frame, Span
from semvid.media.probe import probe
from semvid.media.reading.packets import shown_frames
from semvid.media.reading.reader import VideoReader

_DECODED = 2
"""Frames on each side of a border that are decoded."""


def check_borders(output: Path, sizes: Sequence[int]) -> int:
    """Count the frames of a joined video, and decode those about each border; returns how many there are.

    Args:
        output: The joined video.
        sizes: Frames that each part was found to have when it was made.

    Raises:
        OutputError: Frames are missing, or cannot be decoded.
    """
    pts = shown_frames(probe(output)).pts
    if len(pts) != sum(sizes):
        raise OutputError(
            f"{output} has {len(pts)} frames, and its parts have {sum(sizes)}; compress it again"
        )
    places = list(accumulate(sizes[:-1]))
    with thread_budget().pool("borders") as pool:
        for place, is_whole in zip(places, pool.map(partial(_is_decoded, output, pts), places), strict=True):
            if not is_whole:
                raise OutputError(
                    f"{output} cannot be decoded where its parts meet, at frame {place}; compress it again"
                )
    return len(pts)


def _is_decoded(output: Path, pts: NDArray[np.int64], place: int) -> bool:
    """Decode the frames about a border."""
    wanted = [int(one) for one in pts[max(place - _DECODED, 0) : place + _DECODED]]
    with VideoReader(output, span=Span(wanted[0], wanted[-1] + 1)) as reader:
        reader.keep(())
        frames = (one for one in reader.read() if isinstance(one, Frame))
        return [one.pts for one in islice(frames, len(wanted))] == wanted
