"""Round offsets to the few levels an encoder takes, and cover them with few enough rectangles."""

from __future__ import annotations

import numpy as np

from semvid.blocks import LevelArray, cover_with_rectangles
from semvid.types import FloatArray

_STEPS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_COARSEST_STEP = _STEPS[-1]


class LevelQuantizer:
    """Chooses the finest spacing of levels that fits, frame after frame.

    The spacing only ever grows within one video: going back and forth would change every block's offset at
    once, which shows as pulsing and costs bits.

    Args:
        max_levels: Distinct non-zero levels a frame can have; None = any.
        max_rectangles: Rectangles a frame can have.
    """

    def __init__(self, max_levels: int | None, max_rectangles: int) -> None:
        self._max_levels = max_levels
        self._max_rectangles = max_rectangles
        self._steps = list(_STEPS)

    def update(self, native: FloatArray) -> LevelArray:
        """Round one frame's ``(rows, cols)`` offsets, in native units, and cover them.

        Returns:
            ``(n, 5)`` int32 ``top, bottom, left, right, level``, in blocks and native units, front first.
        """
        while True:
            step = self._steps[0]
            levels = (np.rint(native / step) * step).astype(np.int32)
            if self._fits(levels) or step == _COARSEST_STEP:
                rectangles = cover_with_rectangles(levels)
                if len(rectangles) <= self._max_rectangles or step == _COARSEST_STEP:
                    # Past the coarsest step the hindmost rectangles go; what matters most is in front.
                    return rectangles[: self._max_rectangles]
            self._steps.pop(0)

    def _fits(self, levels: LevelArray) -> bool:
        if self._max_levels is None:
            return True
        present = np.unique(levels)
        return int(np.count_nonzero(present)) <= self._max_levels
