"""Separates what moves by itself from what only the camera moves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from semvid.core.types import FloatArray
from semvid.temporal.warp import Flow, warp

_SAMPLE_EVERY = 4
_NUM_ROUNDS = 4
_STILL = 2e-4
"""Error of optical flow in picture widths."""
_NOTICED = 0.0007
"""Own motion, in picture widths per frame, that counts half: a pixel in 720p. With more, those parts of a
person that move less count as still (``examples/benchmark/shots.py``)."""
_PARALLAX = 0.45
"""Share of the camera's own speed that depth alone may add before it counts half."""
_KEPT = 0.9
"""Of the weight of a frame in the average, per frame of distance."""


def camera_flow(flow: Flow) -> Flow:
    """Fit the flow of a camera that pans, zooms and turns: affine, by reweighted least squares.

    P. Holland and R. Welsch, "Robust regression using iteratively reweighted least-squares", 1977, with
    weights that ignore what moves otherwise. Both flows are ``(rows, cols, 2)`` in cells.
    """
    rows, cols = flow.shape[:2]
    places = _places(rows, cols)
    sample = np.s_[_SAMPLE_EVERY // 2 :: _SAMPLE_EVERY, _SAMPLE_EVERY // 2 :: _SAMPLE_EVERY]
    a, b = places[sample].reshape(-1, 3).T, flow[sample].reshape(-1, 2).T
    weight = np.ones(a.shape[1], np.float32)
    # Keeps the fit solvable for flows of a single row or column.
    ridge = np.eye(3, dtype=np.float32) * np.float32(1e-6)
    fitted: FloatArray = np.zeros((2, 3), np.float32)
    for _ in range(_NUM_ROUNDS):
        weighted = a * weight
        # OpenCV's takes a tenth of the time of numpy's, which is made for large ones.
        solution = cv2.solve(weighted @ a.T + ridge, weighted @ b.T, flags=cv2.DECOMP_LU)[1]
        fitted = np.asarray(solution, np.float32).T
        rest = np.square(b - fitted @ a)
        rest = rest[0] + rest[1]
        spread = 2 * (math.sqrt(float(np.partition(rest, rest.size // 2)[rest.size // 2])) + _STILL * cols)
        weight = (1 / np.square(1 + rest * np.float32(1 / spread**2))).astype(np.float32)
    return np.asarray((places.reshape(-1, 3) @ fitted.T).reshape(rows, cols, 2))


@lru_cache(maxsize=8)
def _places(rows: int, cols: int) -> FloatArray:
    """``(rows, cols, 3)``: x, y in picture widths from the middle, and 1."""
    y, x = np.mgrid[0:rows, 0:cols].astype(np.float32)
    return np.stack([(x - (cols - 1) / 2) / cols, (y - (rows - 1) / 2) / cols, np.ones_like(x)], -1)


def own_motion(flow: Flow) -> FloatArray:
    """Return how certainly each cell moves against the camera, ``(rows, cols)`` in 0..1.

    Args:
        flow: ``(rows, cols, 2)`` in cells, to the frame before.
    """
    camera = camera_flow(flow)
    cols = flow.shape[1]
    sample = camera[::_SAMPLE_EVERY, ::_SAMPLE_EVERY]
    # Not np.median, which loads masked arrays (10 ms).
    speeds = np.sort(np.hypot(sample[..., 0], sample[..., 1]), axis=None)
    speed = float((speeds[(speeds.size - 1) // 2] + speeds[speeds.size // 2]) / 2) / cols
    rest = flow - camera
    own = rest[..., 0] ** 2 + rest[..., 1] ** 2
    noticed = np.float32(((_NOTICED + _PARALLAX * speed) * cols) ** 2)
    return np.asarray(own / (own + noticed), np.float32)


@dataclass(frozen=True, slots=True)
class OwnMotion:
    """What moves by itself, averaged over frames along its motion, and seen from one of them."""

    values: FloatArray
    """``(rows, cols)`` in 0..1."""
    weight: float = 1.0
    """Of all frames in the average; the frame itself has 1, and the farther one is, the less it has."""

    @classmethod
    def between(cls, flow: Flow, num_frames: int = 1) -> OwnMotion:
        """Return what moves from the frame so many before to this one; ``flow`` as for ``own_motion``."""
        per_frame = flow * np.float32(1 / num_frames)
        return cls(np.asarray(cv2.blur(own_motion(per_frame), (3, 3)), np.float32))

    def carried(self, flow: Flow, num_frames: int = 1) -> OwnMotion:
        """Bring it to a frame so many before or after, by the flow from there to the frame it is of."""
        return OwnMotion(warp(self.values, flow), _KEPT**num_frames * self.weight)

    def joined(self, other: OwnMotion | None) -> OwnMotion:
        """Average with what other frames say of the same frame; None = nothing."""
        if other is None:
            return self
        weight = self.weight + other.weight
        values = self.values + np.float32(other.weight / weight) * (other.values - self.values)
        return OwnMotion(values, weight)
