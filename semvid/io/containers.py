"""The containers semvid writes, and what each can hold."""

from __future__ import annotations

import io
from collections.abc import Iterable
from functools import lru_cache

import av

CONTAINERS = {".mp4": "mp4", ".mkv": "matroska", ".mov": "mov", ".webm": "webm", ".m4v": "mp4", ".avi": "avi"}
"""Output suffixes and FFmpeg's muxers for them."""

_MOTION_JPEG = {".avi", ".mov", ".mkv"}
"""Where players expect it; .avi takes nothing else, since it cannot reorder frames."""


@lru_cache
def _codecs_held_by(muxer: str) -> frozenset[str]:
    with av.open(io.BytesIO(), "w", format=muxer) as container:
        return frozenset(container.supported_codecs)


def holds(suffix: str, codecs: Iterable[str]) -> bool:
    """Whether FFmpeg lists all these formats for the container."""
    return _codecs_held_by(CONTAINERS[suffix]).issuperset(codecs)


def takes(suffix: str, coding_format: str) -> bool:
    """Whether encoded video may go there."""
    if coding_format == "mjpeg":
        return suffix in _MOTION_JPEG
    return suffix != ".avi" and holds(suffix, [coding_format])
