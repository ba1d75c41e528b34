"""Importance in, quantizer offsets out, frame after frame."""

from __future__ import annotations

import numpy as np

from semvid.activity import ActivityEstimator
from semvid.allocate import quantizer_offsets
from semvid.blocks import area_mean
from semvid.config import AllocationConfig
from semvid.encode.spec import EncoderSpec
from semvid.types import AnalysedFrame, QuantizerOffsets


class OffsetAllocator:
    """Allocates the offsets of one video; it knows what the frame before looked like.

    Args:
        spec: The encoder: its blocks and its rate model.
        config: How strongly importance moves the quantizer.
    """

    def __init__(self, spec: EncoderSpec, config: AllocationConfig) -> None:
        self._spec = spec
        self._config = config
        self._activity: ActivityEstimator | None = None

    def update(self, analysed: AnalysedFrame) -> tuple[QuantizerOffsets | None, float]:
        """Return the offsets of the next frame and its predicted bits as a multiple of those without."""
        if analysed.importance is None:
            return None, 1.0
        frame, block_size, rate = analysed.frame, self._spec.block_size, self._spec.rate
        width, height = frame.picture.width, frame.picture.height
        if self._activity is None:
            self._activity = ActivityEstimator(width, height, block_size, rate)
        if analysed.is_cut:
            self._activity.reset()
        # A block shares one quantizer. The root of the mean square lets the part that matters decide where
        # the plain mean would water it down.
        importance = np.sqrt(area_mean(np.square(analysed.importance), width, height, block_size))
        activity = self._activity.update(frame.half_luma)
        offsets = quantizer_offsets(importance, activity, self._config, rate)
        ratio = rate.rate_ratio(offsets, activity)
        return QuantizerOffsets(offsets, block_size, analysed.is_cut), ratio
