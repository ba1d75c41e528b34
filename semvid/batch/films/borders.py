"""Where a film is divided into parts: at key frames of its own, and at cuts if there are some about there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from semvid.core.errors import SemvidError
from semvid.core.records import dataclass
from semvid.core.types import Frame, Span
from semvid.engine.warm_up import WARM_UP_SECONDS, warm_up_in_scene
from semvid.media.probe import decoder_of, open_video, probe
from semvid.media.reading.packets import shown_frames
from semvid.temporal.cuts import are_other_scenes

LEAST_SECONDS = 10.0
_NO_CUT = 0.25
"""What a border that is no cut costs: as much as a part that is half as long again as usual."""
_MOST_USUAL = 3
"""Parts are longer than so many usual ones only where there are no key frames."""
_APART = 0.25
"""Seconds between key frames among which a border is chosen, if they are no cuts."""
_LEAST_FRAMES = 2


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a video."""

    span: Span
    seconds: float
    """Of video that are read for it: it, and what is before it for its maps."""


def divide(source: Path, part_seconds: float) -> list[Part]:
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
    since = [max((seconds[one] for one in cuts if one <= border), default=None) for border in borders]
    scenes = [
        None,
        *(None if cut is None else seconds[one] - cut for one, cut in zip(borders, since, strict=True)),
    ]
    spans = [Span(*each) for each in zip(starts, [*starts[1:], None], scenes, strict=True)]
    return [Part(one, _seconds_of(one, int(shown.end), base)) for one in spans]


def _seconds_of(span: Span, end: int, base: Fraction) -> float:
    warm_up = WARM_UP_SECONDS
    if span.scene_seconds is not None:
        warm_up = warm_up_in_scene(span.scene_seconds, warm_up)
    own = (end if span.end is None else span.end) - span.start
    return float(own * base + min(warm_up, span.start * base))


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

    Of all ways to divide the video the best is taken: parts of one length, and borders at cuts, since a
    border elsewhere costs a key frame that one piece has not. ``_NO_CUT`` weighs one against the other.

    Args:
        keys: When each is shown, in seconds from the first frame, rising.
        cuts: Those that begin a scene, by their place in ``keys``.
        length: Of the video, in seconds.
        part_seconds: About how long parts are to be.

    Returns:
        Places in ``keys``, rising; no part is shorter than ``LEAST_SECONDS``.
    """
    if length <= 2 * part_seconds:
        return []
    usual = length / round(length / part_seconds)
    able = _able(keys, cuts, length)
    times = np.array([0.0, *(keys[one] for one in able), length])
    price = np.array([0.0, *(0.0 if one in cuts else _NO_CUT for one in able), 0.0])
    # The cheapest way to each border, and the border before it on that way.
    costs = np.full(len(times), np.inf)
    costs[0] = 0.0
    befores = np.zeros(len(times), np.int64)
    for place in range(1, len(times)):
        last = int(np.searchsorted(times, times[place] - LEAST_SECONDS, "right"))
        first = min(int(np.searchsorted(times, times[place] - _MOST_USUAL * usual)), last - 1)
        if last:
            apart = (times[place] - times[first:last]) / usual
            ways = costs[first:last] + np.square(apart - 1)
            befores[place] = first + int(np.argmin(ways))
            costs[place] = ways.min() + price[place]
    borders: list[int] = []
    place = int(befores[-1])
    while place:
        borders.append(able[place - 1])
        place = int(befores[place])
    return borders[::-1]


def _able(keys: Sequence[float], cuts: set[int], length: float) -> list[int]:
    """Return the key frames that may become borders; of those that are no cuts, a few a second are enough."""
    found: list[int] = []
    last = 0.0
    for place, when in enumerate(keys):
        if LEAST_SECONDS <= when <= length - LEAST_SECONDS and (place in cuts or when - last >= _APART):
            found.append(place)
            last = when if place not in cuts else last
    return found


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
                if before is not None and place in early and are_other_scenes(now, before):
                    found.add(place)
                before = now
    return found
