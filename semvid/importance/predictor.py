"""Show the frames of a video to a network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from semvid.core.config import FocusConfig
from semvid.core.geometry import stacked
from semvid.core.map_source import MapSource
from semvid.core.types import FloatArray, Frame, ImportanceMap, Pixels
from semvid.importance.edges import snap_to_edges


class Network(Protocol):
    """A network that sees upright pictures. It knows tensors, nothing of video."""

    @property
    def batch_size(self) -> int:
        """Pictures at once that run best."""

    @property
    def notices(self) -> Sequence[str]:
        """What the user should know of, as it comes up."""

    def refocus(self, focus: FocusConfig) -> None:
        """Change what matters, from the next picture on."""

    def input_size(self, width: int, height: int, share: float = 1.0) -> tuple[int, int]:
        """Return the ``(width, height)`` to shrink an upright picture of this size to, as a whole.

        Args:
            width: In pixels.
            height: Likewise.
            share: Of the pixels it likes best, 0..1, if it can do with less.
        """

    def predict(self, pictures: Pixels) -> FloatArray:
        """Return ``(n, h, w)`` float32 importance in 0..1 of ``(n, H, W, 3)`` uint8 RGB pictures.

        They are where the frames are: numpy's arrays, or tensors if those are on a device.
        """


class NetworkSource(MapSource):
    """Shows frames to a network, shrunk as a whole, never cropped.

    Attributes:
        network: What sees the frames.
        pixel_share: Of the pixels it likes best, 0..1: fewer are faster.
    """

    smoothing = 0.85
    map_every = 10
    movement = 0.5

    def __init__(self, network: Network) -> None:
        self.network = network
        self.pixel_share = 1.0
        self._ahead: dict[int, ImportanceMap] = {}

    @property
    def batch_size(self) -> int:
        """Frames it likes to see at once, with ``look_ahead``."""
        return self.network.batch_size

    def look_ahead(self, frames: Sequence[Frame]) -> None:
        """Make the maps of the next frames together; ``update`` hands them out. All of one geometry."""
        pictures = stacked([self._picture(frame) for frame in frames])
        for frame, values in zip(frames, self.network.predict(pictures), strict=True):
            self._ahead[frame.index] = ImportanceMap(snap_to_edges(values, frame.thumbnail))

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``MapSource``."""
        if frame.index not in self._ahead:
            self.look_ahead([frame])
        return self._ahead.pop(frame.index)

    def _picture(self, frame: Frame) -> Pixels:
        """Shrink to the network's input."""
        # Networks of other people need not know of shares.
        share = () if self.pixel_share == 1 else (self.pixel_share,)
        return frame.rgb(self.network.input_size(*frame.upright_size, *share))

    def finish(self, num_frames: int) -> str | None:
        """See ``MapSource``."""
        return "; ".join(dict.fromkeys(self.network.notices)) or None

    def close(self) -> None:
        """Forget maps that nobody asked for."""
        self._ahead.clear()
