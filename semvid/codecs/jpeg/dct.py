"""Planes to coefficients of 8x8 blocks, all at once."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.compiled import compiled
from semvid.codecs.jpeg.tables import ZIGZAG
from semvid.core.geometry import grid_shape
from semvid.core.types import FloatArray

_MIDDLE = np.float32(128)
_SIDE = 8
_POSITIONS = np.argsort(ZIGZAG)
"""Place in the scan of each coefficient, row by row."""


def _scales() -> FloatArray:
    """``(64,)``, row by row: makes what the fast transform returns orthonormal."""
    one = np.sqrt(2) * np.cos(np.arange(_SIDE) * math.pi / 16)
    one[0] = 1
    return np.asarray(1 / np.outer(one, one).ravel() / 8, np.float32)


_SCALES = _scales()


def block_shape(width: int, height: int) -> tuple[int, int]:
    """Return ``(rows, cols)`` of the blocks that cover a plane."""
    return grid_shape(width, height, _SIDE)


@lru_cache(maxsize=8)
def scan_order(shape: tuple[int, int], across: int, down: int) -> NDArray[np.int64]:
    """Return the order in which a baseline scan visits the blocks of a component.

    Args:
        shape: ``(rows, cols)`` of blocks.
        across: Binary logarithm of the blocks side by side in a minimum coded unit.
        down: Binary logarithm of the blocks below each other in one.

    Returns:
        ``(rows * cols,)`` indices. Blocks that only fill up a unit have no place in it; they repeat the DC
        before them.
    """
    rows, cols = shape
    row, col = np.divmod(np.arange(rows * cols), cols)
    order = np.lexsort((col, row, col >> across, row >> down))
    order.setflags(write=False)
    return order


def to_blocks(
    plane: NDArray[np.uint8] | FloatArray, shape: tuple[int, int], factors: FloatArray | None = None
) -> tuple[FloatArray, FloatArray]:
    """Transform a plane.

    Args:
        plane: ``(h, w)`` samples, 0..255; beyond its edge the last row and column are repeated.
        shape: ``(rows, cols)`` of blocks, covering the plane.
        factors: ``(64,)`` float32 in zigzag order, one for each coefficient; None = 1.

    Returns:
        ``(rows * cols, 64)`` float32 coefficients in zigzag order, times their factors, and the mean square
        of each block's AC coefficients before that. Without factors they are orthonormal: squared errors are
        those of samples.
    """
    rows, cols = shape
    scales = _SCALES if factors is None else _SCALES * factors[_POSITIONS]
    coefficients = np.empty((rows * cols, _SIDE * _SIDE), np.float32)
    energy = np.empty(rows * cols, np.float32)
    _transform(plane, rows, cols, np.asarray(scales, np.float32), coefficients, energy)
    return coefficients, energy


@compiled
def _transform(
    plane: NDArray[np.uint8] | FloatArray,
    rows: int,
    cols: int,
    scales: FloatArray,
    coefficients: FloatArray,
    energy: FloatArray,
) -> None:
    """Transform down all columns of a row of blocks at once, then along the lines of each block."""
    height, width = plane.shape
    lines = np.empty((_SIDE, cols * _SIDE), np.float32)
    block = np.empty((_SIDE, _SIDE), np.float32)
    for row in range(rows):
        for y in range(_SIDE):
            source = min(row * _SIDE + y, height - 1)
            for x in range(width):
                lines[y, x] = np.float32(plane[source, x]) - _MIDDLE
            for x in range(width, cols * _SIDE):
                lines[y, x] = lines[y, width - 1]
        _fast_transform(lines)
        for col in range(cols):
            for y in range(_SIDE):
                for x in range(_SIDE):
                    block[x, y] = lines[y, col * _SIDE + x]
            _fast_transform(block)
            index = row * cols + col
            first = block[0, 0] * scales[0]
            block[0, 0], total = 0, np.float32(0)
            for y in range(_SIDE):
                for x in range(_SIDE):
                    place = y * _SIDE + x
                    value = block[x, y]
                    coefficients[index, _POSITIONS[place]] = value * scales[place]
                    orthonormal = value * _SCALES[place]
                    total += orthonormal * orthonormal
            coefficients[index, 0], energy[index] = first, total / np.float32(63)


@compiled
def _fast_transform(lines: FloatArray) -> None:
    """Transform every column of eight samples in place, up to the scales of its results.

    After Y. Arai, T. Agui and M. Nakajima, "A Fast DCT-SQ Scheme for Images", Trans. IEICE E71, 1988.
    """
    half, sine, less, more = (
        np.float32(0.707106781), np.float32(0.382683433), np.float32(0.541196100), np.float32(1.306562965),
    )  # fmt: skip
    for x in range(lines.shape[1]):
        sum0, left0 = lines[0, x] + lines[7, x], lines[0, x] - lines[7, x]
        sum1, left1 = lines[1, x] + lines[6, x], lines[1, x] - lines[6, x]
        sum2, left2 = lines[2, x] + lines[5, x], lines[2, x] - lines[5, x]
        sum3, left3 = lines[3, x] + lines[4, x], lines[3, x] - lines[4, x]
        even0, even3 = sum0 + sum3, sum0 - sum3
        even1, even2 = sum1 + sum2, sum1 - sum2
        lines[0, x], lines[4, x] = even0 + even1, even0 - even1
        turned = (even2 + even3) * half
        lines[2, x], lines[6, x] = even3 + turned, even3 - turned
        odd0, odd1, odd2 = left3 + left2, left2 + left1, left1 + left0
        both = (odd0 - odd2) * sine
        low, high, middle = less * odd0 + both, more * odd2 + both, odd1 * half
        inner, outer = left0 + middle, left0 - middle
        lines[5, x], lines[3, x] = outer + low, outer - low
        lines[1, x], lines[7, x] = inner + high, inner - high
