"""Quantization tables, the order of coefficients, and what a quality means: ITU-T T.81 and libjpeg."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TableArray = NDArray[np.int32]
"""``(64,)`` quantizer steps in zigzag order."""

ZIGZAG = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13,
    6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59, 52, 45,
    38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
])  # fmt: skip
"""Row-major index of the i-th coefficient of a scan, Figure A.6."""

# Annex K, Tables K.1 and K.2, row by row.
ANNEX_K_LUMA = np.array([
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14,
    17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49,
    64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
])  # fmt: skip
ANNEX_K_CHROMA = np.array([
    17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99, 47,
    66, 99, 99, 99, 99, 99, 99, *[99] * 32,
])  # fmt: skip

# N. Robidoux's table for ImageMagick, row by row: the third of mozjpeg, for luma and chroma alike.
ROBIDOUX = np.array([
    16, 16, 16, 18, 25, 37, 56, 85, 16, 17, 20, 27, 34, 40, 53, 75, 16, 20, 24, 31, 43, 62, 91, 135, 18,
    27, 31, 40, 53, 74, 106, 156, 25, 34, 43, 53, 69, 94, 131, 189, 37, 40, 62, 74, 94, 124, 169, 238, 56,
    53, 91, 106, 131, 169, 226, 311, 85, 75, 135, 156, 189, 238, 311, 418,
])  # fmt: skip

_FINEST_SCALE = 0.01
"""Of ``step_scale`` at quality 100, where libjpeg's is 0: no table has a step below 1."""


def step_scale(quality: float) -> float:
    """Return libjpeg's factor on Annex K's tables: 50 at quality 1, 1 at 50, 0.01 at 100."""
    return max(50 / quality if quality < 50 else 2 - quality / 50, _FINEST_SCALE)


def quality_at(scale: float) -> float:
    """Undo ``step_scale``, within 1..100."""
    return min(max(50 / scale if scale > 1 else 100 - 50 * scale, 1.0), 100.0)


def scaled_tables(quality: int) -> tuple[TableArray, TableArray]:
    """Return the luma and chroma tables every libjpeg uses at a quality of 1..100."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    luma, chroma = (np.clip((one * scale + 50) // 100, 1, 255) for one in (ANNEX_K_LUMA, ANNEX_K_CHROMA))
    return luma[ZIGZAG].astype(np.int32), chroma[ZIGZAG].astype(np.int32)
