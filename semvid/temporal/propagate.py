"""Carries importance maps along a plan. Its only state is the last key map."""

from __future__ import annotations

import numpy as np

from semvid.core.resampling import fitted
from semvid.core.types import FloatArray
from semvid.temporal.plan import Step

_LEADING_PAST = 0.9
"""Share of the past in the running average of how much the most important moving thing moves."""


class MapPropagator:
    """Makes a map for every frame from the maps of key frames.

    The map of a key frame is averaged with the prediction from earlier maps, where that can be trusted.
    Between key frames the average is carried along the whole way in one step, so that it does not blur with
    every frame. Cells that nothing explains keep what motion predicts: their neighbours' values, or lower
    ones, were worse.

    Args:
        smoothing: Share of the past in the average, 0..0.99.
        movement: How much to lower the importance of still things while something important moves, 0..1.
    """

    def __init__(self, smoothing: float, movement: float) -> None:
        self._smoothing = np.float32(smoothing)
        self._emphasis = MotionEmphasis(movement)
        self._key: FloatArray | None = None

    def update(self, step: Step, fresh: FloatArray | None) -> FloatArray:
        """Return the ``(rows, cols)`` map of the next frame, in 0..1.

        Args:
            step: The plan for it.
            fresh: The new map of a key frame, of any size, stretched over the upright frame; else None.
        """
        if step.way is None or self._key is None:
            assert fresh is not None  # noqa: S101 - a scene begins with a key frame
            self._key = fresh
            self._emphasis.reset()
            return fresh
        carried = step.way.carry(self._key)
        if fresh is not None:
            fresh = fitted(fresh, *carried.shape)
            carried = self._key = fresh + self._smoothing * step.way.trust * (carried - fresh)
        if step.own_motion is None:
            return carried
        return self._emphasis.update(carried, step.own_motion)


class MotionEmphasis:
    """Lowers the importance of still things while something important moves.

    Args:
        movement: Maximum share of importance that a still thing loses, 0..1.
    """

    def __init__(self, movement: float) -> None:
        self._movement = np.float32(movement)
        self._leading: float | None = None

    def reset(self) -> None:
        """Forget the frames before; call at a scene cut."""
        self._leading = None

    def update(self, importance: FloatArray, own_motion: FloatArray) -> FloatArray:
        """Return the ``(rows, cols)`` importance of the next frame, nowhere higher than given.

        Args:
            importance: ``(rows, cols)`` in 0..1.
            own_motion: Likewise: what moves against the camera.
        """
        if self._movement == 0:
            return importance
        leading = float((own_motion * importance).max())
        if self._leading is not None:
            leading += _LEADING_PAST * (self._leading - leading)
        self._leading = leading
        lag: FloatArray = np.maximum(np.float32(leading) - own_motion, 0)
        return importance * (1 - self._movement * lag)
