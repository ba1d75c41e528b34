"""Turns importance into quantizer offsets, frame after frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semvid.allocate.blocks import area_max, area_mean, block_differences
from semvid.allocate.offsets import neutral_offsets, saving_offsets
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.config import AllocationConfig
from semvid.core.types import AnalysedFrame, FloatArray, QuantizerOffsets

_FRESH_SHARE = 0.3
"""Share of the newest frame in the running average of activity."""
_TOP_SHARE = 0.01
"""What matters most is this share of the blocks: smaller things may matter more."""
_TOP_FALL = 0.05
"""How fast its importance falls within a scene, as a share of the way in each frame: it must not pump."""


class OffsetAllocator:
    """Allocates the offsets of one video; it remembers the previous frame.

    Activity is averaged over the last few: a doubled frame or a flash must not move every offset.

    Args:
        spec: The encoder: its blocks and its rate model.
        config: How strongly importance moves the quantizer.
    """

    def __init__(self, spec: EncoderSpec, config: AllocationConfig) -> None:
        self._spec = spec
        self._config = config
        self._previous: NDArray[np.uint8] | None = None
        self._activity: FloatArray | None = None
        self._top = 0.0

    def update(self, analysed: AnalysedFrame) -> tuple[QuantizerOffsets | None, float]:
        """Return the offsets of the next frame and its predicted bits as a multiple of those without."""
        if analysed.importance is None:
            return None, 1.0
        frame = analysed.frame
        size = (frame.picture.width, frame.picture.height)
        return self.allocate(analysed.importance, frame.half_luma, size, is_cut=analysed.is_cut)

    def allocate(
        self, importance: FloatArray, half_luma: NDArray[np.uint8], size: tuple[int, int], *, is_cut: bool
    ) -> tuple[QuantizerOffsets, float]:
        """Do what ``update`` does for a picture in parts.

        Args:
            importance: ``(h, w)`` in 0..1, stretched over the picture.
            half_luma: As in ``Frame``.
            size: ``(width, height)`` of the picture in pixels.
            is_cut: First frame of a scene.
        """
        block_size, rate = self._spec.block_size, self._spec.rate
        if is_cut:
            self._previous, self._activity, self._top = None, None, 0.0
        fresh = rate.activity(*block_differences(half_luma, self._previous, *size, block_size))
        self._previous = half_luma
        if self._activity is None:
            self._activity = fresh
        else:
            self._activity = self._activity + _FRESH_SHARE * (fresh - self._activity)
        # A block shares one quantizer.
        if self._config.chosen_match == "region":
            # What matters must not lose along its edges.
            pooled = area_max(importance, *size, block_size)
            offsets = saving_offsets(pooled, self._follow_top(pooled), self._config)
        else:
            # The root of the mean square lets the part that matters decide where the plain mean would water
            # it down.
            pooled = np.sqrt(area_mean(np.square(importance), *size, block_size))
            offsets = neutral_offsets(pooled, self._activity, self._config, rate)
        return QuantizerOffsets(offsets, block_size, is_cut), rate.rate_ratio(offsets, self._activity)

    def _follow_top(self, pooled: FloatArray) -> float:
        """Return the importance of what matters most in the scene: it rises at once, and falls slowly."""
        flat = pooled.ravel()
        count = max(1, round(flat.size * _TOP_SHARE))
        top = float(np.partition(flat, flat.size - count)[-count:].mean())
        self._top = max(top, self._top + _TOP_FALL * (top - self._top))
        return self._top
