"""A short queue of frames to encode: when it is full, the oldest frame is dropped or the newest waits."""

from __future__ import annotations

import threading
from collections import deque

from semvid.streaming.base.types import Captured

_MOST_FRAMES = 4
"""Waiting frames: at most a sixth of a second."""


class FrameQueue:
    """From the thread that reads to the one that codes.

    Args:
        drops: Frames not taken in time are dropped for newer ones; otherwise ``put`` waits.

    Attributes:
        num_dropped: Frames dropped so far.
    """

    def __init__(self, *, drops: bool) -> None:
        self.num_dropped = 0
        self._drops = drops
        self._is_ended = False
        self._frames: deque[Captured] = deque()
        self._changed = threading.Condition()

    def put(self, captured: Captured) -> None:
        """Add a frame; after ``end`` nothing is added."""
        with self._changed:
            if self._drops:
                while len(self._frames) >= _MOST_FRAMES:
                    self._frames.popleft()
                    self.num_dropped += 1
            else:
                self._changed.wait_for(lambda: len(self._frames) < _MOST_FRAMES or self._is_ended)
            if not self._is_ended:
                self._frames.append(captured)
                self._changed.notify_all()

    def get(self, timeout: float) -> Captured | None:
        """Take the oldest frame; None when none came within ``timeout`` seconds, or none will come."""
        with self._changed:
            self._changed.wait_for(lambda: self._frames or self._is_ended, timeout)
            if not self._frames:
                return None
            captured = self._frames.popleft()
            self._changed.notify_all()
            return captured

    def end(self) -> None:
        """End all waiting; frames in the queue can still be taken."""
        with self._changed:
            self._is_ended = True
            self._changed.notify_all()
