"""Compares the quantizers of x264 with a map. They follow each block's activity too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from semvid.core.geometry import extended
from semvid.core.luma import luma_of
from semvid.core.types import FloatArray

if TYPE_CHECKING:
    from av import VideoFrame

_MACROBLOCK = 16
_HIGHEST_QP = 51
"""At 8 bits; 6 more for each further bit."""
_DENSE_BYTES = 12
"""For each macroblock; from there on nearly all have residual. One that is skipped takes less than a bit."""


def coded_blocks(picture: VideoFrame, qps: FloatArray, asked: FloatArray, num_bytes: int) -> FloatArray:
    """See ``ToldQuantizers.compare``: rows for the blocks of a picture that have residual."""
    luma, bits = luma_of(picture)
    rows, cols = qps.shape
    covered = extended(luma, rows * _MACROBLOCK, cols * _MACROBLOCK)
    variance = covered.reshape(rows, _MACROBLOCK, cols, _MACROBLOCK).var(axis=(1, 3), dtype=np.float32)
    # As x264's adaptive quantization has it.
    activity = np.log2(variance + 1).ravel()
    qp = qps.ravel()
    # A block without residual has the quantizer of the one before.
    has_own = np.diff(qp, prepend=qp[:1]) != 0
    if num_bytes >= _DENSE_BYTES * qp.size:
        has_own[:] = True
    has_own &= (qp > 0) & (qp < _HIGHEST_QP + 6 * (bits - 8))
    return np.asarray(np.stack([qp, asked.ravel(), activity, activity**2], 1)[has_own], np.float32)
