"""The containers that semvid writes, and what replaces streams that do not fit."""

from __future__ import annotations

import io
from functools import lru_cache

import av

from semvid.core.records import dataclass

CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".webm": "webm", ".m4v": "mp4", ".avi": "avi"}
"""Output suffixes and FFmpeg's muxers for them."""

MP4_LIKE = frozenset({".mp4", ".mov", ".m4v"})
"""Suffixes of containers that know their tracks by edit lists and sums of durations."""

MATROSKA_LIKE = frozenset({".mkv", ".webm"})
"""Suffixes of Matroska, as a whole or its part for browsers."""

_MOTION_JPEG = {".avi", ".mov", ".mkv"}
"""Where players expect it; .avi takes nothing else, since it cannot reorder frames."""


@dataclass(frozen=True, slots=True)
class Habits:
    """What a container is expected to hold."""

    sound: str
    """Name of the sound codec, as in ``audio``, that everything plays in it."""
    lossless_sound: str
    """The same for lossless sound."""
    text: str | None
    """FFmpeg's encoder of the text subtitles that everything shows in it; None = it holds none."""


HABITS = {
    "mp4": Habits("aac", "aac", "mov_text"),
    "mov": Habits("aac", "aac", "mov_text"),
    "matroska": Habits("aac", "flac", "subrip"),
    "webm": Habits("opus", "opus", "webvtt"),
    # Without a decoder's delay, for which AVI has no place.
    "avi": Habits("pcm", "pcm", None),
}
"""By muxer."""

COVER_CODECS = {"mjpeg": ("cover.jpg", "image/jpeg"), "png": ("cover.png", "image/png")}
"""Pictures that players show as a cover: the name and type they have as an attachment."""


def takes(suffix: str, coding_format: str) -> bool:
    """Return whether encoded video may go into a container."""
    if coding_format == "mjpeg":
        return suffix in _MOTION_JPEG
    return suffix != ".avi" and coding_format in _codecs_held_by(CONTAINERS[suffix])


@lru_cache
def _codecs_held_by(muxer: str) -> frozenset[str]:
    with av.open(io.BytesIO(), "w", format=muxer) as container:
        return frozenset(container.supported_codecs)
