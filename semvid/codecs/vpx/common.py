"""What VP8 and VP9 by libvpx have in common."""

from __future__ import annotations

import struct

from semvid.codecs.ffmpeg.option_text import is_off
from semvid.codecs.ffmpeg.spec import MapCondition

OPTION_ALIASES = {"quality": "deadline", "speed": "cpu-used"}
LOOKS_NOT_AHEAD = MapCondition(
    # FFmpeg gives libvpx a picture's map at once, but the picture waits until libvpx has looked ahead.
    lambda found: is_off(found.get("lag-in-frames")),
    "while libvpx looks ahead, every picture is coded with the map of a later one",
    "drop lag-in-frames",
)
LIVE_RATES = ("b", "maxrate", "minrate")


def offset_range(bits: int) -> int:
    """Return the native units of an FFmpeg ``qoffset`` of 1."""
    return 63


def in_ivf(tag: bytes, key_frame: bytes) -> tuple[str, bytes]:
    """Return a key frame in the only container FFmpeg has for bare frames of these."""
    header = struct.pack("<4sHH4sHHIII", b"DKIF", 0, 32, tag, 0, 0, 30, 1, 1) + b"\0\0\0\0"
    return "ivf", header + struct.pack("<IQ", len(key_frame), 0) + key_frame
