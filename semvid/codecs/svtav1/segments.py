"""Maps as AV1 has them: every block of 64x64 pixels is in one of eight segments with a quantizer each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

BLOCK_SIZE = 64
"""Side in pixels of the blocks that the encoder takes maps for."""
INDEX_RANGE = 255
"""Quantizer indices are 0..255."""


@dataclass(frozen=True, slots=True)
class Segments:
    """A map of one picture, or of all up to the next that has one."""

    rows: int
    cols: int
    blocks: bytes
    """Numbers of segments, row by row."""
    offsets: tuple[int, ...]
    """Of the quantizer index, by segment, coarsest first, in -255..255."""

    def centred(self, share: float) -> Segments:
        """Return the same with all offsets lowered by a share of their mean over the blocks."""
        mean = float(np.asarray(self.offsets)[np.frombuffer(self.blocks, np.uint8)].mean())
        return replace(self, offsets=tuple(one - round(share * mean) for one in self.offsets))

    def within(self, lowest: int, highest: int) -> Segments:
        """Return the same with all offsets in ``lowest..highest``."""
        return replace(self, offsets=tuple(min(max(one, lowest), highest) for one in self.offsets))


def segments_of(
    regions: NDArray[np.int32], qoffsets: NDArray[np.float64], grid: tuple[int, int], pull: float = 1.0
) -> Segments:
    """Turn regions into segments.

    Args:
        regions: ``(n, 4)`` pixels ``top, bottom, left, right``, the first that covers a block wins.
        qoffsets: ``(n,)`` in -1..1, of the range of the quantizer index.
        grid: ``(rows, cols)`` of blocks.
        pull: Factor on all offsets.
    """
    deltas = np.zeros(grid, np.int64)
    for (top, bottom, left, right), qoffset in zip(regions[::-1], qoffsets[::-1], strict=True):
        rows = slice(top // BLOCK_SIZE, -(-bottom // BLOCK_SIZE))
        cols = slice(left // BLOCK_SIZE, -(-right // BLOCK_SIZE))
        deltas[rows, cols] = round(min(max(qoffset * pull, -1), 1) * INDEX_RANGE)
    levels = np.unique(deltas)[::-1]
    blocks = np.searchsorted(-levels, -deltas).astype(np.uint8)
    return Segments(*grid, blocks.tobytes(), tuple(levels.tolist()))
