"""Carries arrays along motion. Pure functions on one grid of cells that tiles the upright picture.

A flow tells where the content of each cell came from: cell ``p`` of this frame shows what cell
``p + flow[p]`` of the earlier frame showed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.geometry import turned
from semvid.core.resampling import averaged, fitted
from semvid.core.types import FloatArray

Flow = FloatArray
"""``(rows, cols, 2)`` float32: x and y in cells, to where the content was."""

_UNLIKE = 20.0
"""Grey levels of difference at which a prediction is trusted by a third."""
_WINDOW = (3, 3)
_NUM_ROUNDS = 2


@lru_cache(maxsize=8)
def _cells(rows: int, cols: int) -> FloatArray:
    y, x = np.mgrid[0:rows, 0:cols]
    return np.stack([x, y], -1).astype(np.float32)


def warp(values: FloatArray, flow: Flow) -> FloatArray:
    """Fetch values from where the content was; what came from outside repeats the edge.

    Args:
        values: ``(rows, cols)`` or ``(rows, cols, 2)`` of the earlier frame.
        flow: From this frame to that one.

    Returns:
        Like ``values`` and within its range, bilinear in steps of 1/32 cell.
    """
    where = _cells(*flow.shape[:2]) + flow
    warped = cv2.remap(  # type: ignore[call-overload]  # the stubs do not know that the second map may be absent
        values, where, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(warped, np.float32)


def compose(flow: Flow, earlier: Flow) -> Flow:
    """Chain ``flow`` to the frame before with that frame's flow to an ``earlier`` one."""
    return flow + warp(earlier, flow)


def inverse(flow: Flow) -> Flow:
    """Turn a flow to the frame before round: where the content of each cell of that frame went.

    By fixed-point iteration (M. Chen et al., "A simple fixed-point approach to invert a deformation field",
    Medical Physics 2008), which converges where flows are smooth; elsewhere ``trust`` tells.
    """
    turned_round = -flow
    for _ in range(_NUM_ROUNDS):
        turned_round = -warp(flow, turned_round)
    return turned_round


def trust(luma: FloatArray, before: FloatArray, flow: Flow) -> FloatArray:
    """Return how well a flow predicts a frame: near 1 where it does, 0 where it leads out of the picture.

    Args:
        luma: ``(rows, cols)`` of this frame in grey levels.
        before: Likewise of the frame the flow leads to.
        flow: ``(rows, cols, 2)``.

    Returns:
        ``(rows, cols)`` in 0..1.
    """
    error = cv2.blur(cv2.absdiff(luma, warp(before, flow)), _WINDOW)
    believed = np.exp(-np.square(error * np.float32(1 / _UNLIKE)))
    rows, cols = luma.shape
    where = _cells(rows, cols) + flow
    is_inside = (
        (where[..., 0] >= -0.5) & (where[..., 0] <= cols - 0.5)
        & (where[..., 1] >= -0.5) & (where[..., 1] <= rows - 0.5)
    )  # fmt: skip
    return np.asarray(believed * is_inside, np.float32)


@dataclass(frozen=True, slots=True)
class Way:
    """How a frame follows from an earlier one."""

    flow: Flow
    """``(rows, cols, 2)`` in cells, to the earlier frame."""
    trust: FloatArray
    """``(rows, cols)`` in 0..1: how well the flow explains the frame."""

    def after(self, earlier: Way | None) -> Way:
        """Lengthen a way to the frame before by that frame's own way; None = it has none."""
        if earlier is None:
            return self
        return Way(compose(self.flow, earlier.flow), self.trust * warp(earlier.trust, self.flow))

    def carry(self, values: FloatArray) -> FloatArray:
        """Bring a map of the earlier frame, of any size, to this one, ``(rows, cols)``."""
        return warp(fitted(values, *self.trust.shape), self.flow)


def rotate(flow: Flow, quarter_turns: int) -> Flow:
    """Turn a flow counter-clockwise, the cells and the arrows."""
    for _ in range(quarter_turns % 4):
        cells = turned(flow, 1)
        flow = np.stack([cells[..., 1], -cells[..., 0]], -1)
    return np.ascontiguousarray(flow)


def halve(picture: NDArray[np.uint8]) -> FloatArray:
    """Average a ``(2 rows, 2 cols)`` picture over its cells."""
    return averaged(picture, picture.shape[0] // 2, picture.shape[1] // 2).astype(np.float32)
