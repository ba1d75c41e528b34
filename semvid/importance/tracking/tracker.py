"""Follows a mask from frame to frame: where motion leads, and where it looks like what was marked."""

from __future__ import annotations

from copy import copy

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.resampling import fitted
from semvid.core.types import FloatArray
from semvid.importance.tracking.matching import Memory, to_cells, to_map
from semvid.temporal.cuts import SceneCutDetector
from semvid.temporal.motion import OpticalFlow
from semvid.temporal.warp import halve, trust, warp

Thumbnail = NDArray[np.uint8]

_PAST = np.float32(0.6)
"""Share of what motion predicts, where it can be trusted; looks have the rest."""
_REACH = 3.0
"""Spread, in cells of the motion grid (1/120 of the picture's width), of where the things may be ..."""
_REACH_GAIN = 5.0
_WITHIN = 0.02
"""... and the least of it where they are looked for: look-alikes beyond are left alone."""
_LEARN_EVERY = 5
"""Frames from one lesson to the next."""
_LIKE = 0.65
"""Cosine similarity from which a cell may be the thing where it is looked for everywhere: of what is around,
99 in 100 cells are at most 0.6 like it, and half of its own cells are more than that after 20 frames."""
_FOUND = 0.1
"""Share of the marked cells that must be found for the thing to be back."""
_LEAST = 1e-6
_SEEN = 0.5
"""Importance above which something is marked."""


class Tracker:
    """The state between frames of one video.

    Where nothing is left to follow, after a cut or when the thing was covered, it is looked for in the whole
    picture, and taken up again only if enough of it is clearly there; else nothing is marked.
    """

    def __init__(self) -> None:
        self._cuts = SceneCutDetector()
        self._motion = OpticalFlow()
        self._before: Thumbnail | None = None
        self._map: FloatArray | None = None
        self._memory: Memory | None = None
        self._since_lesson = 0

    def copy(self) -> Tracker:
        """Return another that goes on from here on its own."""
        other = copy(self)
        other._cuts = copy(self._cuts)
        other._memory = self._memory and self._memory.copy()
        return other

    @property
    def is_seen(self) -> bool:
        """Whether the last map marks anything."""
        return self._map is not None and float(self._map.max()) > _SEEN

    def mark(self, thumbnail: Thumbnail, features: FloatArray, mask: FloatArray) -> FloatArray:
        """Begin, or begin anew, with a mask; what was marked before is forgotten.

        Args:
            thumbnail: ``(2 rows, 2 cols)`` luma of the frame.
            features: ``(h, w, c)``, vectors of length 1.
            mask: In 0..1, of any size, stretched over the frame.

        Returns:
            ``(rows, cols)`` in 0..1: the mask.
        """
        self._cuts.update(thumbnail)
        values = fitted(mask, thumbnail.shape[0] // 2, thumbnail.shape[1] // 2)
        # What is smaller than a cell is marked as strongly as what fills one.
        self._map = values * np.float32(mask.max() / max(float(values.max()), _LEAST))
        self._memory = Memory(features, to_cells(self._map, (features.shape[0], features.shape[1])))
        self._before, self._since_lesson = thumbnail, 0
        return self._map

    def follow(self, thumbnail: Thumbnail, features: FloatArray) -> FloatArray:
        """Return the map of the next frame, ``(rows, cols)`` in 0..1; arguments as for ``mark``."""
        memory, before, earlier = self._memory, self._before, self._map
        assert memory is not None and before is not None and earlier is not None  # noqa: S101, PT018 - it is marked
        is_cut = self._cuts.update(thumbnail)
        self._before = thumbnail
        if is_cut or not self.is_seen:
            self._map = _search(memory, features, (earlier.shape[0], earlier.shape[1]))
            return self._map
        flow = self._motion.between(thumbnail, before)
        carried = warp(earlier, flow)
        believed = trust(halve(thumbnail), halve(before), flow)
        reach = _reach(carried)
        grid = (features.shape[0], features.shape[1])
        is_near = to_cells(reach, grid) > _WITHIN
        scores = np.zeros(grid, np.float32)
        scores[is_near] = memory.compare(features[is_near])[0]
        seen = to_map(scores, (carried.shape[0], carried.shape[1])) * reach
        self._map = np.asarray(seen + _PAST * believed * (carried - seen), np.float32)
        self._since_lesson += 1
        if self._since_lesson >= _LEARN_EVERY:
            memory.learn(features, scores, to_cells(self._map, grid))
            self._since_lesson = 0
        return self._map


def _reach(carried: FloatArray) -> FloatArray:
    """Where the things may be by now, ``(rows, cols)`` in 0..1: in and around where they were."""
    grown = cv2.dilate(carried, np.ones((3, 3), np.uint8))
    spread = cv2.GaussianBlur(grown, (0, 0), _REACH) * np.float32(_REACH_GAIN)
    return np.asarray(np.minimum(spread, 1), np.float32)


def _search(memory: Memory, features: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Look for the things in the whole picture; return a map of zeros if they are not clearly there."""
    scores, likeness = memory.compare(features.reshape(-1, features.shape[2]))
    scores = np.where(likeness > _LIKE, scores, np.float32(0)).reshape(features.shape[:2])
    if int((scores > _SEEN).sum()) < _FOUND * memory.num_marked:
        return np.zeros(shape, np.float32)
    return to_map(scores, shape)
