"""Where a film is divided into parts: at key frames of its own, and at cuts if there are some about there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from semvid.core.errors import SemvidError
from semvid.core.types import Frame, Span
from semvid.media.probe import decoder_of, open_video, probe
from semvid.media.reading.packets import shown_frames
from semvid.temporal.cuts import detail_correlation
from semvid.temporal.warp import halve

LEAST_SECONDS, MOST_SECONDS = 10.0, 60.0
_NEAR = 0.25
"""Share of a part by which a border may lie off to be at a cut."""
_ALIKE = 0.5
"""Correlation of detail from which on two key frames may show one scene."""
_LEAST_FRAMES = 2


def spans_of(source: Path, part_seconds: float) -> list[Span]:
    """Divide a video; only its packets and the key frames that may become borders are looked at.

    Args:
        source: The video.
        part_seconds: About how long parts are to be.

    Returns:
        Parts that follow each other and make up all of it; one if it is no longer than two parts.
    """
    info = probe(source)
    shown = shown_frames(info)
    base = info.time_base
    keys = shown.pts[shown.is_key]
    seconds = [float(base * int(one - shown.pts[0])) for one in keys]
    length = float(base * int(shown.end - shown.pts[0]))
    cuts = _cuts_among(source, keys) if length > 2 * part_seconds else set()
    borders = choose_borders(seconds, cuts, length, part_seconds)
    starts = [0, *(int(keys[one]) for one in borders)]
    scenes = [False, *(one in cuts for one in borders)]
    return [Span(*each) for each in zip(starts, [*starts[1:], None], scenes, strict=True)]


def stays_whole(source: Path, part_seconds: float) -> bool:
    """Whether a video is known not to be divided, by its header; 0 seconds = it never is."""
    if not part_seconds:
        return True
    try:
        length = probe(source).duration_seconds
    except SemvidError:
        return True
    return length is not None and length <= 2 * part_seconds


def choose_borders(keys: Sequence[float], cuts: set[int], length: float, part_seconds: float) -> list[int]:
    """Choose key frames at which parts begin.

    Args:
        keys: When each is shown, in seconds from the first frame, rising.
        cuts: Those that begin a scene, by their place in ``keys``.
        length: Of the video, in seconds.
        part_seconds: About how long parts are to be.

    Returns:
        Places in ``keys``, rising; no part is shorter than ``LEAST_SECONDS``, and all are about as long,
        except where key frames are far apart.
    """
    borders: list[int] = []
    start = 0.0
    # Of about the same length: else all wait for the longest.
    num_parts = round(length / part_seconds) if length > 2 * part_seconds else 1
    for num_left in range(num_parts, 1, -1):
        wanted = start + (length - start) / num_left
        able = [
            place
            for place, when in enumerate(keys)
            if when - start >= LEAST_SECONDS and length - when >= LEAST_SECONDS
        ]
        if not able:
            break
        near = [one for one in able if one in cuts and abs(keys[one] - wanted) <= _NEAR * part_seconds]
        best = min(near or able, key=lambda place: abs(keys[place] - wanted))
        borders.append(best)
        start = keys[best]
    return borders


def _cuts_among(source: Path, keys: NDArray[np.int64]) -> set[int]:
    """Find the key frames that begin a scene, as encoders put one there: early, and unlike the one before."""
    if len(keys) < _LEAST_FRAMES:
        return set()
    apart = np.diff(keys)
    early = {place + 1 for place, one in enumerate(apart) if one < apart.max()}
    found: set[int] = set()
    before: NDArray[np.uint8] | None = None
    container, stream, info = open_video(source)
    with container:
        decoder = decoder_of(stream, info)
        decoder.skip_frame = "NONKEY"
        pictures = (picture for packet in container.demux(stream) for picture in decoder.decode(packet))
        # Cuts are but the better borders: what is damaged is told of when it is compressed.
        with suppress(FFmpegError):
            for place, picture in enumerate(islice(pictures, len(keys))):
                now = Frame(picture, place).thumbnail
                if before is not None and place in early and _is_other_scene(now, before):
                    found.add(place)
                before = now
    return found


def _is_other_scene(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> bool:
    if now.shape != before.shape:
        return True
    return detail_correlation(halve(now), halve(before)) < _ALIKE
