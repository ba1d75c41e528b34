"""Decides how each frame's map follows from those before it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semvid.core.types import Frame
from semvid.temporal.cuts import SceneCutDetector
from semvid.temporal.motion import MotionEstimator
from semvid.temporal.own_motion import OwnMotion
from semvid.temporal.warp import Way, halve, inverse, trust

_LOST = 0.45
"""A new key frame is due when motion from the last one no longer explains this share of the picture."""
_SHAKY = 0.1
"""Likewise: from here on key frames come twice as often. After five frames ordinary clips are at 0.01 to
0.06, moving cameras at 0.3."""


@dataclass(frozen=True, slots=True)
class Step:
    """How a frame follows from the one before."""

    is_cut: bool
    """A new scene: nothing follows from before."""
    is_key: bool
    """The frame needs a new map."""
    way: Way | None = None
    """From the last key frame; None at a cut."""
    own_motion: OwnMotion | None = None
    """What moves against the camera by this frame and those before; None if not asked for, or at a cut."""
    back: Way | None = None
    """From this frame to the one before, against time; None if it was not asked for, or at a cut."""
    moved: OwnMotion | None = None
    """What moves against the camera from the frame before to this one; None as ``own_motion``."""


class Planner:
    """Follows motion from frame to frame, and chooses key frames; it needs no maps and no later frames.

    A key frame is due after ``every`` frames, after half as many when motion leaves a part of the picture
    unexplained, and at once at cuts and when it leaves half of the picture unexplained.

    Args:
        every: Maximum number of frames from one key frame to the next; 1 = every frame is one.
        motion: Estimator to use; None = nothing moves, only cuts are found.
        find_own_motion: Also tell what moves against the camera.
        find_way_back: Also tell how the frame before follows from each frame.
    """

    def __init__(
        self,
        every: int,
        motion: MotionEstimator | None,
        *,
        find_own_motion: bool,
        find_way_back: bool = False,
    ) -> None:
        self._every = every
        self._motion = motion
        self._find_own_motion, self._find_way_back = find_own_motion, find_way_back
        self._cuts = SceneCutDetector()
        self._before: NDArray[np.uint8] | None = None
        self._since_key = 0
        self._way: Way | None = None
        self._own_motion: OwnMotion | None = None

    def update(self, frame: Frame) -> Step:
        """Plan the next frame."""
        is_cut = self._cuts.update(frame.thumbnail)
        before, self._before = self._before, frame.thumbnail
        if self._motion is None:
            return Step(is_cut, is_key=True)
        if is_cut or before is None:
            self._since_key, self._way = 0, None
            self._own_motion = None
            return Step(is_cut=True, is_key=True)
        flow = self._motion.update(frame, before)
        luma, luma_before = halve(frame.thumbnail), halve(before)
        self._way = Way(flow, trust(luma, luma_before, flow)).after(self._way)
        back = None
        if self._find_way_back:
            turned_round = inverse(flow)
            back = Way(turned_round, trust(luma_before, luma, turned_round))
        moved = None
        if self._find_own_motion:
            moved = OwnMotion.between(flow)
            self._own_motion = moved.joined(self._own_motion and self._own_motion.carried(flow))
        self._since_key += 1
        lost = 1 - float(self._way.trust.mean())
        is_key = (
            self._since_key >= self._every
            or (lost > _SHAKY and 2 * self._since_key >= self._every)
            or lost > _LOST
        )
        step = Step(False, is_key, self._way, self._own_motion, back, moved)
        if is_key:
            self._since_key, self._way = 0, None
        return step
