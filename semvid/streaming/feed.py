"""The frames of a live session: the source's, and the last one again while it is silent."""

from __future__ import annotations

import time
from dataclasses import replace
from fractions import Fraction

from semvid.core.coded import TIME_BASE
from semvid.core.types import Frame
from semvid.streaming.base.types import USUAL_RATE, Captured, SourceState
from semvid.streaming.ends import FrameSource

_SILENCE_SECONDS = 0.25
"""So long without a frame, and the last one is shown again until there are new ones."""


class NotYet:
    """Stands for a source that was not opened."""

    state: SourceState = "opening"
    num_dropped = num_reconnections = num_damaged = 0
    last_error = failure = damage = ""
    remarks = ()
    frame_rate: Fraction | None = None

    def next(self, timeout: float) -> Captured | None:
        """Return nothing."""
        return None

    def close(self) -> None:
        """Do nothing."""


class FrameFeed:
    """Frames with rising times, without long gaps while a source is silent.

    Attributes:
        num_repeated: Frames that were shown again.
    """

    def __init__(self) -> None:
        self.num_repeated = 0
        self._last: Captured | None = None

    def next(self, reader: FrameSource, *, is_waited_for: bool) -> Captured | None:
        """Return the next frame, or the last one again when the source is silent; None = neither.

        Args:
            reader: The source.
            is_waited_for: It has its own timestamps and waits for its reader: while it is silent
                nothing is missing.
        """
        gap = 1 / float(reader.frame_rate or USUAL_RATE)
        last = self._last
        captured = reader.next(max(_SILENCE_SECONDS, 3 * gap))
        if captured is None:
            if last is None or reader.state == "ended" or is_waited_for:
                return None
            now = time.monotonic()
            pts = (last.frame.picture.pts or 0) + round((now - last.arrived) / TIME_BASE)
            captured = Captured(_at(last.frame, pts), now)
            self.num_repeated += 1
        elif last is not None:
            pts = max(captured.frame.picture.pts or 0, (last.frame.picture.pts or 0) + 1)
            captured = Captured(_at(captured.frame, pts, last.frame.index + 1), captured.arrived)
        self._last = captured
        return captured


def _at(frame: Frame, pts: int, index: int | None = None) -> Frame:
    frame.picture.pts, frame.picture.time_base = pts, TIME_BASE
    return replace(frame, index=frame.index + 1 if index is None else index)
