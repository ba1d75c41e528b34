"""Bring maps and pictures to ``(rows, cols)`` samples.

The whole is stretched: nothing is cropped or shifted. What already has the size stays as it is.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

_Sample = TypeVar("_Sample", bound=np.generic)
_NEAR = 4
"""Samples: a last few may be missing and are interpolated."""
_SKIPPING = 1.5
"""Samples to one of the new, from which on what is bilinear leaves out too much."""


def averaged(samples: NDArray[_Sample], rows: int, cols: int) -> NDArray[_Sample]:
    """Shrink by averaging over what each new sample covers."""
    return _resized(samples, rows, cols, cv2.INTER_AREA)


def quickly_averaged(samples: NDArray[np.uint8], rows: int, cols: int) -> NDArray[np.uint8]:
    """Shrink by averages of 2x2 samples, in a fifth of the time of others; between them it is bilinear."""
    while samples.shape[0] >= 2 * rows - _NEAR and samples.shape[1] >= 2 * cols - _NEAR:
        samples = averaged(samples, samples.shape[0] // 2, samples.shape[1] // 2)
    if samples.shape[1] > _SKIPPING * cols:
        samples = averaged(stretched(samples, 2 * rows, 2 * cols), rows, cols)
    return stretched(samples, rows, cols)


def stretched(samples: NDArray[_Sample], rows: int, cols: int) -> NDArray[_Sample]:
    """Bring a map to a size smoothly, as it is drawn or measured: between its samples it is bilinear."""
    return _resized(samples, rows, cols, cv2.INTER_LINEAR)


def fitted(samples: NDArray[_Sample], rows: int, cols: int) -> NDArray[_Sample]:
    """Bring a map to a grid of cells: averaged where it is wider, bilinear where it is not."""
    # For enlarging OpenCV's area averaging has only the bilinear way anyway.
    return _resized(samples, rows, cols, cv2.INTER_AREA if samples.shape[1] > cols else cv2.INTER_LINEAR)


def scaled(picture: NDArray[_Sample], rows: int, cols: int) -> NDArray[_Sample]:
    """Bring a picture to a size for people to look at: averaged where it is higher, else bicubic."""
    return _resized(picture, rows, cols, cv2.INTER_AREA if rows < picture.shape[0] else cv2.INTER_CUBIC)


def _resized(samples: NDArray[_Sample], rows: int, cols: int, kind: int) -> NDArray[_Sample]:
    if samples.shape[:2] == (rows, cols):
        return samples
    return cast(NDArray[_Sample], cv2.resize(cast(Any, samples), (cols, rows), interpolation=kind))
