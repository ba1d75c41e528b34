"""What matters in the frames of a part: masks kept small, and boxes around them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from semvid.core.records import dataclass
from semvid.core.resampling import stretched
from semvid.core.types import FloatArray
from semvid.scores.weighted import IMPORTANT

Mask = NDArray[np.bool_]
"""``(height, width)``, True where importance exceeds a half."""

_LONGEST_RUN = 48
"""Frames with a box in common: things move on, and the box grows."""
_SMALLEST_BOX = 64
"""Pixels a side: on less VMAF hardly looks beyond its borders."""
_MARGIN = 8


@dataclass(frozen=True, slots=True)
class PackedMask:
    """A mask in some hundred bytes."""

    data: bytes
    shape: tuple[int, int]
    share: float
    """Of the picture that matters."""

    @classmethod
    def of(cls, importance: FloatArray, shape: tuple[int, int]) -> PackedMask:
        """Keep where importance, stretched over a picture of this ``(height, width)``, exceeds a half."""
        mask = stretched(importance, *shape) > IMPORTANT
        return cls(zlib.compress(np.packbits(mask).tobytes(), 1), shape, float(mask.mean()))

    def unpacked(self) -> Mask:
        """Return it as an array."""
        height, width = self.shape
        bits = np.frombuffer(zlib.decompress(self.data), np.uint8)
        return np.unpackbits(bits, count=height * width).reshape(self.shape).astype(np.bool_)


@dataclass(frozen=True, slots=True)
class Run:
    """Frames that are measured as one video, by their number among all that were added."""

    start: int
    counted_from: int
    """Those before it only show the measure what moved."""
    end: int
    """The first that is no longer part of it."""
    box: tuple[slice, slice] | None = None
    """Rows and columns to cut out; None = the whole picture."""


def region_runs(masks: Sequence[PackedMask], parts: Sequence[int], num_before: int) -> list[Run]:
    """Divide frames into runs of a part each, with a box around all that matters in it.

    Args:
        masks: Of all frames.
        parts: The part of each frame, rising.
        num_before: Frames to add before a run, if the part has them.

    Returns:
        The runs in which anything matters.
    """
    runs = []
    for part in dict.fromkeys(parts):
        first = parts.index(part)
        num_frames = parts.count(part)
        num_runs = -(-num_frames // _LONGEST_RUN)
        borders = [first + num_frames * index // num_runs for index in range(num_runs + 1)]
        for counted_from, end in pairwise(borders):
            box = _box(masks[counted_from:end])
            if box is not None:
                runs.append(Run(max(counted_from - num_before, first), counted_from, end, box))
    return runs


def _box(masks: Sequence[PackedMask]) -> tuple[slice, slice] | None:
    """Return even rows and columns around what matters in any of these frames; None = nothing does."""
    rows, cols = np.zeros(masks[0].shape[0], bool), np.zeros(masks[0].shape[1], bool)
    for one in masks:
        if one.share:
            mask = one.unpacked()
            rows |= mask.any(1)
            cols |= mask.any(0)
    return (_around(rows), _around(cols)) if rows.any() else None


def _around(line: NDArray[np.bool_]) -> slice:
    found = np.flatnonzero(line)
    length = len(line) & ~1
    low, high = int(found[0]) - _MARGIN, int(found[-1]) + 1 + _MARGIN
    missing = max(_SMALLEST_BOX - (high - low), 0)
    size = min((high - low + missing + 1) & ~1, length)
    start = min(max((low - missing // 2) & ~1, 0), length - size)
    return slice(start, start + size)
