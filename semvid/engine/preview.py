"""Makes small pictures of a running job with the map on top."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from semvid.core.events import Preview
from semvid.core.geometry import scaled_size, turned_size
from semvid.core.types import AnalysedFrame
from semvid.media.colour import to_bgr
from semvid.media.drawing import heat

_INTERVAL_SECONDS = 0.25
_OPACITY = 0.5
_SHORTEST_SIDE = 2


class Previewer:
    """Draws frames of one video, at most four per second.

    Args:
        size: ``(width, height)`` in pixels that pictures must fit in; None = make none.
        sample_aspect_ratio: Width of a coded pixel by its height; None = square.
    """

    def __init__(self, size: tuple[int, int] | None, sample_aspect_ratio: Fraction | None) -> None:
        self._sample_aspect_ratio = sample_aspect_ratio
        self._size = size or (0, 0)
        self._next = -math.inf if size else math.inf

    def look(self, analysed: AnalysedFrame) -> Preview | None:
        """Draw a frame if it is time for one; None if not, or if FFmpeg cannot convert the frame."""
        now = time.monotonic()
        if now < self._next:
            return None
        self._next = now + _INTERVAL_SECONDS
        try:
            return Preview(self._draw(analysed))
        except (FFmpegError, ValueError):
            # The encoder may take what the scaler does not, and a preview is not worth an error.
            self._next = math.inf
            return None

    def _draw(self, analysed: AnalysedFrame) -> NDArray[np.uint8]:
        frame = analysed.frame
        shown = frame.shown_size(self._sample_aspect_ratio)
        factor = min(room / side for room, side in zip(self._size, shown, strict=True))
        size = scaled_size(shown, factor, least=_SHORTEST_SIDE)
        picture = to_bgr(frame, turned_size(size, frame.quarter_turns))
        if analysed.importance is not None:
            picture = heat(picture, analysed.importance, _OPACITY)
        return np.asarray(cv2.cvtColor(frame.upright(picture), cv2.COLOR_BGR2RGB), np.uint8)
