"""Finds what moves against the camera, averaged along its motion."""

from __future__ import annotations

import cv2
import numpy as np

from semvid.core.types import FloatArray
from semvid.temporal.camera import own_motion
from semvid.temporal.warp import Flow, warp

_PAST = 0.9
"""Share of the past in the running average."""


class OwnMotion:
    """Follows what moves by itself from frame to frame."""

    def __init__(self) -> None:
        self._average: FloatArray | None = None

    def reset(self) -> None:
        """Forget the frames before; call at a scene cut."""
        self._average = None

    def update(self, flow: Flow) -> FloatArray:
        """Return how certainly each cell moves against the camera, ``(rows, cols)`` in 0..1.

        Args:
            flow: ``(rows, cols, 2)`` in cells, to the frame before.
        """
        fresh: FloatArray = np.asarray(cv2.blur(own_motion(flow), (3, 3)), np.float32)
        if self._average is not None:
            fresh = fresh + np.float32(_PAST) * (warp(self._average, flow) - fresh)
        self._average = fresh
        return fresh
