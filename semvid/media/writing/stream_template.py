"""Have FFmpeg's muxers write side data of a stream: a header that holds it is the stream's template.

PyAV writes a display matrix and nothing else. But a stream made from a template takes over its side data,
and a template can be read from anything FFmpeg opens: here the header of a QuickTime file, put together in
memory, with a box for each thing. The muxer of the output then says it in its own way.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

_ENTRIES = {"h264": b"avc1", "hevc": b"hev1", "vp8": b"vp08", "vp9": b"vp09", "mjpeg": b"jpeg"}
_IDENTITY = struct.pack(">9I", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
_UNITS = 1000
_NEEDS_GLOBAL_HEADER, _GLOBAL_HEADER = 0x40, 1 << 22
"""AVFMT_GLOBALHEADER of a container and AV_CODEC_FLAG_GLOBAL_HEADER of an encoder."""
_BIT_RATE_TOLERANCE = 128_000
"""PyAV's for streams without a template."""


def box(kind: bytes, *parts: bytes) -> bytes:
    """Return a box of an ISO file."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, *parts: bytes, flags: int = 0) -> bytes:
    """Return a box that begins with a version, 0, and flags."""
    return box(kind, struct.pack(">I", flags), *parts)


def serves(library: str, coding_format: str) -> bool:
    """Whether a template of this format gives this encoder: FFmpeg's first for it."""
    return coding_format in _ENTRIES and av.Codec(coding_format, "w").name == library


def add_stream_with(
    boxes: Sequence[bytes],
    container: OutputContainer,
    coding_format: str,
    size: tuple[int, int],
    frame_rate: Fraction,
) -> VideoStream:
    """Add a stream, not yet opened, whose muxer writes what the boxes say.

    Args:
        boxes: Of a QuickTime sample entry.
        container: Output that has not been started.
        coding_format: FFmpeg's name; one for which ``serves`` is true.
        size: ``(width, height)`` of the coded picture in pixels.
        frame_rate: Nominal frames per second.
    """
    header = io.BytesIO(_header(_ENTRIES[coding_format], size, boxes))
    with av.open(header, format="mov") as template:
        stream = container.add_stream_from_template(template.streams.video[0])
    codec = stream.codec_context
    codec.framerate = frame_rate
    codec.bit_rate_tolerance = _BIT_RATE_TOLERANCE
    if container.format.flags & _NEEDS_GLOBAL_HEADER:
        codec.flags |= _GLOBAL_HEADER
    return stream


def _header(kind: bytes, size: tuple[int, int], boxes: Sequence[bytes]) -> bytes:
    """Return a QuickTime file of one track without samples."""
    width, height = size
    entry = box(
        kind,
        bytes(6), struct.pack(">H", 1), bytes(16), struct.pack(">HH", width, height),
        struct.pack(">II", 72 << 16, 72 << 16), bytes(4), struct.pack(">H", 1), bytes(32),
        struct.pack(">Hh", 24, -1), *boxes,
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
