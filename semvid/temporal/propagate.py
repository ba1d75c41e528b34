"""Carries importance maps along a plan: from the key frame before, and from the next one if it is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import cast

import cv2
import numpy as np

from semvid.core.resampling import fitted
from semvid.core.types import FloatArray
from semvid.temporal.own_motion import OwnMotion
from semvid.temporal.plan import Step
from semvid.temporal.warp import Way

_LEADING_PAST = 0.9
"""Share of the past in the running average of how much the most important moving thing moves."""
_LEADING_SIDE = 0.06
"""Of the smallest thing that lets still ones count less, in picture widths: a ball does not."""
_PAST, _FUTURE = 0.82, 0.6
"""What of the smoothing is left to the past, and given to the future, where that is known: between what suits
a road of cars (more) and a tennis player (less), both with masks (``examples/benchmark/look_ahead.py``)."""
_LEAST = np.float32(1e-3)
_STILL_ODDS = 4.5
"""At ``movement`` 1 the odds of what does not move, while something important does, fall to ``exp`` of minus
this (``examples/benchmark/shots.py``)."""
_AHEAD = 8
"""Frames that tell what moves where one has waited as long as it may: farther ones have little weight."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A frame whose map is not final."""

    step: Step
    is_key: bool

    def carried(self, key: FloatArray) -> FloatArray:
        """Bring the map of the key frame before it, or its own, to it."""
        return key if self.is_key or self.step.way is None else self.step.way.carry(key)


class MapPropagator:
    """Makes a map for every frame from the maps of key frames.

    The map of a key frame is averaged with the prediction from earlier maps, where that can be trusted.
    Between key frames the average is carried along the whole way in one step, so that it does not blur with
    every frame. Cells that nothing explains keep what motion predicts: their neighbours' values, or lower
    ones, were worse.

    With look-ahead a frame waits for the next key frame, whose map is carried back to it. The nearer of the
    two counts more, and the one that motion explains better: what enters is marked before the next key
    frame, and what leaves is given up. What moves by itself is averaged over the frames on both sides.

    Args:
        smoothing: Share of other times in the average, 0..0.99.
        movement: How much to lower the importance of still things while something important moves, 0..1.
        look_ahead: Most frames that wait; 0 = none, and every map is final at once. Plans need ways back.
    """

    def __init__(self, smoothing: float, movement: float, look_ahead: int = 0) -> None:
        self._past = np.float32(smoothing * _PAST if look_ahead else smoothing)
        self._future = np.float32(smoothing * _FUTURE)
        self._look_ahead = look_ahead
        self._emphasis = MotionEmphasis(movement)
        self._key: FloatArray | None = None
        self._waiting: list[_Waiting] = []

    def update(self, step: Step, fresh: FloatArray | None) -> list[FloatArray]:
        """Return the ``(rows, cols)`` maps in 0..1 that are final now, of the oldest frames that wait.

        Args:
            step: The plan for the next frame.
            fresh: The new map of a key frame, of any size, stretched over the upright frame; else None.
        """
        maps: list[FloatArray] = []
        if step.way is None or self._key is None:
            assert fresh is not None  # noqa: S101 - a scene begins with a key frame
            maps += self.finish()
            self._key = fresh
        elif fresh is not None:
            carried = step.way.carry(self._key)
            fresh = fitted(fresh, *carried.shape)
            average = fresh + self._past * step.way.trust * (carried - fresh)
            maps += self._between(step, fresh, average)
            self._key, self._waiting = average, []
        self._waiting.append(_Waiting(step, fresh is not None))
        while self._waiting and sum(one.step.num_frames for one in self._waiting) > self._look_ahead:
            own_motion = _own_motion([one.step for one in self._waiting[: _AHEAD + 1]])
            maps.append(self._emphasised(self._waiting.pop(0), own_motion[0]))
        return maps

    def finish(self) -> list[FloatArray]:
        """Return the maps of all frames that wait, for which no key frame will come."""
        waiting, self._waiting = self._waiting, []
        own_motion = _own_motion([one.step for one in waiting])
        return [self._emphasised(*both) for both in zip(waiting, own_motion, strict=True)]

    def _between(self, following: Step, fresh: FloatArray, average: FloatArray) -> Iterator[FloatArray]:
        """Yield the maps of the frames that waited for a key frame.

        Args:
            following: The plan for it.
            fresh: ``(rows, cols)``, its map alone.
            average: Its map as it is carried on.
        """
        key = cast(FloatArray, self._key)
        steps = [*(one.step for one in self._waiting), following]
        own_motion = _own_motion(steps)
        places = list(accumulate((step.num_frames for step in steps[1:]), initial=0))
        for index, (one, way) in enumerate(zip(self._waiting, _ways_back(steps), strict=True)):
            if one.is_key:
                weight = self._future * way.trust
                values = key = (fitted(key, *fresh.shape) + weight * way.carry(fresh)) / (1 + weight)
            else:
                share = np.float32(places[index] / places[-1])
                here = (1 - share) * cast(Way, one.step.way).trust + _LEAST
                there = share * way.trust
                values = (here * one.carried(key) + there * way.carry(average)) / (here + there)
            yield self._emphasised(one, own_motion[index], values)

    def _emphasised(
        self, one: _Waiting, own_motion: FloatArray | None, values: FloatArray | None = None
    ) -> FloatArray:
        """Weigh by motion; without ``values`` the map that is carried from the key frame before."""
        if values is None:
            values = one.carried(cast(FloatArray, self._key))
        if one.step.is_cut:
            self._emphasis.reset()
        if own_motion is None:
            return values
        return self._emphasis.update(fitted(values, *own_motion.shape), own_motion, one.step.num_frames)


