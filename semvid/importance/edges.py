"""Move the borders of a coarse map to the edges of the picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.resampling import averaged, stretched
from semvid.core.types import FloatArray

_RADIUS = 1 / 60
"""Of the window, in picture widths."""
_SMOOTH = 1e-3
"""Variance of luma, white = 1, below which a window counts as flat."""


def snap_to_edges(values: FloatArray, thumbnail: NDArray[np.uint8]) -> FloatArray:
    """Filter a map so that it is, in every small window, a linear function of the picture.

    K. He, J. Sun and X. Tang, "Guided Image Filtering", TPAMI 2013.

    Args:
        values: ``(h, w)`` in 0..1, stretched over the picture.
        thumbnail: ``(2 rows, 2 cols)`` luma in grey levels.

    Returns:
        ``(rows, cols)`` in 0..1.
    """
    rows, cols = thumbnail.shape[0] // 2, thumbnail.shape[1] // 2
    guide: FloatArray = averaged(thumbnail, rows, cols).astype(np.float32) * np.float32(1 / 255)
    coarse = stretched(values, rows, cols)
    side = 2 * max(1, round(cols * _RADIUS)) + 1

    def mean(of: FloatArray) -> FloatArray:
        return np.asarray(cv2.blur(of, (side, side)), np.float32)

    mean_guide, mean_values = mean(guide), mean(coarse)
    covariance: FloatArray = mean(guide * coarse) - mean_guide * mean_values
    variance: FloatArray = mean(guide * guide) - mean_guide * mean_guide
    slope = np.asarray(covariance / (variance + np.float32(_SMOOTH)), np.float32)
    offset: FloatArray = mean_values - slope * mean_guide
    snapped: FloatArray = mean(slope) * guide + mean(offset)
    return np.clip(snapped, 0.0, 1.0)
