"""Decides how each frame's map follows from those before it, and which frames are passed over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semvid.core.types import Frame
from semvid.temporal.cuts import SceneCutDetector
from semvid.temporal.motion import MotionEstimator
from semvid.temporal.own_motion import OwnMotion
from semvid.temporal.pace import Pace
from semvid.temporal.warp import Flow, Way, halve, inverse, trust

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
    num_frames: int = 1
    """To this frame from the one "before": the last that was not passed over."""
    flow: Flow | None = None
    """To that frame, ``(rows, cols, 2)`` in cells; None at a cut."""
    is_passed: bool = False
    """The frame is passed over: it lies between two that are followed, and nothing else is told of it."""


class Planner:
    """Follows motion from frame to frame, and chooses key frames; it needs no maps and no later frames.

    A key frame is due after ``every`` frames, after half as many when motion leaves a part of the picture
    unexplained, and at once at cuts and when it leaves half of the picture unexplained.

    Args:
        every: Maximum number of frames from one key frame to the next; 1 = every frame is one.
        motion: Estimator to use; None = nothing moves, only cuts are found.
        find_own_motion: Also tell what moves against the camera.
        find_way_back: Also tell how the frame before follows from each frame.
        most_apart: Frames from one that is not passed over to the next, where little moves; 1 = none is.
        least_apart: The same where much moves.
    """

    def __init__(
        self,
        every: int,
        motion: MotionEstimator | None,
        *,
        find_own_motion: bool,
        find_way_back: bool = False,
        most_apart: int = 1,
        least_apart: int = 1,
    ) -> None:
        self._every = every
        self._motion = motion
        self._find_own_motion, self._find_way_back = find_own_motion, find_way_back
        self._cuts, self._pace = SceneCutDetector(), Pace(most_apart, least_apart)
        self._num_passed = 0
        self._before: NDArray[np.uint8] | None = None
        self._since_key = 0
        self._way: Way | None = None
        self._own_motion: OwnMotion | None = None

    def update(self, frame: Frame) -> Step:
        """Plan the next frame."""
        is_cut = self._cuts.update(frame.thumbnail)
        if self._motion is None:
            return Step(is_cut, is_key=True)
        now, before, num_frames = frame.thumbnail, self._before, self._num_passed + 1
        if is_cut or before is None:
            self._since_key, self._way, self._num_passed = 0, None, 0
            self._before, self._own_motion = now, None
            self._pace.reset()
            return Step(is_cut=True, is_key=True)
        is_awaited = self._since_key + num_frames >= self._every
        if not is_awaited and not self._pace.is_due(num_frames, now, before):
            self._num_passed = num_frames
            return Step(is_cut=False, is_key=False, is_passed=True)
        self._before, self._num_passed = now, 0
        flow = self._motion.update(frame, before)
        self._pace.note(flow, num_frames, now, before)
        luma, luma_before = halve(now), halve(before)
        self._way = Way(flow, trust(luma, luma_before, flow)).after(self._way)
        back = None
        if self._find_way_back:
            turned_round = inverse(flow)
            back = Way(turned_round, trust(luma_before, luma, turned_round))
        moved = None
        if self._find_own_motion:
            moved = OwnMotion.between(flow, num_frames)
            earlier = self._own_motion and self._own_motion.carried(flow, num_frames)
            self._own_motion = moved.joined(earlier)
        self._since_key += num_frames
        lost = 1 - float(self._way.trust.mean())
        is_key = (
            self._since_key >= self._every
            or (lost > _SHAKY and 2 * self._since_key >= self._every)
            or lost > _LOST
        )
        step = Step(False, is_key, self._way, self._own_motion, back, moved, num_frames, flow)
        if is_key:
            self._since_key, self._way = 0, None
        return step
