"""Round offsets to the few levels an encoder takes, and cover them with few enough rectangles."""

from __future__ import annotations

import numpy as np

from semvid.allocate.blocks import LevelArray, cover_with_rectangles
from semvid.core.types import FloatArray

_SPACINGS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_MERGED_SPACINGS = (1, 2, 3, 4)
"""Then blocks are merged rather than levels: what is left of the map still says something."""
_MERGED_SIDES = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Sides, in blocks, of squares that share a level; the largest covers any picture."""
_RELUCTANCE = 0.35
"""Steps beyond the half way to another level before a block goes there."""


class LevelQuantizer:
    """Chooses the finest spacing of levels that fits, frame after frame.

    The spacing only ever grows within one video: going back and forth would change every block's offset at
    once, which shows as pulsing and costs bits. For the same reason a block keeps its level until its offset
    is clearly nearer to another.

    Args:
        max_levels: Distinct non-zero levels a frame can have; None = any.
        max_rectangles: Rectangles a frame can have.
        merges: They are few: squares of blocks get the finest level of any of them, so that what matters is
            never coarser for it, until rectangles are few enough.
    """

    def __init__(self, max_levels: int | None, max_rectangles: int, *, merges: bool = False) -> None:
        self._max_levels = max_levels
        self._max_rectangles = max_rectangles
        spacings = _MERGED_SPACINGS if merges else _SPACINGS
        self._steps = [(one, 1) for one in spacings]
        if merges:
            self._steps += [(spacings[-1], side) for side in _MERGED_SIDES]
        self._newest: tuple[LevelArray, LevelArray] | None = None
        """Levels, and the rectangles that cover them."""

    def update(self, native: FloatArray, *, is_cut: bool = False) -> LevelArray:
        """Round one frame's ``(rows, cols)`` offsets, in native units, and cover them.

        Args:
            native: Offsets.
            is_cut: Blocks need not keep the levels they had.

        Returns:
            ``(n, 5)`` int32 ``top, bottom, left, right, level``, in blocks and native units, front first.
        """
        kept = None if is_cut or self._newest is None else self._newest[0]
        while True:
            spacing, side = self._steps[0]
            levels = round_steadily(native, spacing, kept)
            if self._newest is not None and np.array_equal(levels, self._newest[0]):
                return self._newest[1]
            is_coarsest = len(self._steps) == 1
            are_few = self._max_levels is None or np.count_nonzero(np.unique(levels)) <= self._max_levels
            if are_few or is_coarsest:
                rectangles = cover_with_rectangles(levels if side == 1 else _merged(levels, side))
                if is_coarsest or len(rectangles) <= self._max_rectangles:
                    # Past the coarsest step the hindmost rectangles go; what matters most is in front.
                    self._newest = levels, rectangles[: self._max_rectangles]
                    return self._newest[1]
            self._steps.pop(0)
            kept = None


def _merged(levels: LevelArray, side: int) -> LevelArray:
    """Give each square of ``side`` blocks the finest level in it."""
    rows, cols = levels.shape
    bands = np.minimum.reduceat(levels, range(0, rows, side), 0)
    squares = np.minimum.reduceat(bands, range(0, cols, side), 1)
    return squares.repeat(side, 0).repeat(side, 1)[:rows, :cols]


def round_steadily(native: FloatArray, step: int, before: LevelArray | None) -> LevelArray:
    """Round to multiples of ``step``, but keep a level until the offset is past the next one's near side.

    Args:
        native: ``(rows, cols)`` offsets in native units.
        step: Spacing of levels.
        before: Levels of the frame before, multiples of ``step``; None = round to the nearest.

    Returns:
        ``(rows, cols)`` int32, nowhere more than ``0.85 * step`` off.
    """
    nearest = (np.rint(native / step) * step).astype(np.int32)
    if before is None:
        return nearest
    return np.where(np.abs(native - before) <= (0.5 + _RELUCTANCE) * step, before, nearest)
