"""Planes to coefficients of 8x8 blocks, all at once."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.compiled import compiled, row_addresses
from semvid.codecs.jpeg.tables import ZIGZAG
from semvid.core.geometry import grid_shape

if TYPE_CHECKING:
    from semvid.core.types import FloatArray

_MIDDLE = np.float32(128)
_SIDE = 8
_WIDTH = 64
"""Of eight blocks, which are transformed at once."""
_POSITIONS = np.argsort(ZIGZAG)
"""Place in the scan of each coefficient, row by row."""
_PLACES = (ZIGZAG % _SIDE * _WIDTH + ZIGZAG // _SIDE * _SIDE).astype(np.int64)
"""Of the coefficients of a scan in ``turned``, see ``_transform``."""


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


def to_blocks(plane: NDArray[np.uint8] | FloatArray, shape: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Transform a plane.

    Args:
        plane: ``(h, w)`` samples, 0..255; beyond its edge the last row and column are repeated.
        shape: ``(rows, cols)`` of blocks, covering the plane.

    Returns:
        ``(rows * cols, 64)`` float32 coefficients in zigzag order, orthonormal, so that squared errors are
        those of samples; and the mean square of each block's AC coefficients.
    """
    rows, cols = shape
    coefficients = np.empty((rows * cols, _SIDE * _SIDE), np.float32)
    energy = np.empty(rows * cols, np.float32)
    transform = _transform_bytes if plane.dtype == np.uint8 else _transform_floats
    transform(
        row_addresses(plane), plane.shape[1], plane.shape[0], rows, cols, _SCALES[ZIGZAG], coefficients,
        energy, np.empty(_WIDTH, np.float32), *np.empty((2, _SIDE * _WIDTH), np.float32),
    )  # fmt: skip
    return coefficients, energy


def _transform(  # noqa: PLR0912 - one loop, compiled whole
    plane: NDArray[np.intp],
    width: int,
    height: int,
    rows: int,
    cols: int,
    scales: FloatArray,
    coefficients: FloatArray,
    energy: FloatArray,
    line: FloatArray,
    tile: FloatArray,
    turned: FloatArray,
) -> None:
    """Transform eight blocks side by side at once, first down their columns, then along their lines.

    ``tile`` has their eight lines behind each other; of a line, the first samples of all blocks, then the
    second ones, and so on. ``turned`` has columns as lines.
    """
    for row in range(rows):
        for first in range(0, cols, _SIDE):
            left = first * _SIDE
            num_inside = min(width - left, _WIDTH)
            for y in range(_SIDE):
                samples = plane[min(row * _SIDE + y, height - 1)]
                for x in range(num_inside):
                    line[x] = np.float32(samples[left + x]) - _MIDDLE
                for x in range(num_inside, _WIDTH):
                    line[x] = line[num_inside - 1]
                for x in range(_SIDE):
                    for block in range(_SIDE):
                        tile[y * _WIDTH + x * _SIDE + block] = line[block * _SIDE + x]
            _fast_transform(tile)
            for y in range(_SIDE):
                for x in range(_SIDE):
                    for block in range(_SIDE):
                        turned[x * _WIDTH + y * _SIDE + block] = tile[y * _WIDTH + x * _SIDE + block]
            _fast_transform(turned)
            for block in range(_SIDE):
                line[block] = 0
            for place in range(1, _SIDE * _SIDE):
                at = (place % _SIDE) * _WIDTH + place // _SIDE * _SIDE
                for block in range(_SIDE):
                    orthonormal = turned[at + block] * _SCALES[place]
                    line[block] += orthonormal * orthonormal
            for number in range(_SIDE * _SIDE):
                for block in range(_SIDE):
                    tile[number * _SIDE + block] = turned[_PLACES[number] + block] * scales[number]
            index = row * cols + first
            for block in range(min(cols - first, _SIDE)):
                energy[index + block] = line[block] / np.float32(63)
                for number in range(_SIDE * _SIDE):
                    coefficients[(index + block) * 64 + number] = tile[number * _SIDE + block]


_TYPES = "i8 i8 i8 i8 f4* f4* f4* f4* f4* f4*"
_transform_bytes = compiled("u1** " + _TYPES)(_transform)
_transform_floats = compiled("f4** " + _TYPES)(_transform)


def _fast_transform(tile: FloatArray) -> None:
    """Transform every column of eight samples in place, up to the scales of its results.

    After Y. Arai, T. Agui and M. Nakajima, "A Fast DCT-SQ Scheme for Images", Trans. IEICE E71, 1988.
    """
    half, sine, less, more = (
        np.float32(0.707106781), np.float32(0.382683433), np.float32(0.541196100), np.float32(1.306562965),
    )  # fmt: skip
    for x in range(_WIDTH):
        sum0, left0 = tile[0 * _WIDTH + x] + tile[7 * _WIDTH + x], tile[0 * _WIDTH + x] - tile[7 * _WIDTH + x]
        sum1, left1 = tile[1 * _WIDTH + x] + tile[6 * _WIDTH + x], tile[1 * _WIDTH + x] - tile[6 * _WIDTH + x]
        sum2, left2 = tile[2 * _WIDTH + x] + tile[5 * _WIDTH + x], tile[2 * _WIDTH + x] - tile[5 * _WIDTH + x]
        sum3, left3 = tile[3 * _WIDTH + x] + tile[4 * _WIDTH + x], tile[3 * _WIDTH + x] - tile[4 * _WIDTH + x]
        even0, even3 = sum0 + sum3, sum0 - sum3
        even1, even2 = sum1 + sum2, sum1 - sum2
        tile[0 * _WIDTH + x], tile[4 * _WIDTH + x] = even0 + even1, even0 - even1
        turned = (even2 + even3) * half
        tile[2 * _WIDTH + x], tile[6 * _WIDTH + x] = even3 + turned, even3 - turned
        odd0, odd1, odd2 = left3 + left2, left2 + left1, left1 + left0
        both = (odd0 - odd2) * sine
        low, high, middle = less * odd0 + both, more * odd2 + both, odd1 * half
        inner, outer = left0 + middle, left0 - middle
        tile[5 * _WIDTH + x], tile[3 * _WIDTH + x] = outer + low, outer - low
        tile[1 * _WIDTH + x], tile[7 * _WIDTH + x] = inner + high, inner - high
