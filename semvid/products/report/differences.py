"""Finds the spots of a picture where two encodes look different, and says which is nearer to the source."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from semvid.core.geometry import Size
from semvid.core.records import dataclass
from semvid.core.resampling import fitted
from semvid.core.types import FloatArray
from semvid.scores.similarity import TILE, tile_similarities

SEEN, FAINT = 0.03, 0.015
"""Of similarity: the least difference that an eye finds in most pictures once they are enlarged, and the
least that is shown at all."""
_MOST = 2
"""Spots of a picture where an encode is better, and where it is worse."""
_TILES = 5
"""A side of a spot: what the eye takes in at once of an enlarged picture."""
_AROUND, _LEAST_AROUND = 6.4, 2
"""Sides of a spot along the longer and the shorter side of what is shown with it."""
_FLOOR = 1e-2
"""Squared grey levels: what has no error at all has no PSNR."""

Kind = Literal["better", "worse"]
Box = tuple[int, int, int, int]
"""x, y, width and height."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A spot where an encode looks better, or worse, than another."""

    kind: Kind
    x: int
    """Pixels of the picture."""
    y: int
    side: int
    seen: float
    """How much more like the source the better one is; below ``SEEN`` it is faint, from 0.12 strong."""
    gain_db: float
    """PSNR of luma in it, less the other's."""
    importance: float
    """Mean in it, 0..1."""

    @property
    def rank(self) -> float:
        """How early it is shown: the more is seen, and the more what became better matters, the earlier."""
        return self.seen * (1 + self.importance) if self.kind == "better" else self.seen

    def view(self, size: Size) -> Box:
        """Return what to show around it: of the shape of the picture, whose ``(width, height)`` is given."""
        zoom = max(min(max(size) / (_AROUND * self.side), min(size) / (_LEAST_AROUND * self.side)), 1)
        width, height = (round(full / zoom) for full in size)
        left, top = (
            min(max(start + (self.side - part) // 2, 0), full - part)
            for start, part, full in zip((self.x, self.y), (width, height), size, strict=True)
        )
        return left, top, width, height


def find_differences(
    source: FloatArray, ours: FloatArray, theirs: FloatArray, importance: FloatArray
) -> list[Difference]:
    """Return the spots where two encodes of a picture look most different, the first to be shown first.

    Args:
        source: ``(h, w)`` luma in 8-bit grey levels.
        ours: Of the encode in question.
        theirs: Of the one it is compared with.
        importance: Of the picture, in 0..1, of any size.

    Returns:
        Up to two where ours is better and two where it is worse, apart from each other. Faint ones are left
        out if there are others. None if nobody would see a difference, or if the picture is too small.
    """
    if min(source.shape) < TILE:
        return []
    similar, others = tile_similarities(source, (ours, theirs))
    gains = similar - others
    count = min(_TILES, *gains.shape)
    pooled, matters = (_pooled(one, count) for one in (gains, fitted(importance, *gains.shape)))
    found: list[Difference] = []
    kinds: tuple[tuple[Kind, FloatArray, FloatArray], ...] = (
        ("better", pooled, 1 + matters),
        ("worse", -pooled, np.ones_like(matters)),
    )
    for kind, seen, weight in kinds:
        ranks, most = np.where(seen >= FAINT, seen * weight, 0), len(found) + _MOST
        while len(found) < most and ranks.any():
            row, col = (int(one) for one in np.unravel_index(ranks.argmax(), ranks.shape))
            ranks[max(row - 2 * count, 0) : row + 2 * count, max(col - 2 * count, 0) : col + 2 * count] = 0
            x, y, side = col * TILE, row * TILE, count * TILE
            spot = np.s_[y : y + side, x : x + side]
            other, mine = (float(np.square(source[spot] - one[spot]).mean()) for one in (theirs, ours))
            gain = 10 * math.log10((other + _FLOOR) / (mine + _FLOOR))
            # Where the two measures do not agree, nobody can say which is better.
            if (gain > 0) == (kind == "better"):
                found.append(Difference(
                    kind, x, y, side, float(seen[row, col]), gain, float(matters[row, col])
                ))  # fmt: skip
    least = SEEN if any(one.seen >= SEEN for one in found) else FAINT
    return sorted((one for one in found if one.seen >= least), key=lambda one: -one.rank)


def strength(found: Sequence[Difference]) -> float:
    """Say how much a picture shows: the rank of its first difference; 0 = there is none."""
    return max((one.rank for one in found), default=0.0)


def _pooled(values: FloatArray, count: int) -> FloatArray:
    """Average over all squares of so many tiles a side, by their upper left ones."""
    means = cv2.boxFilter(values, cv2.CV_32F, (count, count), anchor=(0, 0))
    rows, cols = (side - count + 1 for side in values.shape)
    return np.asarray(means[:rows, :cols], np.float32)
