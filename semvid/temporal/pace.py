"""Decides on which frames motion is followed: where little moves, one in a few is enough."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.temporal.warp import Flow

_FARTHEST = 3.0
"""Cells that nearly nothing moves farther than from one followed frame to the next: maps in between are
brought there along the motion. On DAVIS maps are as exact and as steady as with every frame up to 3 cells,
and lose 0.007 IoU at 4 (``temporal.py``)."""
_NEARLY_ALL = 0.995
"""Share of the picture: what moves may be small."""
_SAMPLE_EVERY = 2
_SUDDEN = 2.0
"""A frame is followed at once if the picture changed so many times as much as it did before ..."""
_NOISE = 0.75
"""... beyond this many grey levels on average."""


class Pace:
    """Looks at how fast the frames move, and says how long the next ones can wait.

    Args:
        most: Frames from one that is followed to the next where little moves; 1 = all are.
        least: The same where much moves.
    """

    def __init__(self, most: int, least: int = 1) -> None:
        self._most, self._least = most, min(least, most)
        self.reset()

    def reset(self) -> None:
        """Forget the frames before; call at a scene cut."""
        self._frames, self._change = 1, 0.0

    def is_due(self, num_frames: int, now: NDArray[np.uint8], before: NDArray[np.uint8]) -> bool:
        """Whether motion has to be followed to this frame.

        Args:
            num_frames: From the last that was followed to this one.
            now: ``Frame.thumbnail`` of this one.
            before: That of the last one.
        """
        if num_frames >= self._frames:
            return True
        return _change(now, before) > _SUDDEN * self._change * num_frames + _NOISE

    def note(self, flow: Flow, num_frames: int, now: NDArray[np.uint8], before: NDArray[np.uint8]) -> None:
        """Look at a frame that was followed.

        Args:
            flow: ``(rows, cols, 2)`` in cells, to the last that was.
            num_frames: From that one to this.
            now: ``Frame.thumbnail`` of this one.
            before: That of the last one.
        """
        if self._most == 1:
            return
        sample = flow[::_SAMPLE_EVERY, ::_SAMPLE_EVERY]
        squares = np.square(sample).sum(-1).ravel()
        place = int(_NEARLY_ALL * (squares.size - 1))
        speed = float(np.sqrt(np.partition(squares, place)[place])) / num_frames
        self._frames = max(self._least, int(min(self._most, _FARTHEST / max(speed, 1e-6))))
        self._change = _change(now, before) / num_frames


def _change(now: NDArray[np.uint8], before: NDArray[np.uint8]) -> float:
    return float(cv2.norm(now, before, cv2.NORM_L1)) / now.size
