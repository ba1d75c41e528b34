"""Sizes, turns and grids: the one place that knows about the orientation of pictures.

Turns are counter-clockwise quarter turns, any whole number. Sizes are ``(width, height)`` in pixels. Arrays
may be numpy's or tensors of torch: what lies on a device stays there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

Size = tuple[int, int]
Array = TypeVar("Array", bound="NDArray[Any] | Tensor")
_Sample = TypeVar("_Sample", bound=np.generic)

_MOTION_CELLS = 8160
"""120 x 68 for 16:9. Twice the sides gain 0.004 IoU on DAVIS and take four times as long."""
_FEWEST_CELLS = 16


def turned(array: Array, turns: int) -> Array:
    """Turn ``(h, w)`` or ``(h, w, n)`` samples; the result lies row by row in memory.

    ``turned(turned(array, k), -k)`` is ``array``.
    """
    if isinstance(array, np.ndarray):
        return cast(Array, np.ascontiguousarray(np.rot90(array, turns)))
    return cast(Array, cast("Tensor", array).rot90(turns).contiguous())


def stacked(arrays: Sequence[Array]) -> Array:
    """Put arrays of one shape together along a new first axis."""
    if isinstance(arrays[0], np.ndarray):
        return cast(Array, np.stack(arrays))
    import torch

    return cast(Array, torch.stack(cast("list[Tensor]", list(arrays))))


def turned_size(size: Size, turns: int) -> Size:
    """Return the size a picture of this size has after turning."""
    return (size[1], size[0]) if turns % 2 else size


def square_size(size: Size, aspect: Fraction | None, turns: int = 0) -> Size:
    """Return the size in square pixels: heights stay.

    Args:
        size: Upright.
        aspect: Width of a pixel by its height before the picture was turned; None = square.
        turns: How it was turned.
    """
    if not aspect:
        return size
    return max(round(size[0] * (1 / aspect if turns % 2 else aspect)), 1), size[1]


def scaled_size(size: Size, factor: float, *, multiple: int = 1, least: int = 1) -> Size:
    """Return ``factor`` times a size, in whole multiples, no side smaller than ``least``."""
    width, height = (max(round(side * factor / multiple) * multiple, least) for side in size)
    return width, height


def even_side(side: Fraction, most: int) -> int:
    """Round to an even number, for chroma of half the size: never nothing, and never more than ``most``."""
    return min(most, max(2, 2 * round(side / 2)))


def grid_shape(width: int, height: int, cell: int) -> tuple[int, int]:
    """Return ``(rows, cols)`` of the square cells that cover every pixel; the last ones may extend beyond it.

    Args:
        width: Of the picture in pixels.
        height: Likewise.
        cell: Side of a cell in pixels.
    """
    return -(-height // cell), -(-width // cell)


def extended(plane: NDArray[_Sample], rows: int, cols: int) -> NDArray[_Sample]:
    """Pad ``(h, w)`` samples to ``(rows, cols)`` by repeating the last row and column."""
    margins = ((0, rows - plane.shape[0]), (0, cols - plane.shape[1]))
    return np.pad(plane, margins, "edge") if np.any(margins) else plane


def motion_grid(width: int, height: int) -> tuple[int, int]:
    """Return ``(rows, cols)`` of the cells on which motion is followed: about 8,160, nearly square.

    Args:
        width: Of the upright picture in pixels.
        height: Likewise.
    """
    cols = min(max(round(math.sqrt(_MOTION_CELLS * width / height)), _FEWEST_CELLS), _MOTION_CELLS)
    return max(round(_MOTION_CELLS / cols), _FEWEST_CELLS), cols
