"""Adds to the header of a finished file what FFmpeg's muxers do not write when PyAV drives them.

Both changes keep every byte after them where it is.
"""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

from semvid.media.ebml import CRC, SEGMENT, TRACK, TRACKS, children, element, elements_of_file, number, void
from semvid.media.reading.movie_boxes import boxes

_VIDEO, _NAME = 0xE0, 0x536E
_WIDTH, _HEIGHT, _UNIT = 0x54B0, 0x54BA, 0x54B2
_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xB0, 0xBA
_CROPS = (0x54CC, 0x54DD), (0x54BB, 0x54AA)
"""Left and right, top and bottom."""
_CHECKSUM_BYTES = 6
ROOM = "~" * 24
"""Behind the title of a track: what ``state_pixel_aspect`` adds takes its place."""
_RATIO = 3
"""Display unit: width and height are a ratio."""
_ENLARGED = 1.05
_LARGEST = 1 << 14
"""Ratios of larger numbers are rounded: there is room for little."""


def state_pixel_aspect(path: Path, aspect: Fraction) -> None:
    """Give the Matroska track that was written with ``ROOM`` behind its title a pixel aspect.

    FFmpeg writes it for streams whose aspect is set beside the encoder, which PyAV has no way to.
    """
    with path.open("r+b") as file:
        tracks = next(one for one in elements_of_file(file, SEGMENT) if one.name == TRACKS)
        file.seek(tracks.content)
        changed = _with_aspect(file.read((tracks.end or 0) - tracks.content), aspect)
        file.seek(tracks.content)
        file.write(changed)


def _with_aspect(tracks: bytes, aspect: Fraction) -> bytes:
    """Put the aspect into the track with room; the result has the same size."""
    parts = children(tracks)
    has_checksum = parts[0][0] == CRC
    content = b"".join(
        element(name, _entry_with_aspect(data, aspect) if name == TRACK else data)
        for name, data in parts[has_checksum:]
    )
    content += void(len(tracks) - len(content) - has_checksum * _CHECKSUM_BYTES)
    return (element(CRC, struct.pack("<I", zlib.crc32(content))) if has_checksum else b"") + content


def _entry_with_aspect(entry: bytes, aspect: Fraction) -> bytes:
    parts = children(entry)
    if not any(name == _NAME and data.endswith(ROOM.encode()) for name, data in parts):
        return entry
    changed = b""
    for name, data in parts:
        if name == _VIDEO:
            changed += element(name, _shown_as(data, aspect))
        elif name != _NAME:
            changed += element(name, data)
        elif title := data.removesuffix(ROOM.encode()):
            changed += element(name, title)
    return changed


def _shown_as(video: bytes, aspect: Fraction) -> bytes:
    parts = children(video)
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
        (width, height), unit = ratio.as_integer_ratio(), element(_UNIT, number(_RATIO))
    else:
        # WebM, and views that share a picture: in pixels, as FFmpeg writes it there.
        width, height = _shown_size(width, height, aspect)
    kept = b"".join(element(name, data) for name, data in parts if name not in {_WIDTH, _HEIGHT, _UNIT})
    return kept + element(_WIDTH, number(width)) + element(_HEIGHT, number(height)) + unit


def _shown_size(width: int, height: int, aspect: Fraction) -> tuple[int, int]:
    """Return a size of exactly that aspect, a little larger if it must be; else round."""
    ratio = Fraction(width, height) * aspect
    times = -(-height // ratio.denominator)
    if ratio.denominator * times <= height * _ENLARGED:
        return ratio.numerator * times, ratio.denominator * times
    return round(width * aspect), height


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
