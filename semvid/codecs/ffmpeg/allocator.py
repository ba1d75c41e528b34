"""Turns importance into quantizer offsets, frame after frame."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from semvid.allocate.blocks import area_max, area_mean, block_differences
from semvid.allocate.offsets import neutral_offsets, saving_offsets, spared
from semvid.allocate.rate_model import BlockBits
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.config import AllocationConfig
from semvid.core.types import AnalysedFrame, FloatArray, PredictedBits, QuantizerOffsets

_FRESH_SHARE = 0.3
"""Share of the newest frame in the running average of differences."""
_TOP_SHARE = 0.01
"""What matters most is this share of the blocks: smaller things may matter more."""
_TOP_FALL = 0.05
"""How fast its importance falls within a scene, as a share of the way in each frame: it must not pump."""

_MOST_SPARED = 1.0
"""QP steps."""
_LIKE_BEFORE = 0.4
"""A frame whose importance nowhere differs by more from that of the frame before has its offsets: what moves
fast has them a frame late. That costs the object 0.1 points on DAVIS (``davis.py``, ``alike``). Every other
frame at most."""


class OffsetAllocator:
    """Allocates the offsets of one video; it remembers the previous frame.

    Differences are averaged over the last few frames: a doubled one or a flash must not move every offset.

    Args:
        spec: The encoder: its blocks and its rate model.
        config: How strongly importance moves the quantizer.
        crf: That the video is coded at: the coarser it is, the less is left to save. None = the encoder's
            default.

    Attributes:
        blocks: What the blocks of the newest frame take; None = there was none with a map yet.
    """

    def __init__(self, spec: EncoderSpec, config: AllocationConfig, crf: float | None = None) -> None:
        self._spec = spec
        self._config = config
        default = spec.crf.default
        self._octaves = (spec.crf_steps(default if crf is None else crf) - spec.crf_steps(default)) / 6
        self._spared_steps = min(spec.spared_steps * 2**-self._octaves, _MOST_SPARED)
        self._finer_steps = spec.finer_steps(default if crf is None else crf, config)
        self._previous: NDArray[np.uint8] | None = None
        self._difference: FloatArray | None = None
        self._top = 0.0
        self._newest: tuple[FloatArray, tuple[QuantizerOffsets, PredictedBits]] | None = None
        self.blocks: BlockBits | None = None

    def update(self, analysed: AnalysedFrame) -> tuple[QuantizerOffsets | None, PredictedBits]:
        """Return the offsets of the next frame, and the bits that it is predicted to take."""
        if analysed.importance is None:
            return None, PredictedBits(1.0, 1.0)
        frame, importance, newest = analysed.frame, analysed.importance, self._newest
        if newest is not None and not analysed.is_cut and _are_alike(importance, newest[0]):
            self._newest, self._previous = None, frame.half_luma
            return newest[1]
        size = (frame.picture.width, frame.picture.height)
        allocated = self.allocate(importance, frame.half_luma, size, is_cut=analysed.is_cut)
        self._newest = importance, (replace(allocated[0], is_cut=False), allocated[1])
        return allocated

    def allocate(
        self, importance: FloatArray, half_luma: NDArray[np.uint8], size: tuple[int, int], *, is_cut: bool
    ) -> tuple[QuantizerOffsets, PredictedBits]:
        """Do what ``update`` does for a picture in parts.

        Args:
            importance: ``(h, w)`` in 0..1, stretched over the picture.
            half_luma: As in ``Frame``.
            size: ``(width, height)`` of the picture in pixels.
            is_cut: First frame of a scene.
        """
        block_size = self._spec.block_size
        if is_cut:
            self._previous, self._difference, self._top = None, None, 0.0
        gradient, fresh = block_differences(half_luma, self._previous, *size, block_size)
        self._previous = half_luma
        if self._difference is None or fresh is None:
            self._difference = fresh
        else:
            self._difference = self._difference + _FRESH_SHARE * (fresh - self._difference)
        self.blocks = self._spec.rate.blocks(gradient, self._difference, self._octaves)
        # A block shares one quantizer.
        if self._config.chosen_match == "region" or self._spec.finer_crf is not None:
            # What matters must not lose along its edges.
            pooled = area_max(importance, *size, block_size)
            kept = saving_offsets(pooled, self._follow_top(pooled), self._config)
            offsets, origin = spared(kept, self._spec.blocks_as_one, self._spared_steps)
        else:
            # The root of the mean square lets the part that matters decide where the plain mean would water
            # it down.
            pooled = np.sqrt(area_mean(np.square(importance), *size, block_size))
            offsets, origin = neutral_offsets(pooled, self.blocks, self._config), 0.0
        coded = offsets - np.float32(self._finer_steps)
        predicted = PredictedBits(self.blocks.total(coded)[0], self.blocks.plain)
        return QuantizerOffsets(offsets, block_size, is_cut, origin), predicted

    def _follow_top(self, pooled: FloatArray) -> float:
        """Return the importance of what matters most in the scene: it rises at once, and falls slowly."""
        flat = pooled.ravel()
        count = max(1, round(flat.size * _TOP_SHARE))
        top = float(np.partition(flat, flat.size - count)[-count:].mean())
        self._top = max(top, self._top + _TOP_FALL * (top - self._top))
        return self._top


def _are_alike(importance: FloatArray, before: FloatArray) -> bool:
    if importance.shape != before.shape:
        return False
    return bool(np.abs(importance - before).max() <= _LIKE_BEFORE)
