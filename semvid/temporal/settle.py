"""Reduces maps to few cells and few levels, and lets them change only for a reason.

That makes a map file ten times smaller; on DAVIS the object then needs 0.6 % more bits. Settled maps also
look coarser: they jump from cell to cell, where maps otherwise glide. So maps are settled only if they are
written to a file.
"""

from __future__ import annotations

import math

import numpy as np

from semvid.core.geometry import grid_shape
from semvid.core.resampling import fitted
from semvid.core.types import FloatArray, from_grey

_NUM_LEVELS = 12
_SPREAD = 0.28
"""Levels lie equally far apart in quantizer offset, 0.6 QP steps, at this weight of the background."""
_RELUCTANCE = 1.0
"""Steps beyond the midpoint to another level before a cell changes to it: a map file is a third smaller than
with 0.25, and on DAVIS the object needs 0.5 % more bits than with 0."""
_CELL_PIXELS = 16
_MOST_CELLS = 2040
"""60 x 34 for 16:9."""

_POSITION_SCALE = (_NUM_LEVELS - 1) / math.log(1 + 1 / _SPREAD)
_LEVELS = from_grey(
    np.rint(255 * _SPREAD * np.expm1(np.arange(_NUM_LEVELS) / _POSITION_SCALE)).astype(np.uint8)
)


class MapSettler:
    """Rounds maps with hysteresis: it remembers the previous map."""

    def __init__(self) -> None:
        self._levels: FloatArray | None = None

    def update(self, importance: FloatArray, size: tuple[int, int], *, is_cut: bool) -> FloatArray:
        """Settle the next map.

        Args:
            importance: ``(h, w)`` in 0..1.
            size: ``(width, height)`` in pixels of the upright picture it is of.
            is_cut: Cells need not keep the levels they had.

        Returns:
            ``(rows, cols)`` in 0..1 of ``settled_grid``, whole multiples of 1/255.
        """
        rows, cols = settled_grid(*size)
        # Root mean square, as blocks are pooled: the part of a cell that matters decides.
        coarse = np.sqrt(fitted(np.square(importance), rows, cols))
        position = np.log1p(np.clip(coarse, 0, 1) * np.float32(1 / _SPREAD)) * np.float32(_POSITION_SCALE)
        levels: FloatArray = np.rint(position)
        if self._levels is not None and self._levels.shape == levels.shape and not is_cut:
            keeps = np.abs(position - self._levels) <= 0.5 + _RELUCTANCE
            levels = np.where(keeps, self._levels, levels)
        self._levels = levels
        return _LEVELS[levels.astype(np.intp)]


def settled_grid(width: int, height: int) -> tuple[int, int]:
    """Return ``(rows, cols)`` of a settled map: a cell for 16 x 16 upright pixels, about 2,040 at most."""
    rows, cols = grid_shape(width, height, _CELL_PIXELS)
    shrink = min(1.0, math.sqrt(_MOST_CELLS / (rows * cols)))
    return max(round(rows * shrink), 1), max(round(cols * shrink), 1)
