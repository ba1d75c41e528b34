"""Maps of what a user marked, followed through the video."""

from __future__ import annotations

from fractions import Fraction
from typing import Protocol

import numpy as np

from semvid.core.geometry import motion_grid
from semvid.core.map_source import MapSource
from semvid.core.text import counted
from semvid.core.types import FloatArray, Frame, ImportanceMap, Pixels
from semvid.importance.tracking.marks import Marks
from semvid.importance.tracking.tracker import Tracker


class FeatureNetwork(Protocol):
    """A network that tells what the parts of a picture look like."""

    @property
    def notices(self) -> list[str]:
        """What the user should know, as it comes up."""

    def input_size(self, width: int, height: int) -> tuple[int, int]:
        """Return the ``(width, height)`` to shrink a whole upright picture of this size to."""

    def features(self, picture: Pixels) -> FloatArray:
        """Return ``(h, w, c)`` vectors of length 1, one for every 8 pixels of an RGB picture."""


class TrackSource(MapSource):
    """Follows what is marked from the time of its mark on; before the first mark nothing is marked.

    Every frame is looked at: with every second one a tennis player had IoU 0.72 instead of 0.75, with every
    fifth 0.61.

    Args:
        network: Its features tell the things from what is around them.
        marks: What to follow.
    """

    is_exact = False

    def __init__(self, network: FeatureNetwork, marks: Marks) -> None:
        self._network = network
        self._marks = marks
        self.counts_frames = marks.has_boxes
        self._tracker: Tracker | None = None
        self._start: Fraction | None = None
        self._num_before = self._num_followed = self._num_lost = 0

    def begin_part(self, first: Fraction | None) -> None:
        """See ``MapSource``."""
        super().begin_part(first)
        self._start = first

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``MapSource``."""
        now = frame.pts * (frame.picture.time_base or Fraction(1))
        if self._start is None:
            self._start = now
        now -= self._start
        mask = self._marks.due(frame, now)
        if mask is None and self._tracker is None:
            self._num_before += 1
            return ImportanceMap(np.zeros(motion_grid(*frame.upright_size), np.float32))
        features = self._network.features(frame.rgb(self._network.input_size(*frame.upright_size)))
        if self._tracker is None:
            self._tracker = Tracker()
        if mask is not None:
            return ImportanceMap(self._tracker.mark(frame.thumbnail, features, mask))
        values = self._tracker.follow(frame.thumbnail, features)
        self._num_followed += 1
        self._num_lost += not self._tracker.is_seen
        return ImportanceMap(values)

    def finish(self, num_frames: int) -> str | None:
        """See ``MapSource``."""
        told = list(dict.fromkeys(self._network.notices))
        if not self.is_part:
            told += self._marks.left_over()
        if self._num_before:
            told.append(f"nothing is marked in {counted(self._num_before, 'frame')} before the first mark")
        if self._num_lost:
            told.append(
                f"what was marked was not found in {self._num_lost} of the {self._num_followed} frames after "
                "its mark; mark it again where it is back, with another `track`"
            )
        return "; ".join(told) or None
