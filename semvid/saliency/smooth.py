"""Steady importance maps over time, and start afresh at scene cuts."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.types import FloatArray

_THUMBNAIL = (32, 18)
_CUT_DIFFERENCE = 20.0
_CUT_RATIO = 3.0


class SceneCutDetector:
    """Finds hard cuts in thumbnails of successive frames.

    A cut changes the picture by at least 20 grey levels on average and by three times as much as the frame
    before did: a pan is fast but steady, a cut is sudden.
    """

    def __init__(self) -> None:
        self._thumbnail: NDArray[np.float32] | None = None
        self._difference = 0.0

    def update(self, half_luma: NDArray[np.uint8]) -> bool:
        """Return whether the next frame, given by its ``Frame.half_luma``, begins a new scene."""
        thumbnail = cv2.resize(half_luma, _THUMBNAIL, interpolation=cv2.INTER_AREA).astype(np.float32)
        if self._thumbnail is None:
            self._thumbnail = thumbnail
            return True
        difference = float(np.abs(thumbnail - self._thumbnail).mean())
        is_cut = difference > _CUT_DIFFERENCE and difference > _CUT_RATIO * self._difference
        self._thumbnail, self._difference = thumbnail, difference
        return is_cut


class MapSmoother:
    """Exponential average of maps; causal, no look-ahead.

    Args:
        smoothing: Share of the past in the average, 0..0.99; 0 passes maps through.
    """

    def __init__(self, smoothing: float) -> None:
        self._smoothing = np.float32(smoothing)
        self._average: FloatArray | None = None

    def reset(self) -> None:
        """Forget the past; call at a scene cut."""
        self._average = None

    def update(self, values: FloatArray) -> FloatArray:
        """Return the average of this ``(h, w)`` map and those before; the range 0..1 is kept."""
        if self._average is None or self._smoothing == 0 or self._average.shape != values.shape:
            self._average = values
        else:
            self._average = values + self._smoothing * (self._average - values)
        return self._average
