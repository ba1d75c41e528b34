"""Frame in, quantizer offsets out: importance, smoothing, activity, and allocation in one stage."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from semvid.activity import ActivityEstimator
from semvid.allocate import quantizer_offsets
from semvid.blocks import area_mean
from semvid.config import AllocationConfig
from semvid.rate import RateModel
from semvid.saliency.smooth import MapSmoother, SceneCutDetector
from semvid.saliency.source import ImportanceSource
from semvid.types import FloatArray, Frame, QuantizerOffsets

if TYPE_CHECKING:
    from av import Packet


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """A frame and what to do with it."""

    frame: Frame
    offsets: QuantizerOffsets | None
    """None = plain encode."""
    predicted_rate_ratio: float
    """Bits of this frame with the offsets as a multiple of those without."""


class Analyser:
    """The state between frames of one video.

    Args:
        source: Gives the maps.
        smoothing: Share of the past in the running average of maps, 0..0.99.
        allocation: How strongly importance moves the quantizer.
        block_size: Of the encoder, in pixels.
        rate: Of the encoder.
    """

    def __init__(
        self,
        source: ImportanceSource,
        smoothing: float,
        allocation: AllocationConfig,
        *,
        block_size: int,
        rate: RateModel,
    ) -> None:
        self._source = source
        self._smoother = MapSmoother(smoothing)
        self._cuts = SceneCutDetector()
        self._allocation = allocation
        self._block_size = block_size
        self._rate = rate
        self._activity: ActivityEstimator | None = None
        self._is_cut = False

    def run(self, items: Iterable[Frame | Packet[Any]]) -> Generator[AnalysedFrame | Packet[Any], None, None]:
        """Analyse the frames among ``items``; pass everything else through in order.

        A network on a GPU is shown several frames at once; then as many are held back.
        """
        look_ahead = getattr(self._source, "look_ahead", None)
        batch_size = getattr(self._source, "batch_size", 1)
        if look_ahead is None or batch_size == 1 or self._allocation.strength == 0:
            for item in items:
                yield self.update(item) if isinstance(item, Frame) else item
            return
        for batch in _batches(items, batch_size):
            frames = [item for item in batch if isinstance(item, Frame)]
            if frames:
                look_ahead(frames)
            for item in batch:
                yield self.update(item) if isinstance(item, Frame) else item

    def update(self, frame: Frame) -> AnalysedFrame:
        """Allocate offsets to the next frame; at strength 0 none, and nothing is computed."""
        if self._allocation.strength == 0:
            return AnalysedFrame(frame, None, 1.0)
        width, height = frame.picture.width, frame.picture.height
        if self._activity is None:
            self._activity = ActivityEstimator(width, height, self._block_size, self._rate)
        upright = self.importance(frame)
        if self._is_cut:
            self._activity.reset()
        coded = np.rot90(upright, -frame.quarter_turns)
        # A block shares one quantizer. The root of the mean square lets the part that matters decide where
        # the plain mean would water it down.
        importance = np.sqrt(area_mean(np.square(coded), width, height, self._block_size))
        activity = self._activity.update(frame.half_luma)
        offsets = quantizer_offsets(importance, activity, self._allocation, self._rate)
        return AnalysedFrame(
            frame,
            QuantizerOffsets(offsets, self._block_size),
            self._rate.rate_ratio(offsets, activity),
        )

    def importance(self, frame: Frame) -> FloatArray:
        """Return the smoothed importance of the next frame, upright; ``update`` calls this itself."""
        self._is_cut = self._cuts.update(frame.half_luma)
        if self._is_cut:
            self._smoother.reset()
        return self._smoother.update(self._source.update(frame).values)


def _batches(
    items: Iterable[Frame | Packet[Any]], num_frames: int
) -> Generator[list[Frame | Packet[Any]], None, None]:
    """Group items so that every group but the last holds ``num_frames`` frames of one geometry."""
    batch: list[Frame | Packet[Any]] = []
    sizes: list[tuple[int, int]] = []
    for item in items:
        if isinstance(item, Frame):
            if len(sizes) == num_frames or (sizes and item.upright_size != sizes[0]):
                yield batch
                batch, sizes = [], []
            sizes.append(item.upright_size)
        batch.append(item)
    if batch:
        yield batch
