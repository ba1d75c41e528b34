"""Coding blocks: maps onto their grid, what changes in them, and their levels into rectangles.

Pure functions on arrays. A frame of ``width x height`` pixels is covered by
``ceil(height / block) x ceil(width / block)`` blocks; those at the right and bottom edge may hang over.
"""

from __future__ import annotations

from functools import lru_cache
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.types import FloatArray

LevelArray = NDArray[np.int32]

_MOST_SUMMED = 257
"""Samples of 8 bits whose sum has 16 at most."""
_SLIVER = 1e-3
"""Share of a block below which a sample only touches it, by rounding."""


def area_mean(
    values: NDArray[np.float32] | NDArray[np.uint8], width: int, height: int, block_size: int
) -> FloatArray:
    """Average a map of any size over the blocks of a frame it is stretched to.

    A block that hangs over the edge averages only what lies inside the frame, so nothing is cropped and
    nothing drifts.

    Args:
        values: ``(h, w)`` map; sample (y, x) covers the frame from ``x * width / w`` to
            ``(x + 1) * width / w``, and likewise down.
        width: Frame width in pixels.
        height: Frame height in pixels.
        block_size: Side of a block in pixels.

    Returns:
        ``(rows, cols)`` float32 area means, each within the range of ``values``.
    """
    down = _average(values, height, block_size)
    across = _average(np.ascontiguousarray(down.T), width, block_size)
    return np.ascontiguousarray(across.T)


def area_max(values: NDArray[np.float32], width: int, height: int, block_size: int) -> FloatArray:
    """Find the highest value of a map of any size in each block of a frame it is stretched to.

    Args and result are those of ``area_mean``; values are 0 or more.
    """
    down = _highest(values, height, block_size)
    across = _highest(np.ascontiguousarray(down.T), width, block_size)
    return np.ascontiguousarray(across.T)


def _average(values: FloatArray | NDArray[np.uint8], extent: int, block_size: int) -> FloatArray:
    """Average the samples along the first axis that lie under each block."""
    if values.dtype == np.uint8:
        means = _average_of_whole_samples(cast("NDArray[np.uint8]", values), extent, block_size)
        if means is not None:
            return means
    samples, weights = _under_blocks(values.astype(np.float32, copy=False), extent, block_size)
    return np.asarray(np.einsum("bs,bsc->bc", weights, samples), np.float32)


def _average_of_whole_samples(values: NDArray[np.uint8], extent: int, block_size: int) -> FloatArray | None:
    """Do what ``_average`` does in a fifth of the time, where no sample lies under two blocks; else None."""
    num_samples, cols = values.shape
    per_block, rest = divmod(block_size * num_samples, extent)
    if rest or not 0 < per_block <= _MOST_SUMMED:
        return None
    # The last block may hang over the edge, and have fewer.
    end = num_samples // per_block * per_block
    sums = values[:end].reshape(-1, per_block, cols).sum(1, dtype=np.uint16)
    means = sums.astype(np.float32) * np.float32(1 / per_block)
    if end < num_samples:
        means = np.concatenate([means, values[end:].mean(0, dtype=np.float32)[None]])
    return np.asarray(means, np.float32)


def _highest(values: FloatArray, extent: int, block_size: int) -> FloatArray:
    """Find the highest of the samples along the first axis that lie under each block."""
    samples, weights = _under_blocks(values, extent, block_size)
    highest: FloatArray = np.where(weights[:, :, None] > _SLIVER, samples, np.float32(0)).max(axis=1)
    return highest


def _under_blocks(values: FloatArray, extent: int, block_size: int) -> tuple[FloatArray, FloatArray]:
    """Return the samples under each block, ``(blocks, most, cols)``, and the weights of ``_shares``."""
    index, weights = _shares(values.shape[0], extent, block_size)
    if index is not None:
        values = values[index]
    elif weights.size > values.shape[0]:
        missing = np.zeros((weights.size - values.shape[0], values.shape[1]), np.float32)
        values = np.concatenate([values, missing])
    return values.reshape(*weights.shape, -1), weights


@lru_cache(maxsize=16)
def _shares(num_samples: int, extent: int, block_size: int) -> tuple[NDArray[np.intp] | None, FloatArray]:
    """Return which samples lie under each block, and their exact shares in its mean, ``(blocks, most)``.

    ``num_samples`` samples are stretched over ``extent`` pixels. Where a block has fewer samples than most,
    the rest have a share of 0. No index is needed where each block's samples follow those of the one before.
    """
    sample = extent / num_samples
    starts = np.arange(0, extent, block_size)[:, None]
    stops = np.minimum(starts + block_size, extent)
    first = (starts / sample).astype(np.intp)
    last = np.minimum(np.ceil(stops / sample).astype(np.intp), num_samples)
    index = first + np.arange((last - first).max())
    overlap = np.minimum(stops, (index + 1) * sample) - np.maximum(starts, index * sample)
    weights = np.where(index < last, overlap.clip(0) / (stops - starts), 0).astype(np.float32)
    follow = np.array_equal(index.ravel(), np.arange(index.size))
    return None if follow else np.minimum(index, num_samples - 1), weights


