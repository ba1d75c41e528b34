"""Maps of many frames in little memory."""

from __future__ import annotations

import threading
import zlib
from bisect import bisect_right

import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

_MAPS_PER_CHUNK = 32
_LEVEL = 1
"""Of zlib: what makes the maps takes far longer."""


class MapStore:
    """Maps in order of their frames. Any thread may ask, one adds.

    Most cells keep their level from map to map, so chunks of differences take a twentieth of the maps.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pts: list[int] = []
        self._packed: list[bytes] = []
        self._open: list[Grey] = []
        self._grid = (0, 0)
        self._unpacked: tuple[int, Grey] | None = None

    def __len__(self) -> int:
        return len(self._pts)

    def add(self, pts: int, grey: Grey) -> None:
        """Append the map of the next frame.

        Args:
            pts: When it is shown; more than all before.
            grey: ``(rows, cols)`` importance times 255, all of one shape.
        """
        with self._lock:
            self._grid = grey.shape[0], grey.shape[1]
            self._pts.append(pts)
            self._open.append(grey)
            if len(self._open) == _MAPS_PER_CHUNK:
                maps = np.stack(self._open)
                maps[1:] = np.diff(maps, axis=0)
                self._packed.append(zlib.compress(maps.tobytes(), _LEVEL))
                self._open = []

    def get(self, pts: int) -> Grey | None:
        """Return the map of the frame that is shown at ``pts``; None = it is not there (yet)."""
        with self._lock:
            place = bisect_right(self._pts, pts) - 1
            if place < 0 or self._pts[place] != pts:
                return None
            chunk, inside = divmod(place, _MAPS_PER_CHUNK)
            if chunk == len(self._packed):
                return self._open[inside]
            if self._unpacked is None or self._unpacked[0] != chunk:
                plain = np.frombuffer(zlib.decompress(self._packed[chunk]), np.uint8)
                maps = plain.reshape(_MAPS_PER_CHUNK, *self._grid)
                self._unpacked = chunk, np.add.accumulate(maps, axis=0, dtype=np.uint8)
            return np.asarray(self._unpacked[1][inside], np.uint8)
