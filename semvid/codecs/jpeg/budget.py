"""Chooses the quality of every frame of a Motion-JPEG video so that its bytes meet a budget."""

from __future__ import annotations

import math
from collections import deque

from semvid.codecs.jpeg.tables import quality_at, step_scale

_SLOPE = 0.9
"""Bytes fall with the step to about this power; between 0.6 and 1.4 in what was measured."""
_MEMORY = 0.8
"""Share of the past in the running average of how much there is to code."""
_WINDOW = 60
"""Frames over which a surplus or a debt is evened out."""
_MOST, _LEAST = 2.0, 0.4
"""Of the mean bytes, for one frame."""
_FASTEST = 0.06
"""Change of the step's logarithm from frame to frame, so that pictures do not pump."""


class Budget:
    """Tracks what was spent; earlier frames may be unfinished when the next quality is requested.

    Args:
        bytes_per_frame: Mean wanted.
        num_frames: Frames of the whole video, to end exactly on budget; None = unknown.
        quality: That gives the first frame its share.
    """

    def __init__(self, bytes_per_frame: float, num_frames: int | None, quality: float) -> None:
        self._share = bytes_per_frame
        self._num_frames = num_frames
        self._content = math.log(bytes_per_frame) + _SLOPE * math.log(step_scale(quality))
        self._log_step = math.log(step_scale(quality))
        self._pending: deque[float] = deque()
        self._spent = 0.0
        self._num_started = 0

    def next_quality(self) -> float:
        """Return the quality of the next frame, 1..100."""
        committed = self._spent + sum(map(self._expected, self._pending))
        surplus = self._share * self._num_started - committed
        ahead = _WINDOW
        if self._num_frames is not None:
            ahead = min(ahead, max(self._num_frames - self._num_started, 1))
        wanted = self._share + surplus / ahead
        wanted = min(max(wanted, _LEAST * self._share), _MOST * self._share)
        log_step = (self._content - math.log(wanted)) / _SLOPE
        log_step = min(max(log_step, self._log_step - _FASTEST), self._log_step + _FASTEST)
        quality = quality_at(math.exp(log_step))
        self._log_step = math.log(step_scale(quality))
        self._pending.append(self._log_step)
        self._num_started += 1
        return quality

    def spend(self, num_bytes: int) -> None:
        """Book a finished frame, in the order in which qualities were asked for."""
        content = math.log(num_bytes) + _SLOPE * self._pending.popleft()
        self._content = content + _MEMORY * (self._content - content)
        self._spent += num_bytes

    def _expected(self, log_step: float) -> float:
        return math.exp(self._content - _SLOPE * log_step)
