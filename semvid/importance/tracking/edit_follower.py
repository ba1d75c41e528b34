"""Applies edits to the maps of a video, frame after frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy

import numpy as np
from numpy.typing import NDArray

from semvid.core.geometry import motion_grid
from semvid.core.resampling import fitted
from semvid.core.types import FloatArray, Frame, from_grey, to_grey
from semvid.importance.edits.edits import Edit
from semvid.importance.edits.shapes import rasterised
from semvid.importance.tracking.source import FeatureNetwork
from semvid.importance.tracking.tracker import Tracker
from semvid.temporal.cuts import SceneCutDetector

_COVERED = 0.5
"""Share of a cell from which on an edit takes it from those before."""


class _Active:
    """An edit that is in force."""

    def __init__(self, edit: Edit, mask: FloatArray) -> None:
        self.matters, self.map = edit.matters, mask
        self.tracker = Tracker() if edit.follows else None

    def copy(self) -> _Active:
        """Return another that goes on from here on its own."""
        other = copy(self)
        other.tracker = self.tracker and self.tracker.copy()
        return other

    def mark(self, frame: Frame, features: FloatArray | None) -> None:
        """Follow what the map says from this frame on."""
        if self.tracker is not None and features is not None:
            self.map = self.tracker.mark(frame.thumbnail, features, self.map)

    def follow(self, frame: Frame, features: FloatArray | None) -> None:
        """Go with what is inside, to the next frame."""
        if self.tracker is not None and features is not None:
            self.map = self.tracker.follow(frame.thumbnail, features)


class State:
    """What a follower knows between two frames."""

    def __init__(self) -> None:
        self.cuts = SceneCutDetector()
        self.active: list[_Active] = []

    def copy(self) -> State:
        """Return another that goes on from here on its own."""
        other = State()
        other.cuts, other.active = copy(self.cuts), [one.copy() for one in self.active]
        return other


class EditFollower:
    """Applies edits. Give it every frame of the video, in order, or at least all while an edit is in force.

    An edit begins with its frame. A cut ends all; a later edit ends those before it where it covers them.

    Args:
        edits: In the order in which they were made.
        open_network: Opens the network that tells what things look like; called if an edit follows one.
    """

    def __init__(self, edits: Sequence[Edit], open_network: Callable[[], FeatureNetwork]) -> None:
        # Of those of one frame the last counts.
        self._waiting = sorted(edits, key=lambda one: one.pts)
        self._open_network = open_network
        self._network: FeatureNetwork | None = None
        self._state = State()

    @property
    def waiting(self) -> Sequence[Edit]:
        """Edits whose frame did not come yet, in the order of their frames."""
        return self._waiting

    @property
    def is_active(self) -> bool:
        """Whether an edit is in force."""
        return bool(self._state.active)

    def state(self) -> State:
        """Return what it knows now, to go on from here another time."""
        return self._state.copy()

    def go_on_from(self, state: State, after: int) -> None:
        """Go on where another follower was, whose edits up to then were the same.

        Args:
            state: What it knew.
            after: When its last frame is shown: edits up to then are part of the state.
        """
        self._state = state.copy()
        self._waiting = [one for one in self._waiting if one.pts > after]

    def see(self, frame: Frame) -> None:
        """Look at a frame before those that matter: cuts are told by what came before."""
        self._state.cuts.update(frame.thumbnail)

    def apply(self, frame: Frame, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the map of the next frame with the edits.

        Args:
            frame: The frame.
            grey: ``(rows, cols)``, importance times 255, as it was made.
        """
        if self._state.cuts.update(frame.thumbnail):
            self._state.active = []
        due = 0
        while due < len(self._waiting) and self._waiting[due].pts <= frame.pts:
            due += 1
        begun, self._waiting = self._waiting[:due], self._waiting[due:]
        if not begun and not self._state.active:
            return grey
        follows = any(one.follows for one in begun) or any(one.tracker for one in self._state.active)
        features = self._features(frame) if follows else None
        for one in self._state.active:
            one.follow(frame, features)
        grid = motion_grid(*frame.upright_size)
        for edit in begun:
            mask = rasterised(edit.shape, *grid)
            self._state.active = [
                one for one in self._state.active if self._is_left(one, mask, frame, features)
            ]
            self._state.active.append(new := _Active(edit, mask))
            new.mark(frame, features)
        return self._edited(grey)

    def _features(self, frame: Frame) -> FloatArray:
        if self._network is None:
            self._network = self._open_network()
        return self._network.features(frame.rgb(self._network.input_size(*frame.upright_size)))

    def _is_left(self, one: _Active, mask: FloatArray, frame: Frame, features: FloatArray | None) -> bool:
        """Take from an edit what a later one covers; returns whether anything is left of it."""
        covered = mask >= _COVERED
        if not (one.map[covered] > 0).any():
            return True
        one.map = np.where(covered, np.float32(0), one.map)
        if float(one.map.max(initial=0)) < _COVERED:
            return False
        one.mark(frame, features)
        return True

    def _edited(self, grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return blended(grey, [(one.map, one.matters) for one in self._state.active])


def painted(grey: NDArray[np.uint8], edits: Sequence[Edit]) -> NDArray[np.uint8]:
    """Return the map of the frame that edits begin with, with them and no others."""
    return blended(grey, [(rasterised(one.shape, *grey.shape), one.matters) for one in edits])


def blended(grey: NDArray[np.uint8], masks: Sequence[tuple[FloatArray, bool]]) -> NDArray[np.uint8]:
    """Put masks over a map.

    Args:
        grey: ``(rows, cols)``, importance times 255.
        masks: Each of any size, in 0..1, and whether what it covers matters; later ones cover earlier ones.
    """
    values = from_grey(grey)
    for given, matters in masks:
        mask = fitted(given, *grey.shape)
        values = np.maximum(values, mask) if matters else values * (1 - mask)
    return to_grey(values)
