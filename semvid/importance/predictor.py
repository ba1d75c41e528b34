"""Runs a network on the frames of a video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Thread
from typing import Protocol

from semvid.core.config import FocusConfig
from semvid.core.geometry import stacked
from semvid.core.interrupts import shielded
from semvid.core.map_source import MapSource
from semvid.core.types import FloatArray, Frame, ImportanceMap, Pixels
from semvid.importance.edges import snap_to_edges


class Network(Protocol):
    """A network that takes upright pictures. It knows tensors, and nothing about video."""

    @property
    def batch_size(self) -> int:
        """Number of pictures per run that is fastest."""

    @property
    def notices(self) -> Sequence[str]:
        """What the user should know, as it comes up."""

    def refocus(self, focus: FocusConfig) -> None:
        """Change what matters, starting with the next picture."""

    def input_size(self, width: int, height: int, share: float = 1.0) -> tuple[int, int]:
        """Return the ``(width, height)`` to shrink a whole upright picture of this size to.

        Args:
            width: In pixels.
            height: Likewise.
            share: Share of its usual number of pixels, 0..1, if it can work with fewer.
        """

    def predict(self, pictures: Pixels) -> FloatArray:
        """Return ``(n, h, w)`` float32 importance in 0..1 of ``(n, H, W, 3)`` uint8 RGB pictures.

        They are where the frames are: numpy arrays, or tensors if the frames are on a device.
        """


class OpeningNetwork:
    """A network that a thread opens while others open a video and decode its first frames.

    Args:
        open_network: Opens it. What it raises is raised to whoever needs the network.
    """

    def __init__(self, open_network: Callable[[], Network]) -> None:
        self._network: Network | None = None
        self._error: BaseException | None = None
        self._thread = Thread(target=self._open, args=(open_network,), name="semvid-network", daemon=True)
        with shielded():
            self._thread.start()

    def _open(self, open_network: Callable[[], Network]) -> None:
        try:
            self._network = open_network()
        except BaseException as error:  # noqa: BLE001 - forwarded, whatever it is
            self._error = error

    def _opened(self) -> Network:
        self._thread.join()
        if self._network is None:
            assert self._error is not None  # noqa: S101 - one of both is there
            raise self._error
        return self._network

    @property
    def batch_size(self) -> int:
        """See ``Network``, as for all others."""
        return self._opened().batch_size

    @property
    def notices(self) -> Sequence[str]:
        """Those so far: a network that is not open has none."""
        return () if self._network is None else self._network.notices

    def refocus(self, focus: FocusConfig) -> None:
        """See ``Network``."""
        self._opened().refocus(focus)

    def input_size(self, width: int, height: int, share: float = 1.0) -> tuple[int, int]:
        """See ``Network``."""
        return self._opened().input_size(width, height, share)

    def predict(self, pictures: Pixels) -> FloatArray:
        """See ``Network``."""
        return self._opened().predict(pictures)


class NetworkSource(MapSource):
    """Runs a network on frames, which are shrunk as a whole, never cropped.

    Attributes:
        network: The network.
        pixel_share: Share of the network's usual number of pixels, 0..1: fewer are faster.
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
        """Number of frames to pass to ``look_ahead`` at once."""
        return self.network.batch_size

    def look_ahead(self, frames: Sequence[Frame]) -> None:
        """Make the maps of the next frames together; ``update`` returns them. All must have one geometry."""
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
        # Networks from elsewhere need not support shares.
        share = () if self.pixel_share == 1 else (self.pixel_share,)
        return frame.rgb(self.network.input_size(*frame.upright_size, *share))

    def finish(self, num_frames: int) -> str | None:
        """See ``MapSource``."""
        return "; ".join(dict.fromkeys(self.network.notices)) or None

    def close(self) -> None:
        """Forget maps that were not fetched."""
        self._ahead.clear()
