"""Turns the motion vectors that a decoder exports into a dense flow."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.geometry import grid_shape, turned_size
from semvid.core.types import FloatArray, Frame
from semvid.media.side_data import side_data
from semvid.temporal.warp import Flow, rotate, warp

_VECTOR = np.dtype(
    {
        "names": ["source", "w", "h", "dst_x", "dst_y", "motion_x", "motion_y", "motion_scale"],
        "formats": ["<i4", "u1", "u1", "<i2", "<i2", "<i4", "<i4", "<u2"],
        "offsets": [0, 4, 5, 10, 12, 24, 28, 32],
        "itemsize": 40,
    }
)
"""``AVMotionVector`` of libavutil."""
_CELL = 8
"""Pixels between the samples that blocks are painted to."""


def vector_flow(
    frame: Frame, shape: tuple[int, int], since_reference: int, luma: FloatArray, before: FloatArray
) -> Flow | None:
    """Make a flow to the frame before from the vectors that point to the past.

    Args:
        frame: As decoded with vectors exported.
        shape: ``(rows, cols)`` of the flow, upright.
        since_reference: Frames since the last one that others may refer to.
        luma: ``(rows, cols)`` of the frame in grey levels, upright.
        before: Likewise of the frame before.

    Returns:
        ``(rows, cols, 2)`` in cells, upright; None for a frame without vectors to the past.
    """
    data = side_data(frame.picture).get("MOTION_VECTORS")
    if data is None:
        return None
    vectors = np.frombuffer(data, _VECTOR)
    vectors = vectors[(vectors["source"] < 0) & (vectors["motion_scale"] > 0)]
    if not vectors.size:
        return None
    width, height = frame.size
    painted = paint_vectors(vectors, width, height)
    coded = turned_size(shape, frame.quarter_turns)
    flow = rotate(_resample(painted, width, height, coded), frame.quarter_turns)
    # A vector may point to the previous frame, or to a reference some frames back: take what predicts best.
    candidates = [np.zeros_like(flow), flow / np.float32(max(1, since_reference)), flow]
    errors = [cv2.blur(cv2.absdiff(luma, warp(before, one)), (5, 5)) for one in candidates]
    best = np.argmin(errors, 0)[..., None]
    return np.asarray(np.take_along_axis(np.stack(candidates, -1), best[..., None], -1)[..., 0])


def paint_vectors(vectors: NDArray[np.void], width: int, height: int) -> Flow:
    """Paint block vectors to samples every 8 pixels.

    Args:
        vectors: With the fields of ``AVMotionVector``.
        width: Of the coded picture in pixels.
        height: Likewise.

    Returns:
        ``(ceil(height / 8), ceil(width / 8), 2)`` in pixels; the mean where several blocks
        overlap, 0 where none is.
    """
    rows, cols = grid_shape(width, height, _CELL)
    scale = vectors["motion_scale"].astype(np.float32)
    motion = np.stack([vectors["motion_x"] / scale, vectors["motion_y"] / scale])
    w, h = vectors["w"].astype(np.int32), vectors["h"].astype(np.int32)
    left, top = vectors["dst_x"] - w // 2, vectors["dst_y"] - h // 2
    sums, counts = np.zeros((2, rows * cols), np.float64), np.zeros(rows * cols, np.float64)
    for dy in range(0, int(h.max()), _CELL):
        for dx in range(0, int(w.max()), _CELL):
            y, x = (top + dy) // _CELL, (left + dx) // _CELL
            is_covered = (dy < h) & (dx < w) & (y >= 0) & (y < rows) & (x >= 0) & (x < cols)
            index = (y * cols + x)[is_covered]
            counts += np.bincount(index, minlength=rows * cols)
            for axis in range(2):
                sums[axis] += np.bincount(index, motion[axis, is_covered], rows * cols)
    mean = sums / np.maximum(counts, 1)
    return np.ascontiguousarray(mean.reshape(2, rows, cols).transpose(1, 2, 0), np.float32)


def _resample(painted: Flow, width: int, height: int, shape: tuple[int, int]) -> Flow:
    """From samples every 8 pixels to cells that tile the picture, and from pixels to cells."""
    rows, cols = shape
    step = np.array([width / cols, height / rows])
    if step.min() > 2 * _CELL:
        painted = np.asarray(cv2.blur(painted, (3, 3)))
    affine = np.column_stack([np.diag(step / _CELL), step / (2 * _CELL) - 0.5])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpAffine(painted, affine, (cols, rows), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved / step.astype(np.float32), np.float32)
