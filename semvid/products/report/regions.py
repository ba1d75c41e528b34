"""Finds the parts of a video where one encode is better, or worse, than another by the most."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.records import dataclass
from semvid.core.types import FloatArray

_STRIDE = 8
"""Pixels between the places tried."""
_SMALLEST, _LARGEST = 64, 320
_FLOOR = 1e-2
"""Squared grey levels: what has no error at all has no PSNR."""

Kind = Literal["best", "worst"]


@dataclass(frozen=True, slots=True)
class Region:
    """A part of one frame."""

    index: int
    x: int
    y: int
    width: int
    height: int
    saved: float
    """Squared error of the other encode less this one's, summed."""
    gain_db: float
    """The same as PSNR."""

    def cut(self, picture: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return its part of a picture ``(h, w, ...)``."""
        return picture[self.y : self.y + self.height, self.x : self.x + self.width]


def region_size(width: int, height: int) -> tuple[int, int]:
    """Return ``(width, height)`` of the parts to compare: a fifth of the frame, 4 to 3, even."""
    across = min(max(width // 5, _SMALLEST), _LARGEST, width)
    return across, min(across * 3 // 4 or 1, height)


class RegionFinder:
    """Sees frame after frame and remembers the best and the worst part."""

    def __init__(self) -> None:
        self.found: dict[Kind, Region] = {}
        """Both, once a frame was seen."""

    def update(self, index: int, error: FloatArray, other: FloatArray) -> None:
        """Take the next frame.

        Args:
            index: Of the frame.
            error: Squared error of the encode in question, ``(h, w)``.
            other: Of the encode it is compared with.
        """
        height, width = error.shape
        size = region_size(width, height)
        # float64: sums over a frame of 16.7 million squares leave float32 no digits for differences.
        sums = cv2.integral(other - error, sdepth=cv2.CV_64F)
        cols, rows = (_places(full, part) for full, part in zip((width, height), size, strict=True))
        below, right = rows + size[1], cols + size[0]
        saved = (
            sums[np.ix_(below, right)]
            - sums[np.ix_(rows, right)]
            - sums[np.ix_(below, cols)]
            + sums[np.ix_(rows, cols)]
        )
        places: tuple[tuple[Kind, np.int64], ...] = (("best", saved.argmax()), ("worst", saved.argmin()))
        for kind, place in places:
            row, col = np.unravel_index(place, saved.shape)
            value, known = float(saved[row, col]), self.found.get(kind)
            if known is None or (value > known.saved if kind == "best" else value < known.saved):
                region = Region(index, int(cols[col]), int(rows[row]), *size, value, 0.0)
                ours, theirs = (float(region.cut(one).mean()) + _FLOOR for one in (error, other))
                self.found[kind] = replace(region, gain_db=float(10 * np.log10(theirs / ours)))


def _places(full: int, part: int) -> NDArray[np.int64]:
    last = full - part
    return np.unique(np.append(np.arange(0, last + 1, _STRIDE), last))
