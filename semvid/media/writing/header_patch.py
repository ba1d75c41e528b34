"""Adds to the header of a finished file what FFmpeg's muxers do not write when PyAV drives them.

Both changes keep every byte after them where it is.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, NamedTuple

from semvid.media.reading.movie_boxes import boxes

_SEGMENT, _TRACKS, _ENTRY, _VIDEO = b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xe0"
_CRC, _VOID, _NAME = b"\xbf", b"\xec", b"\x53\x6e"
_WIDTH, _HEIGHT, _UNIT = b"\x54\xb0", b"\x54\xba", b"\x54\xb2"
_PIXEL_WIDTH, _PIXEL_HEIGHT = b"\xb0", b"\xba"
_CROPS = (b"\x54\xcc", b"\x54\xdd"), (b"\x54\xbb", b"\x54\xaa")
"""Left and right, top and bottom."""
ROOM = "~" * 24
"""Behind the title of a track: what ``state_pixel_aspect`` adds takes its place."""
_RATIO = 3
"""Display unit: width and height are a ratio."""
_ENLARGED = 1.05
_LARGEST = 1 << 14
"""Ratios of larger numbers are rounded: there is room for little."""


class _Element(NamedTuple):
    name: bytes
    start: int
    """Of the content, in the buffer or file."""
    end: int


def state_pixel_aspect(path: Path, aspect: Fraction) -> None:
    """Give the Matroska track that was written with ``ROOM`` behind its title a pixel aspect.

    FFmpeg writes it for streams whose aspect is set beside the encoder, which PyAV has no way to.
    """
    with path.open("r+b") as file:
        tracks = _find_tracks(file)
        file.seek(tracks.start)
        changed = _with_aspect(file.read(tracks.end - tracks.start), aspect)
        file.seek(tracks.start)
        file.write(changed)


def _with_aspect(tracks: bytes, aspect: Fraction) -> bytes:
    for entry in _elements(tracks, 0, len(tracks)):
        if entry.name != _ENTRY:
            continue
        parts = {one.name: tracks[one.start : one.end] for one in _elements(tracks, entry.start, entry.end)}
        if parts.get(_NAME, b"").endswith(ROOM.encode()):
            content = _entry_with_aspect(parts, aspect, entry.end - entry.start)
            return _with_checksum(tracks[: entry.start] + content + tracks[entry.end :])
    raise AssertionError("the track was written with room")


def _entry_with_aspect(parts: dict[bytes, bytes], aspect: Fraction, size: int) -> bytes:
    """Put the aspect into a track entry of the same size."""
    parts = {
        **parts,
        _NAME: parts[_NAME].removesuffix(ROOM.encode()),
        _VIDEO: _shown_as(parts[_VIDEO], aspect),
    }
    content = b"".join(_element(name, data) for name, data in parts.items() if data or name != _NAME)
    left = size - len(content)
    return content + _VOID + bytes([0x80 | (left - 2)]) + bytes(left - 2)


def _shown_as(video: bytes, aspect: Fraction) -> bytes:
    parts = [(one.name, video[one.start : one.end]) for one in _elements(video, 0, len(video))]
    numbers = {name: int.from_bytes(data, "big") for name, data in parts}
    width, height = (
        numbers.get(side, numbers[pixels] - sum(numbers.get(one, 0) for one in crops))
        for side, pixels, crops in zip((_WIDTH, _HEIGHT), (_PIXEL_WIDTH, _PIXEL_HEIGHT), _CROPS, strict=True)
    )
    unit = b""
    if _UNIT in numbers:
        ratio = Fraction(width, height) * aspect
        if max(ratio.numerator, ratio.denominator) >= _LARGEST:
            ratio = ratio.limit_denominator(max(int(_LARGEST / max(ratio, Fraction(1))) - 1, 1))
        (width, height), unit = ratio.as_integer_ratio(), _element(_UNIT, bytes([_RATIO]))
    else:
        # WebM, and views that share a picture: in pixels, as FFmpeg writes it there.
        width, height = _shown_size(width, height, aspect)
    kept = b"".join(_element(name, data) for name, data in parts if name not in {_WIDTH, _HEIGHT, _UNIT})
    return kept + _element(_WIDTH, _bytes(width)) + _element(_HEIGHT, _bytes(height)) + unit


def _shown_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return a size of exactly that aspect, a little larger if it must be; else round."""
    ratio = Fraction(width, height) * aspect
    times = -(-height // ratio.denominator)
    if ratio.denominator * times <= height * _ENLARGED:
        return ratio.numerator * times, ratio.denominator * times
    return round(width * aspect), height


def _with_checksum(tracks: bytes) -> bytes:
    first = next(_elements(tracks, 0, len(tracks)))
    if first.name != _CRC:
        return tracks
    checksum = struct.pack("<I", zlib.crc32(tracks[first.end :]))
    return tracks[: first.start] + checksum + tracks[first.end :]


def _find_tracks(file: BinaryIO) -> _Element:
    """Walk the elements at the top of the segment."""
    file.seek(0, 2)
    end, position = file.tell(), 0
    while position < end:
        file.seek(position)
        head = file.read(12)
        one = next(_elements(head, 0, len(head), is_head=True))
        if one.name == _TRACKS:
            return _Element(one.name, position + one.start, position + one.end)
        position += one.start if one.name == _SEGMENT else one.end
    raise AssertionError("a file with a video has tracks")


def _elements(data: bytes, start: int, end: int, *, is_head: bool = False) -> Iterator[_Element]:
    while start < end:
        name_size = 9 - data[start].bit_length()
        name = data[start : start + name_size]
        start += name_size
        if start >= end:
            return
        width = 9 - data[start].bit_length()
        size = int.from_bytes(data[start : start + width], "big") & ((1 << 7 * width) - 1)
        start += width
        yield _Element(name, start, start + size)
        if is_head:
            return
        start += size


def _element(name: bytes, data: bytes) -> bytes:
    size = len(data)
    width = next(one for one in range(1, 9) if size < (1 << 7 * one) - 1)
    return name + ((1 << 7 * width) | size).to_bytes(width, "big") + data


def _bytes(number: int) -> bytes:
    return number.to_bytes(max((number.bit_length() + 7) // 8, 1), "big")


def prefer_google_boxes(path: Path) -> None:
    """Blank out Apple's box of a stereo or spherical video where Google's two boxes say the same, and more.

    FFmpeg writes both and, reading, believes Apple's, which has neither the layout of the views nor a pose.
    """
    with path.open("r+b") as file:
        file.seek(0, 2)
        parents = [(0, file.tell())]
        for kind, skipped in (
            (b"moov", 0), (b"trak", 0), (b"mdia", 0), (b"minf", 0), (b"stbl", 0), (b"stsd", 8), (None, 78),
        ):  # fmt: skip
            parents = [
                (start + skipped, end)
                for parent in parents
                for name, start, end in boxes(file, *parent)
                if kind is None or name == kind
            ]
        for parent in parents:
            children = {name: (start, end) for name, start, end in boxes(file, *parent)}
            if b"vexu" not in children:
                continue
            start, end = children[b"vexu"]
            file.seek(start)
            is_projection_apples = b"prji" in file.read(end - start) and b"sv3d" not in children
            if children.keys() & {b"st3d", b"sv3d"} and not is_projection_apples:
                file.seek(start - 4)
                file.write(b"free")