def block_differences(
    half: NDArray[np.uint8], previous: NDArray[np.uint8] | None, width: int, height: int, block_size: int
) -> tuple[FloatArray, FloatArray | None]:
    """Measure how much changes within each block and since the frame before.

    Args:
        half: ``Frame.half_luma`` of a frame.
        previous: That of the frame before; None where there is none.
        width: Full frame width in pixels.
        height: Full frame height in pixels.
        block_size: Side of a block in full-size pixels.

    Returns:
        Mean absolute gradient and mean absolute temporal difference, ``(rows, cols)`` float32 grey levels;
        None = there is no difference.
    """
    gradient = np.zeros(half.shape, np.uint8)
    # OpenCV returns nothing for pictures without a pixel.
    if half.shape[1] > 1:
        gradient[:, 1:] = cv2.absdiff(half[:, 1:], half[:, :-1])
    if half.shape[0] > 1:
        gradient[1:] = cv2.add(gradient[1:], cv2.absdiff(half[1:], half[:-1]))
    spatial = area_mean(gradient, width, height, block_size)
    if previous is None:
        return spatial, None
    difference = np.asarray(cv2.absdiff(half, previous), np.uint8)
    return spatial, area_mean(difference, width, height, block_size)


def cover_with_rectangles(levels: LevelArray) -> LevelArray:
    """Cover a grid of levels with few rectangles, the first that covers a block deciding its level.

    This is the painter's algorithm read backwards: the commonest level fills the whole grid at the
    back, and each step away from it is painted over the one before. Level sets are nested, so their
    outlines are simpler than the rings between them. On smooth maps this needs about a third of the
    rectangles of a disjoint cover.

    Args:
        levels: ``(rows, cols)`` integers.

    Returns:
        ``(n, 5)`` int32 rows ``top, bottom, left, right, level`` in blocks, bottom and right
        exclusive, front first; at least one, and together they cover every block.
    """
    present, counts = np.unique(levels, return_counts=True)
    background = int(present[np.argmax(counts)])
    below = present[present < background]
    above = present[present > background]
    front_first = np.concatenate([below, above[::-1]])
    rectangles = np.array([[0, levels.shape[0], 0, levels.shape[1], background]], np.int32)
    if not front_first.size:
        return rectangles
    sets = np.concatenate([levels <= below[:, None, None], levels >= above[::-1, None, None]])
    rowwise = _merge_runs(sets)
    colwise = _merge_runs(sets.transpose(0, 2, 1))[:, [0, 3, 4, 1, 2]]
    fewer_across = np.bincount(rowwise[:, 0], minlength=len(sets)) <= np.bincount(
        colwise[:, 0], minlength=len(sets)
    )
    spans = np.concatenate([rowwise[fewer_across[rowwise[:, 0]]], colwise[~fewer_across[colwise[:, 0]]]])
    spans = spans[np.argsort(spans[:, 0], kind="stable")]
    front = np.column_stack([spans[:, 1:], front_first[spans[:, 0]]])
    return np.concatenate([front, rectangles]).astype(np.int32)


def _merge_runs(sets: NDArray[np.bool_]) -> LevelArray:
    """Cover each of ``(n, rows, cols)`` sets with disjoint rectangles ``set, top, bottom, left, right``.

    Runs along a row are joined where the next row of the same set has the same run.
    """
    num_sets, rows, cols = sets.shape
    # A blank row after each set and a blank column at each end keep runs from crossing a border.
    padded = np.zeros((num_sets, rows + 1, cols + 2), bool)
    padded[:, :-1, 1:-1] = sets
    # Along a row a run begins at every other change and ends at the next.
    changes = np.flatnonzero(padded[:, :, 1:] != padded[:, :, :-1])
    line, left = np.divmod(changes[::2], cols + 1)
    right = changes[1::2] - line * (cols + 1)
    # Runs that can join become neighbours: same left and right, then by line.
    column = (left * (cols + 1) + right) * (num_sets * (rows + 1))
    key = np.sort(column + line)
    first = np.flatnonzero(np.diff(key, prepend=-2) != 1)
    last = np.append(first[1:], key.size) - 1
    column, line = np.divmod(key[first], num_sets * (rows + 1))
    left, right = np.divmod(column, cols + 1)
    of_set, top = np.divmod(line, rows + 1)
    bottom = top + last - first + 1
    return np.column_stack([of_set, top, bottom, left, right]).astype(np.int32)
