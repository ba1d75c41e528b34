"""Where a film is divided into parts: at its key frames, if it can be where an encoder begins afresh."""

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
from semvid.temporal.cuts import are_other_scenes, detail_correlation
from semvid.temporal.warp import halve

LEAST_SECONDS = 10.0
_STALE = 0.25
"""What a border at another key frame costs: as much as a part that is half as long again as usual."""
_MOST_USUAL = 3
"""Parts are longer than so many usual ones only where there are no key frames."""
_APART = 0.25
"""Seconds between key frames among which a border is chosen, if they are not fresh."""
_READ_ONLY = Fraction(1, 2)
"""What is not encoded takes about so much less time, with presets in the middle."""
_ALIKE = 0.5
"""Correlation of detail from which on two key frames show much the same."""
_LEAST_FRAMES = 2
_UNKNOWN_PARTS = 3
"""Of a video whose header does not tell its length: it may be long."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a video."""

    span: Span
    seconds: float
    """Of video, as many as take about the time that it takes: with what is before it for its maps."""


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
    fresh, cuts = _looked_at(source, keys) if length > 2 * part_seconds else (set(), set())
    borders = choose_borders(seconds, fresh, length, part_seconds)
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
    return float(own * base + _READ_ONLY * min(warm_up, span.start * base))


def expected_parts(source: Path, part_seconds: float) -> int:
    """Return about how many parts a video will have, by its header; 0 seconds = it is never divided."""
    if not part_seconds:
        return 1
    try:
        length = probe(source).duration_seconds
    except SemvidError:
        return 1
    if length is None:
        return _UNKNOWN_PARTS
    return 1 if length <= 2 * part_seconds else round(length / part_seconds)


def choose_borders(keys: Sequence[float], fresh: set[int], length: float, part_seconds: float) -> list[int]:
    """Choose key frames at which parts begin.

    Of all ways to divide the video the best is taken: parts of one length, and borders where pictures begin
    afresh, since one elsewhere costs a key frame that one piece has not. ``_STALE`` weighs one against the
    other.

    Args:
        keys: When each is shown, in seconds from the first frame, rising.
        fresh: Those that an encoder would choose too, by their place in ``keys``.
        length: Of the video, in seconds.
        part_seconds: About how long parts are to be.

    Returns:
        Places in ``keys``, rising; no part is shorter than ``LEAST_SECONDS``.
    """
    if length <= 2 * part_seconds:
        return []
    usual = length / round(length / part_seconds)
    able = _able(keys, fresh, length)
    times = np.array([0.0, *(keys[one] for one in able), length])
    price = np.array([0.0, *(0.0 if one in fresh else _STALE for one in able), 0.0])
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


def _able(keys: Sequence[float], fresh: set[int], length: float) -> list[int]:
    """Return key frames that may become borders; a few a second are enough of those that are not fresh."""
    found: list[int] = []
    last = 0.0
    for place, when in enumerate(keys):
        if LEAST_SECONDS <= when <= length - LEAST_SECONDS and (place in fresh or when - last >= _APART):
            found.append(place)
            last = when if place not in fresh else last
    return found


def _looked_at(source: Path, keys: NDArray[np.int64]) -> tuple[set[int], set[int]]:
    """Look at the key frames.

    Returns:
        Those at which an encoder would begin afresh, as the one of the source did: they came early, and are
        unlike those before. And those of them that surely begin a scene. Both by their place.
    """
    fresh, cuts = set[int](), set[int]()
    if len(keys) < _LEAST_FRAMES:
        return fresh, cuts
    apart = np.diff(keys)
    early = {place + 1 for place, one in enumerate(apart) if one < apart.max()}
    before: NDArray[np.uint8] | None = None
    container, stream, info = open_video(source)
    with container:
        decoder = decoder_of(stream, info)
        decoder.skip_frame = "NONKEY"
        pictures = (picture for packet in container.demux(stream) for picture in decoder.decode(packet))
        # These are but the better borders: what is damaged is told of when it is compressed.
        with suppress(FFmpegError):
            for place, picture in enumerate(islice(pictures, len(keys))):
                now = Frame(picture, place).thumbnail
                if before is not None and place in early and _is_unlike(now, before):
                    fresh.add(place)
                    cuts |= {place} if are_other_scenes(now, before) else set()
                before = now
    return fresh, cuts


def _is_unlike(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> bool:
    return now.shape != before.shape or detail_correlation(halve(now), halve(before)) < _ALIKE
