"""A header from which PyAV makes the stream of an output, and from which its muxer knows the side data.

PyAV makes streams of encoders that it opens itself, or of a template, and of side data it writes a display
matrix and nothing else. But a stream made from a template takes over its side data,
and a template can be read from anything FFmpeg opens: here the header of a QuickTime file, put together in
memory, with a box for each thing. The muxer of the output then says it in its own way.
"""

from __future__ import annotations

import struct

from semvid.core.coded import StreamParameters

_ENTRIES = {
    "h264": b"avc1", "hevc": b"hev1", "vp8": b"vp08", "vp9": b"vp09", "mjpeg": b"jpeg", "mpeg4": b"mp4v",
    "av1": b"av01",
}  # fmt: skip
"""QuickTime's names of bitstream formats."""
_IDENTITY = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_UNITS = 1000


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of an ISO file."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    """Return a box that begins with a version, 0, and flags."""
    return box(kind, struct.pack(">I", flags), *parts)


def stream_header(parameters: StreamParameters) -> bytes:
    """Return a QuickTime file of one track without samples.

    It says the format, the size, and what the boxes hold.
    """
    width, height = parameters.size
    entry = box(
        _ENTRIES[parameters.coding_format],
        bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", width, height),
        struct.pack(">II", 72 << 16, 72 << 16), bytes(4), struct.pack(">H", 1), bytes(32),
        struct.pack(">Hh", 24, -1), *parameters.boxes,
    )  # fmt: skip
    none = struct.pack(">I", 0)
    table = box(
        b"stbl",
        full_box(b"stsd", struct.pack(">I", 1), entry),
        full_box(b"stts", none), full_box(b"stsc", none), full_box(b"stsz", none, none),
        full_box(b"stco", none),
    )  # fmt: skip
    place = box(b"dinf", full_box(b"dref", struct.pack(">I", 1), full_box(b"url ", flags=1)))
    media = box(
        b"mdia",
        full_box(b"mdhd", bytes(8), struct.pack(">II", _UNITS, 0), bytes(4)),
        full_box(b"hdlr", bytes(4), b"vide", bytes(13)),
        box(b"minf", full_box(b"vmhd", bytes(8), flags=1), place, table),
    )
    track = full_box(
        b"tkhd",
        bytes(8), struct.pack(">I", 1), bytes(24), _IDENTITY, struct.pack(">II", width << 16, height << 16),
        flags=3,
    )  # fmt: skip
    movie = full_box(
        b"mvhd",
        bytes(8), struct.pack(">II", _UNITS, 0), struct.pack(">I", 1 << 16), bytes(12), _IDENTITY, bytes(24),
        struct.pack(">I", 2),
    )  # fmt: skip
    return box(b"ftyp", b"qt  ", bytes(4), b"qt  ") + box(b"moov", movie, box(b"trak", track, media))
