"""Sources that look at the picture: the spectral baseline, and the seam for networks."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from semvid.saliency.spectral import spectral_residual
from semvid.types import FloatArray, Frame, ImportanceMap


class SpectralSource:
    """Spectral residual saliency of every frame, averaged over about ten."""

    smoothing = 0.9

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``ImportanceSource``."""
        return ImportanceMap(spectral_residual(np.rot90(frame.half_luma, frame.quarter_turns)))

    def finish(self, num_frames: int) -> str | None:
        """See ``ImportanceSource``."""
        return None

    def close(self) -> None:
        """Nothing is held."""


class Network(Protocol):
    """A network that sees one upright picture at a time. It knows tensors, nothing of video."""

    input_size: tuple[int, int]
    """``(width, height)`` it wants for landscape pictures; swapped for portrait."""

    def predict(self, rgb: NDArray[np.uint8]) -> FloatArray:
        """Return ``(h, w)`` float32 importance in 0..1 of an ``(H, W, 3)`` uint8 RGB picture."""


class NetworkSource:
    """Shows every frame to a network, shrunk to its input size as a whole, never cropped."""

    smoothing = 0.6

    def __init__(self, network: Network) -> None:
        self._network = network
        self._reformatter = VideoReformatter()

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``ImportanceSource``."""
        long_side, short_side = sorted(self._network.input_size, reverse=True)
        width, height = (
            (long_side, short_side)
            if frame.picture.width >= frame.picture.height
            else (short_side, long_side)
        )
        small = self._reformatter.reformat(
            frame.picture, width=width, height=height, format="rgb24", interpolation="AREA"
        )
        rgb = np.rot90(small.to_ndarray(), frame.quarter_turns)
        return ImportanceMap(np.clip(self._network.predict(np.ascontiguousarray(rgb)), 0.0, 1.0))

    def finish(self, num_frames: int) -> str | None:
        """See ``ImportanceSource``."""
        return None

    def close(self) -> None:
        """Nothing is held."""
