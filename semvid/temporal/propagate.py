"""Carry importance maps along a plan. Pure but for the last key map it holds."""

from __future__ import annotations

import numpy as np

from semvid.core.resampling import fitted
from semvid.core.types import FloatArray
from semvid.temporal.plan import Step
from semvid.temporal.warp import warp

_LEADING_PAST = 0.9
"""Share of the past in the running average of how much the most important mover moves."""


class MapPropagator:
    """Makes a map for every frame from the maps of key frames.

    The map of a key frame is averaged with what the maps before it predict there, where that can be trusted.
    Between key frames that average is fetched along the whole way in one step, so that it does not blur with
    every frame. Where nothing explains a cell it keeps what motion says: neighbours, or less, were worse.

    Args:
        smoothing: Share of the past in the average, 0..0.99.
        movement: How much less than movers what stands still matters, 0..1.
    """

    def __init__(self, smoothing: float, movement: float) -> None:
        self._smoothing = np.float32(smoothing)
        self._movers = MoverEmphasis(movement)
        self._key: FloatArray | None = None

    def update(self, step: Step, fresh: FloatArray | None) -> FloatArray:
        """Return the ``(rows, cols)`` map of the next frame, in 0..1.

        Args:
            step: The plan for it.
            fresh: A map of its own, of any size, stretched over the upright frame; only key frames have one.
        """
        if step.flow is None or step.trust is None or self._key is None:
            assert fresh is not None  # noqa: S101 - a scene begins with a key frame
            self._key = fresh
            self._movers.reset()
            return fresh
        rows, cols = step.trust.shape
        carried = warp(fitted(self._key, rows, cols), step.flow)
        if fresh is not None:
            fresh = fitted(fresh, rows, cols)
            carried = self._key = fresh + self._smoothing * step.trust * (carried - fresh)
        if step.own_motion is None:
            return carried
        return self._movers.update(carried, step.own_motion)


class MoverEmphasis:
    """Takes importance from what stands still while something important moves.

    Args:
        movement: Share a still thing loses at most, 0..1.
    """

    def __init__(self, movement: float) -> None:
        self._movement = np.float32(movement)
        self._leading: float | None = None

    def reset(self) -> None:
        """Forget the frames before; call at a scene cut."""
        self._leading = None

    def update(self, importance: FloatArray, own_motion: FloatArray) -> FloatArray:
        """Return the ``(rows, cols)`` importance of the next frame, nowhere more than it was."""
        if self._movement == 0:
            return importance
        leading = float((own_motion * importance).max())
        if self._leading is not None:
            leading += _LEADING_PAST * (self._leading - leading)
        self._leading = leading
        return emphasise_movers(importance, own_motion, leading, self._movement)


def emphasise_movers(
    importance: FloatArray, own_motion: FloatArray, leading: float, movement: np.float32 | float
) -> FloatArray:
    """Take importance from what stands still while something important moves.

    Args:
        importance: ``(rows, cols)`` in 0..1.
        own_motion: Likewise: what moves against the camera.
        leading: How much the most important mover moves, 0..1.
        movement: Share a still thing loses at most, 0..1.

    Returns:
        Like ``importance`` and nowhere more; the same while nothing important moves.
    """
    lag: FloatArray = np.maximum(np.float32(leading) - own_motion, 0)
    return importance * (1 - np.float32(movement) * lag)