def _ways_back(steps: list[Step]) -> list[Way]:
    """Return how each frame but the last follows from the last."""
    ways: list[Way] = []
    for step in steps[:0:-1]:
        ways.append(cast(Way, step.back).after(ways[-1] if ways else None))
    return ways[::-1]


def _own_motion(steps: list[Step]) -> list[FloatArray | None]:
    """Return what moves by itself on each frame, by all frames up to the last."""
    found: list[FloatArray | None] = []
    later: OwnMotion | None = None
    for step in reversed(steps):
        seen = later if step.own_motion is None else step.own_motion.joined(later)
        found.append(None if seen is None else seen.values)
        if step.moved is not None and step.back is not None:
            later = step.moved.joined(later).carried(step.back.flow, step.num_frames)
    return found[::-1]


class MotionEmphasis:
    """Lowers the importance of still things while something important moves.

    Importance is about a chance, and that a thing stands still is evidence against it: its odds fall. So what
    is certain, such as the face of a signer, keeps more than what is not.

    Args:
        movement: How much that counts, 0..1.
    """

    def __init__(self, movement: float) -> None:
        self._movement = np.float32(movement)
        self._leading: float | None = None

    def reset(self) -> None:
        """Forget the frames before; call at a scene cut."""
        self._leading = None

    def update(self, importance: FloatArray, own_motion: FloatArray, num_frames: int = 1) -> FloatArray:
        """Return the ``(rows, cols)`` importance of a frame, nowhere higher than given.

        Args:
            importance: ``(rows, cols)`` in 0..1.
            own_motion: Likewise: what moves against the camera.
            num_frames: Since the last one.
        """
        if self._movement == 0:
            return importance
        side = round(_LEADING_SIDE * importance.shape[1]) | 1
        leading = float(cv2.blur(own_motion * importance, (side, side)).max())
        if self._leading is not None:
            leading += _LEADING_PAST**num_frames * (self._leading - leading)
        self._leading = leading
        lag: FloatArray = np.maximum(np.float32(leading) - own_motion, 0)
        odds_share = np.exp(np.float32(-_STILL_ODDS) * self._movement * lag)
        matters = importance * odds_share
        lowered = matters / np.maximum(1 - importance + matters, _LEAST)
        return np.asarray(np.minimum(lowered, importance), np.float32)
