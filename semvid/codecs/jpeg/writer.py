"""Writes chosen coefficients as a baseline JPEG, exactly, with optimal Huffman tables.

The files are those of libjpeg-turbo. The other way, through decoded pixels and an ordinary encoder, costs
0.1 % more bytes, but up to 0.3 % of the levels come out otherwise (``examples/benchmark/jpeg_writing.py``).
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.choice import LevelArray
from semvid.codecs.jpeg.huffman import code_lengths, count_entries, pack
from semvid.codecs.jpeg.planes import SHIFTS
from semvid.codecs.jpeg.scans import baseline_entries
from semvid.codecs.jpeg.tables import TableArray
from semvid.core.config import Sampling
from semvid.media.stills.picture_tags import APP1, MOST_PAYLOAD, PictureTags

_MOST_PROFILE = MOST_PAYLOAD - 14
"""Bytes of a colour profile in one segment, beside its name and number."""
_JFIF = b"JFIF\0\1\1\0\0\1\0\1\0\0"
"""Version 1.1, pixels as wide as high, no thumbnail."""


def write_jpeg(
    levels: Sequence[LevelArray],
    shapes: Sequence[tuple[int, int]],
    tables: tuple[TableArray, TableArray],
    size: tuple[int, int],
    sampling: Sampling,
) -> bytes:
    """Code levels; decoders read back these very levels.

    Args:
        levels: ``(rows * cols, 64)`` in zigzag order for Y, or Y, Cb and Cr.
        shapes: ``(rows, cols)`` of blocks of each.
        tables: Luma and chroma steps.
        size: ``(width, height)`` of the picture in pixels.
        sampling: Chroma sampling.
    """
    num_components = len(levels)
    across, down = SHIFTS[sampling]
    entries = baseline_entries(list(levels), np.array(shapes, np.int64), across, down)
    counts = count_entries(entries, 4 if num_components > 1 else 2)
    codes, lengths = np.zeros(counts.shape, np.int64), np.zeros(counts.shape, np.int64)
    segments = _segment(0xE0, _JFIF)
    for index in range(min(num_components, 2)):
        segments += _segment(0xDB, bytes([index]) + tables[index].astype(np.uint8).tobytes())
    factors = [1 << across + 4 | 1 << down, 0x11, 0x11][:num_components]
    frame = struct.pack(">BHHB", 8, size[1], size[0], num_components)
    frame += b"".join(bytes([index + 1, one, min(index, 1)]) for index, one in enumerate(factors))
    segments += _segment(0xC0, frame)
    for index, of_table in enumerate(counts):
        num_codes, symbols = code_lengths(of_table)
        segments += _segment(0xC4, bytes([(index & 1) << 4 | index >> 1, *num_codes[1:], *symbols]))
        following = symbols & 15
        lengths[index, symbols] = np.repeat(np.arange(len(num_codes)), num_codes) + following
        codes[index, symbols] = np.array(_canonical(num_codes), np.int64) << following
    used = b"".join(bytes([index + 1, 0x11 * min(index, 1)]) for index in range(num_components))
    segments += _segment(0xDA, bytes([num_components]) + used + bytes([0, 63, 0]))
    packed = np.empty(2 * (int((counts * lengths).sum()) // 8 + 1), np.uint8)
    num_bytes = pack(entries, len(entries), codes, lengths, packed)
    return b"".join((b"\xff\xd8", segments, packed[:num_bytes].tobytes(), b"\xff\xd9"))


def _canonical(num_codes: NDArray[np.int64]) -> list[int]:
    """Return the codes of all symbols, shortest first: Figure C.2."""
    codes: list[int] = []
    code = 0
    for number in num_codes[1:]:
        codes += range(code, code + int(number))
        code = code + int(number) << 1
    return codes


def progressive(jpeg: bytes) -> bytes:
    """Write the coefficients of a file again, as the smallest progressive one; return the smaller of the two.

    mozjpeg's search for the best scans does it. Segments beside the picture are left out.
    """
    from mozjpeg_lossless_optimization import optimize

    return min(bytes(optimize(jpeg)), jpeg, key=len)


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
