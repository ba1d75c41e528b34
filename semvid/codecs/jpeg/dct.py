"""Planes to coefficients of 8x8 blocks, all at once."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.tables import ZIGZAG
from semvid.core.geometry import extended, grid_shape
from semvid.core.types import FloatArray

_MIDDLE = 128.0
_SIDE = 8
_TOGETHER = 64
"""Blocks in one product of matrices. For so few, BLAS starts no threads; frames share the cores already."""


@cache
def _basis() -> FloatArray:
    """``(64, 64)``: takes the samples of a block, row by row, to its orthonormal DCT in zigzag order."""
    k, n = np.mgrid[0:_SIDE, 0:_SIDE]
    one = np.cos(math.pi * (2 * n + 1) * k / (2 * _SIDE)) * math.sqrt(2 / _SIDE)
    one[0] /= math.sqrt(2)
    return np.asarray(np.kron(one, one)[ZIGZAG], np.float32)


def block_shape(width: int, height: int) -> tuple[int, int]:
    """Return ``(rows, cols)`` of the blocks that cover a plane."""
    return grid_shape(width, height, _SIDE)


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
    return np.lexsort((col, row, col >> across, row >> down))


def to_blocks(
    plane: NDArray[np.uint8] | FloatArray, shape: tuple[int, int], factors: FloatArray | None = None
) -> FloatArray:
    """Transform a plane.

    Args:
        plane: ``(h, w)`` samples, 0..255; beyond its edge the last row and column are repeated.
        shape: ``(rows, cols)`` of blocks, covering the plane.
        factors: ``(64,)`` float32, one for each coefficient; None = 1.

    Returns:
        ``(rows * cols, 64)`` float32 coefficients in zigzag order. Without factors they are orthonormal:
        squared errors are those of samples.
    """
    rows, cols = shape
    covered = extended(plane, rows * _SIDE, cols * _SIDE)
    count = rows * cols
    samples = np.zeros((-(-count // _TOGETHER) * _TOGETHER, _SIDE, _SIDE), np.float32)
    blocks = covered.reshape(rows, _SIDE, cols, _SIDE).swapaxes(1, 2)
    samples[:count].reshape(rows, cols, _SIDE, _SIDE)[...] = blocks
    basis = _basis() if factors is None else np.asarray(_basis() * factors[:, None], np.float32)
    products: FloatArray = samples.reshape(-1, _TOGETHER, _SIDE * _SIDE) @ basis.T
    coefficients = products.reshape(-1, _SIDE * _SIDE)[:count]
    coefficients[:, 0] -= _SIDE * _MIDDLE * (1 if factors is None else factors[0])
    return coefficients
