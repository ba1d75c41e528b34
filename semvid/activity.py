"""Estimate from the source pixels which blocks an encoder will spend its bits on.

The estimate only has to be right in proportion: the allocator uses it to weigh blocks against each other.
It was fitted to the sizes of real encodes by ``examples/benchmark/rate_model.py``.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.blocks import area_mean
from semvid.types import FloatArray

Picture = NDArray[np.uint8]

SPATIAL_EXPONENT = 0.28
TEMPORAL_EXPONENT = 0.32
# Grey levels. What is flatter or stiller than noise still costs its headers.
_SPATIAL_FLOOR = 0.4
_TEMPORAL_FLOOR = 0.01

_FRESH_SHARE = 0.3
"""Share of the newest frame in the running average."""


def block_differences(
    half: Picture, previous: Picture | None, width: int, height: int, block_size: int
) -> tuple[FloatArray, FloatArray]:
    """Measure how much changes within each block and since the frame before.

    Args:
        half: ``Frame.half_luma`` of a frame.
        previous: That of the frame before; None where there is none: then the gradient stands in for the
            difference, as in an intra frame.
        width: Full frame width in pixels.
        height: Full frame height in pixels.
        block_size: Side of a block in full-size pixels.

    Returns:
        Mean absolute gradient and mean absolute temporal difference, ``(rows, cols)`` float32 grey levels.
    """
    gradient = np.zeros(half.shape, np.uint8)
    gradient[:, 1:] = cv2.absdiff(half[:, 1:], half[:, :-1])
    gradient[1:] = cv2.add(gradient[1:], cv2.absdiff(half[1:], half[:-1]))
    spatial = area_mean(gradient, width, height, block_size)
    if previous is None:
        return spatial, spatial
    return spatial, area_mean(cv2.absdiff(half, previous), width, height, block_size)


class ActivityEstimator:
    """Per-block activity of successive frames of one video, averaged over the last few.

    activity = (|gradient| + 0.4)^0.28 x (|difference to the frame before| + 0.01)^0.32

    averaged over time, so that a doubled frame or a flash does not move every offset.
    """

    def __init__(self, width: int, height: int, block_size: int) -> None:
        self._geometry = (width, height, block_size)
        self._previous: Picture | None = None
        self._average: FloatArray | None = None

    def reset(self) -> None:
        """Forget the frames before; call at a scene cut."""
        self._previous = None
        self._average = None

    def update(self, half: Picture) -> FloatArray:
        """Return ``(rows, cols)`` float32 activity > 0 of the next frame, its ``Frame.half_luma``."""
        spatial, temporal = block_differences(half, self._previous, *self._geometry)
        self._previous = half
        fresh: FloatArray = (spatial + _SPATIAL_FLOOR) ** SPATIAL_EXPONENT * (
            temporal + _TEMPORAL_FLOOR
        ) ** TEMPORAL_EXPONENT
        if self._average is None:
            self._average = fresh
        else:
            self._average = self._average + _FRESH_SHARE * (fresh - self._average)
        return self._average
