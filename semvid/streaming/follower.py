"""Carries maps that arrive late to the newest frame. No frame waits for a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semvid.core.config import TemporalConfig
from semvid.core.map_source import MapSource
from semvid.core.records import dataclass
from semvid.core.resampling import fitted
from semvid.core.types import FloatArray, Frame
from semvid.temporal.cuts import SceneCutDetector
from semvid.temporal.motion import open_estimator
from semvid.temporal.own_motion import OwnMotion
from semvid.temporal.propagate import MotionEmphasis
from semvid.temporal.warp import Way, halve, trust


@dataclass(frozen=True, slots=True)
class Followed:
    """What is known about a frame at once."""

    importance: FloatArray | None
    """``(rows, cols)`` in 0..1, upright; None = no map of this scene has come yet."""
    is_cut: bool
    """First frame of a scene."""


class LiveFollower:
    """Carries the newest map to every frame, with zero look-ahead.

    A map is requested at one frame and arrives some frames later. The motion since that frame is kept beside
    the motion since the map in use, so that the fresh map joins the average where its frame was, as in
    ``MapPropagator``, and is then carried to where things are now.

    Args:
        source: Tells which smoothing and movement suit its maps.
        temporal: How maps follow from frame to frame.
    """

    def __init__(self, source: MapSource, temporal: TemporalConfig) -> None:
        smoothing = source.smoothing if temporal.smoothing is None else temporal.smoothing
        self._movement = source.movement if temporal.movement is None else temporal.movement
        self._smoothing = np.float32(smoothing)
        self._motion = open_estimator(temporal.motion)
        self._cuts = SceneCutDetector()
        self._emphasis = MotionEmphasis(self._movement)
        self._before: NDArray[np.uint8] | None = None
        self._begin_scene()

    def _begin_scene(self) -> None:
        self._map: FloatArray | None = None
        self._way: Way | None = None
        self._asked: int | None = None
        self._asked_map: FloatArray | None = None
        self._asked_trust: FloatArray | None = None
        self._way_from_asked: Way | None = None
        self._own_motion: OwnMotion | None = None
        self._emphasis.reset()

    @property
    def has_map(self) -> bool:
        """Whether this scene has a map, or one was requested."""
        return self._map is not None or self._asked is not None

    def ask(self, frame: Frame) -> None:
        """Note that the map of this frame, the newest, was requested."""
        self._asked = frame.index
        self._asked_map, self._asked_trust = None, None
        if self._map is not None and self._way is not None:
            self._asked_map = self._way.carry(self._map)
            self._asked_trust = self._way.trust
        elif self._map is not None:
            # The map in use is of this very frame.
            self._asked_map = self._map
        self._way_from_asked = None

    def answer(self, index: int, fresh: FloatArray) -> None:
        """Take the map of frame ``index``, of any size; one of an earlier scene is ignored."""
        if index != self._asked:
            return
        if self._asked_map is not None and self._asked_trust is not None:
            carried = fitted(self._asked_map, *self._asked_trust.shape)
            fresh = fitted(fresh, *self._asked_trust.shape)
            fresh = fresh + self._smoothing * self._asked_trust * (carried - fresh)
        self._map, self._way = fresh, self._way_from_asked
        self._asked = None

    def update(self, frame: Frame) -> Followed:
        """Follow to the next frame."""
        is_cut = self._cuts.update(frame.thumbnail)
        before, self._before = self._before, frame.thumbnail
        if is_cut or before is None or before.shape != frame.thumbnail.shape:
            is_cut = True
            self._begin_scene()
        else:
            flow = self._motion.update(frame, before)
            step = Way(flow, trust(halve(frame.thumbnail), halve(before), flow))
            self._way, self._way_from_asked = step.after(self._way), step.after(self._way_from_asked)
            if self._movement > 0:
                past = self._own_motion and self._own_motion.carried(flow)
                self._own_motion = OwnMotion.between(flow).joined(past)
        return Followed(self._importance(), is_cut)

    def _importance(self) -> FloatArray | None:
        if self._map is None:
            return None
        values = self._map
        if self._way is not None:
            values = self._way.carry(values)
            if self._own_motion is not None:
                values = self._emphasis.update(values, self._own_motion.values)
        return values
