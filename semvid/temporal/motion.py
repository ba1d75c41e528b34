"""Finds the motion from one frame to the previous one: by optical flow, or from the decoder's vectors."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np
from av.video.frame import PictureType
from numpy.typing import NDArray

from semvid.core.config import Motion
from semvid.core.resampling import averaged
from semvid.core.types import Frame
from semvid.temporal.vectors import vector_flow
from semvid.temporal.warp import Flow, halve


class MotionEstimator(Protocol):
    """Finds the flow of successive frames."""

    @property
    def notice(self) -> str | None:
        """A sentence if the motion did not come from where it was meant to."""

    def update(self, frame: Frame, before: NDArray[np.uint8]) -> Flow:
        """Return the ``(rows, cols, 2)`` flow to the frame before, whose thumbnail is ``before``."""


class OpticalFlow:
    """Dense inverse search on thumbnails.

    T. Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016. Its finest level is the
    grid of cells. Variational refinement doubles the time and gains nothing, measured on maps carried over
    four frames.
    """

    notice = None

    def __init__(self) -> None:
        self._search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._search.setFinestScale(1)
        # A quarter less time than every 4 pixels, for 0.001 IoU.
        self._search.setPatchStride(5)
        self._search.setGradientDescentIterations(8)

    def update(self, frame: Frame, before: NDArray[np.uint8]) -> Flow:
        """See ``MotionEstimator``."""
        return self.between(frame.thumbnail, before)

    def between(self, now: NDArray[np.uint8], before: NDArray[np.uint8]) -> Flow:
        """Return the flow from one ``(2 rows, 2 cols)`` thumbnail to another."""
        pixels = self._search.calc(now, before, None)  # type: ignore[call-overload]  # the stubs want a buffer
        return averaged(pixels, now.shape[0] // 2, now.shape[1] // 2) * np.float32(0.5)


class DecoderMotion:
    """Takes the decoder's motion vectors, each tried as it is and as a share of a longer way.

    FFmpeg tells whether a vector points to the past, but not how far. Frames without vectors (intra) use
    optical flow; blocks without a vector stay where they are.
    """

    def __init__(self) -> None:
        self._optical = OpticalFlow()
        self._since_reference = 1
        self._num_frames = self._num_with_vectors = 0

    @property
    def notice(self) -> str | None:
        """A notice if no frame had vectors."""
        if self._num_with_vectors or not self._num_frames:
            return None
        return "`motion=vectors`: the decoder gave none for this video, so maps followed optical flow"

    def update(self, frame: Frame, before: NDArray[np.uint8]) -> Flow:
        """See ``MotionEstimator``."""
        rows, cols = (side // 2 for side in before.shape)
        flow = vector_flow(frame, (rows, cols), self._since_reference, halve(frame.thumbnail), halve(before))
        self._num_frames += 1
        self._num_with_vectors += flow is not None
        is_disposable = frame.picture.pict_type == PictureType.B
        self._since_reference = self._since_reference + 1 if is_disposable else 1
        return self._optical.update(frame, before) if flow is None else flow


def open_estimator(motion: Motion) -> MotionEstimator:
    """Return a fresh estimator for one video; ``vectors`` needs frames decoded with vectors exported."""
    return OpticalFlow() if motion == "flow" else DecoderMotion()
