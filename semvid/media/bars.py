"""Black bars around the picture, as films have them in another shape of screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semvid.core.edit import Rectangle
from semvid.core.luma import LumaArray

_BLACK = 16
"""Luma of black in limited range, in 8-bit grey levels."""
_NOISE = 12
"""What coding adds to black at most, nearly everywhere."""
_STRAY = 0.002
"""Share of a line that may be brighter all the same: ringing beside a bright edge."""
_LEAST = 4
"""Lines; thinner bars are the edges of old recordings, and not worth another size."""
_FEWEST_SEEN = 0.02
"""Share of the lines or columns of a picture in which something must be seen, to learn from it."""


class BarFinder:
    """Finds what is black in all pictures of a video that it is shown; what is bright in one is picture."""

    def __init__(self) -> None:
        self._rows: NDArray[np.bool_] | None = None
        self._cols: NDArray[np.bool_] | None = None

    def look(self, luma: LumaArray, bits: int, *, is_full_range: bool) -> None:
        """Take a picture; one that is black all over tells nothing, nor one of another size.

        Args:
            luma: ``(height, width)`` samples as they are coded.
            bits: Of a sample.
            is_full_range: Whether black is 0.
        """
        limit = ((0 if is_full_range else _BLACK) + _NOISE) << (bits - 8)
        is_bright = np.asarray(luma > limit)
        rows = np.asarray(is_bright.mean(1) > _STRAY)
        cols = np.asarray(is_bright.mean(0) > _STRAY)
        if rows.mean() < _FEWEST_SEEN and cols.mean() < _FEWEST_SEEN:
            return
        if self._rows is None or self._cols is None:
            self._rows, self._cols = rows, cols
        elif rows.shape == self._rows.shape and cols.shape == self._cols.shape:
            self._rows, self._cols = self._rows | rows, self._cols | cols

    def found(self, grid: tuple[int, int]) -> Rectangle | None:
        """Return what lies within the bars; None = there are none, or nothing was seen.

        Args:
            grid: Pixels across and down that share a colour: the rectangle is a little larger than the
                picture rather than smaller.
        """
        if self._rows is None or self._cols is None:
            return None
        top, bottom = _inner(self._rows, grid[1])
        left, right = _inner(self._cols, grid[0])
        if (left, top, right, bottom) == (0, 0, self._cols.size, self._rows.size):
            return None
        return Rectangle(right - left, bottom - top, left, top)


def _inner(is_seen: NDArray[np.bool_], step: int) -> tuple[int, int]:
    places = np.flatnonzero(is_seen)
    size = is_seen.size
    if not places.size:
        return 0, size
    first, last = int(places[0]) // step * step, size - (size - 1 - int(places[-1])) // step * step
    return (first if first >= _LEAST else 0), (last if size - last >= _LEAST else size)
