"""Measures how far the borders of 8x8 blocks show where a picture is smooth: sky, skin, blur.

At each border between two blocks that are smooth in the source, the two sides, continued to the border by
their slopes, leave a step: S. Minami and A. Zakhor, "An optimization approach for removing blocking effects
in transform coding", IEEE Trans. CSVT, 1995, equation 2. Here it is that of the means along the border, where
noise cancels out and a line does not; and what the source has there is taken off.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SIDE = 8
ROUGHEST = 3.0
"""Levels: root mean square of what is left of a smooth block without its mean and its slopes."""
VISIBLE = 2.0
"""Levels by which a step shows clearly: 3 % of the light of a middle grey."""
TO_YCBCR = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


def smooth_blocks(plane: Array) -> NDArray[np.bool_]:
    """Return which blocks of a plane are smooth, ``(rows, cols)``; slopes are."""
    rows, cols = plane.shape[0] // SIDE, plane.shape[1] // SIDE
    blocks = plane[: rows * SIDE, : cols * SIDE].reshape(rows, SIDE, cols, SIDE).transpose(0, 2, 1, 3)
    left = blocks - blocks.mean(axis=(2, 3), keepdims=True)
    run = np.arange(SIDE) - (SIDE - 1) / 2
    norm = SIDE * (run @ run)
    across, down = (left @ run).sum(axis=2) / norm, (run @ left).sum(axis=2) / norm
    left -= across[..., None, None] * run + down[..., None, None] * run[:, None]
    return np.sqrt(np.square(left).mean(axis=(2, 3))) <= ROUGHEST


def border_steps(plane: Array) -> Array:
    """Return the step at each border between left and right, ``(rows, cols - 1)``."""
    rows, cols = plane.shape[0] // SIDE, plane.shape[1] // SIDE
    lines = plane[: rows * SIDE, : cols * SIDE].reshape(rows, SIDE, cols, SIDE).mean(axis=1)
    step = lines[:, 1:, 0] - lines[:, :-1, -1]
    beside = lines[:, :-1, -1] - lines[:, :-1, -2] + lines[:, 1:, 1] - lines[:, 1:, 0]
    return np.asarray(step - beside / 2)


def border_excess(source: Array, coded: Array, smooth_too: Array | None = None) -> Array:
    """Return by how many levels each border of smooth blocks shows more than in the source, ``(n,)``, >= 0.

    Args:
        source: ``(h, w)`` samples of one component.
        coded: The same, decoded.
        smooth_too: Another component in which blocks must be smooth as well.
    """
    found = []
    is_smooth = smooth_blocks(source)
    if smooth_too is not None:
        is_smooth &= smooth_blocks(smooth_too)
    for a, b, smooth in ((source, coded, is_smooth), (source.T, coded.T, is_smooth.T)):
        excess = np.abs(border_steps(b)) - np.abs(border_steps(a))
        found.append(excess[smooth[:, 1:] & smooth[:, :-1]])
    return np.maximum(np.concatenate(found), 0)


def border_scores(source: NDArray[np.uint8], coded: NDArray[np.uint8]) -> dict[str, float]:
    """Score the borders of smooth blocks in a picture, ``(h, w, 3)`` RGB; chroma as if it were halved.

    Returns:
        ``borders`` and ``colour_borders``: the share that shows, by more than ``VISIBLE``, in percent;
        ``steps`` and ``colour_steps``: the mean excess in levels. All are negative: higher is better.
    """
    a, b = ((one @ TO_YCBCR.T).astype(np.float64) for one in (source, coded))
    luma = border_excess(a[..., 0], b[..., 0])
    halves = [border_excess(_halved(a[..., n]), _halved(b[..., n]), _halved(a[..., 0])) for n in (1, 2)]
    scores = {}
    for name, excess in (("", luma), ("colour_", np.concatenate(halves))):
        scores[f"{name}borders"] = -100 * float((excess > VISIBLE).mean()) if excess.size else 0.0
        scores[f"{name}steps"] = -float(excess.mean()) if excess.size else 0.0
    return scores


def _halved(plane: Array) -> Array:
    height, width = plane.shape[0] // 2 * 2, plane.shape[1] // 2 * 2
    return np.asarray(plane[:height, :width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3)))
