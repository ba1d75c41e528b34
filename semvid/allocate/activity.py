"""Measure in the source pixels which blocks an encoder will spend its bits on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.allocate.blocks import area_mean
from semvid.allocate.rate_model import RateModel
from semvid.core.types import FloatArray

Picture = NDArray[np.uint8]

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
    # OpenCV returns nothing for pictures without a pixel.
    if half.shape[1] > 1:
        gradient[:, 1:] = cv2.absdiff(half[:, 1:], half[:, :-1])
    if half.shape[0] > 1:
        gradient[1:] = cv2.add(gradient[1:], cv2.absdiff(half[1:], half[:-1]))
    spatial = area_mean(gradient, width, height, block_size)
    if previous is None:
        return spatial, spatial
    difference = np.asarray(cv2.absdiff(half, previous), np.uint8)
    return spatial, area_mean(difference, width, height, block_size)


class ActivityEstimator:
    """Per-block activity of successive frames of one video, averaged over the last few.

    The average keeps a doubled frame or a flash from moving every offset.
    """

    def __init__(self, width: int, height: int, block_size: int, rate: RateModel) -> None:
        self._geometry = (width, height, block_size)
        self._rate = rate
        self._previous: Picture | None = None
        self._average: FloatArray | None = None

    def reset(self) -> None:
        """Forget the frames before; call at a scene cut."""
        self._previous = None
        self._average = None

    def update(self, half: Picture) -> FloatArray:
        """Return ``(rows, cols)`` float32 activity > 0 of the next frame, its ``Frame.half_luma``."""
        differences = block_differences(half, self._previous, *self._geometry)
        self._previous = half
        fresh = self._rate.activity(*differences)
        if self._average is None:
            self._average = fresh
        else:
            self._average = self._average + _FRESH_SHARE * (fresh - self._average)
        return self._average
