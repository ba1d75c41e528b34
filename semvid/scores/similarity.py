"""SSIM of luma: of each pixel, and of tiles, quickly, with what can hardly be seen left out.

Z. Wang et al., "Image quality assessment: from error visibility to structural similarity", TIP 2004.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from semvid.core.resampling import averaged
from semvid.core.types import FloatArray

TILE = 8
"""Pixels a side of what has one value in ``tile_similarities``."""
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_FAINT = (0.06 * 255) ** 2
"""In place of ``_C2``, with which noise of two grey levels on even ground counts, which nobody sees."""
_BLACK, _DARK = 16.0, 40.0
"""Grey levels between which differences come to be seen."""


def pixel_similarity(a: FloatArray, b: FloatArray) -> FloatArray:
    """Return SSIM of each pixel of two ``(h, w)`` lumas in 8-bit grey levels."""

    def blurred(values: FloatArray) -> FloatArray:
        return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5), np.float32)

    return _similarity(*_moments(a, blurred), *_moments(b, blurred), blurred(a * b), _C2)


def tile_similarities(source: FloatArray, tests: Sequence[FloatArray]) -> list[FloatArray]:
    """Say how alike versions of a picture look to it, tile by tile.

    Args:
        source: ``(h, w)`` luma in 8-bit grey levels, at least ``TILE`` a side.
        tests: Likewise, of the same size.

    Returns:
        For each test ``(h // TILE, w // TILE)``, at most 1 = alike: SSIM with a larger constant for contrast,
        and closer to 1 where the source is nearly black.
    """
    rows, cols = (side // TILE for side in source.shape)

    def of_tiles(values: FloatArray) -> FloatArray:
        return averaged(values[: rows * TILE, : cols * TILE], rows, cols)

    mean, square = _moments(source, of_tiles)
    light = np.clip((mean - _BLACK) / (_DARK - _BLACK), 0, 1)
    found = []
    for test in tests:
        similar = _similarity(mean, square, *_moments(test, of_tiles), of_tiles(source * test), _FAINT)
        found.append(np.asarray(1 - light * (1 - similar), np.float32))
    return found


def _moments(values: FloatArray, mean: Callable[[FloatArray], FloatArray]) -> tuple[FloatArray, FloatArray]:
    return mean(values), mean(np.square(values))


def _similarity(
    mean_a: FloatArray, square_a: FloatArray, mean_b: FloatArray, square_b: FloatArray, product: FloatArray,
    contrast: float,
) -> FloatArray:  # fmt: skip
    """Return SSIM of means, means of squares, and the mean of the product."""
    covariance = product - mean_a * mean_b
    variances = square_a - mean_a**2 + square_b - mean_b**2
    of_means = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    return np.asarray(of_means * (2 * covariance + contrast) / (variances + contrast), np.float32)
