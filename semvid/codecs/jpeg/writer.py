"""Writes chosen coefficients as a baseline JPEG, exactly, with optimal Huffman tables.

The other way, through decoded pixels and an ordinary encoder, is as fast and costs 0.1 % more bytes, but up
to 0.3 % of the levels come out otherwise (``examples/benchmark/jpeg_writing.py``).
"""

from __future__ import annotations

import atexit
import struct
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from fractions import Fraction
from functools import cache
from pathlib import Path

import jpeglib
import numpy as np

from semvid.codecs.jpeg.choice import LevelArray
from semvid.codecs.jpeg.planes import SHIFTS
from semvid.codecs.jpeg.tables import ZIGZAG, TableArray
from semvid.core.config import Sampling
from semvid.media.stills.picture_tags import APP1, MOST_PAYLOAD, PictureTags
from semvid.media.writing.output import scratch_folder

_MOST_PROFILE = MOST_PAYLOAD - 14
"""Bytes of a colour profile in one segment, beside its name and number."""
_POSITIONS = np.argsort(ZIGZAG)
"""Place in the scan of each coefficient, row by row."""
_until_the_end = ExitStack()
atexit.register(_until_the_end.close)
# The default, libjpeg 6b, takes half as long again for the same bytes. It is one setting for the process.
jpeglib.version.set("turbo210")


def write_jpeg(
    levels: Sequence[LevelArray],
    shapes: Sequence[tuple[int, int]],
    tables: tuple[TableArray, TableArray],
    size: tuple[int, int],
    sampling: Sampling,
) -> bytes:
    """Code levels with libjpeg-turbo; decoders read back these very levels.

    Args:
        levels: ``(rows * cols, 64)`` in zigzag order for Y, or Y, Cb and Cr.
        shapes: ``(rows, cols)`` of blocks of each.
        tables: Luma and chroma steps.
        size: ``(width, height)`` of the picture in pixels.
        sampling: Chroma sampling.
    """
    blocks = [
        np.take(one, _POSITIONS, axis=1).reshape(*shape, 8, 8)
        for one, shape in zip(levels, shapes, strict=True)
    ]
    steps = np.zeros((min(len(blocks), 2), 64), np.uint16)
    for index in range(len(steps)):
        steps[index, ZIGZAG] = tables[index]
    across, down = SHIFTS[sampling]
    width, height = size
    picture = jpeglib.from_dct(*blocks, qt=steps.reshape(-1, 8, 8))
    picture.width, picture.height = width, height
    picture.samp_factor = np.array([[1 << down, 1 << across], [1, 1], [1, 1]][: len(blocks)], np.int32)
    # Threads code at the same time.
    path = _folder() / f"{threading.get_ident()}.jpg"
    try:
        picture.write_dct(str(path), flags=["+OPTIMIZE_CODING"])
        return path.read_bytes()
    finally:
        path.unlink(missing_ok=True)


def progressive(jpeg: bytes) -> bytes:
    """Write the coefficients of a file again, as the smallest progressive one; return the smaller of the two.

    mozjpeg's search for the best scans does it. Segments beside the picture are left out.
    """
    from mozjpeg_lossless_optimization import optimize

    return min(bytes(optimize(jpeg)), jpeg, key=len)


@cache
def _folder() -> Path:
    """Return the place of files in the making, for as long as this process lives."""
    return _until_the_end.enter_context(scratch_folder())


def insert_segments(jpeg: bytes, tags: PictureTags) -> bytes:
    """Put tags into a JPEG, behind its JFIF header, and the density into that."""
    segments = _segment(APP1, b"Exif\0\0" + tags.exif) if tags.exif else b""
    chunks = [tags.icc[start : start + _MOST_PROFILE] for start in range(0, len(tags.icc), _MOST_PROFILE)]
    for number, chunk in enumerate(chunks, 1):
        segments += _segment(0xE2, b"ICC_PROFILE\0" + bytes([number, len(chunks)]) + chunk)
    segments += b"".join(_segment(marker, payload) for marker, payload in tags.segments)
    if jpeg[2:4] != b"\xff\xe0":
        return jpeg[:2] + segments + jpeg[2:]
    end = 4 + int(struct.unpack(">H", jpeg[4:6])[0])
    header = bytearray(jpeg[:end])
    if tags.density is not None:
        header[13:18] = struct.pack(">BHH", *tags.density)
    return bytes(header) + segments + jpeg[end:]


def with_pixel_aspect(jpeg: bytes, aspect: Fraction) -> bytes:
    """Say in the JFIF header how wide a pixel is by its height."""
    limited = aspect.limit_denominator(0xFFFF if aspect <= 1 else max(int(0xFFFF / aspect), 1))
    if limited.numerator > 0xFFFF:
        return jpeg
    # Unit 0: the densities are the aspect of a pixel, as FFmpeg writes and reads them.
    return insert_segments(jpeg, PictureTags(density=(0, limited.numerator, limited.denominator)))


def _segment(marker: int, payload: bytes) -> bytes:
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(payload) + 2) + payload
