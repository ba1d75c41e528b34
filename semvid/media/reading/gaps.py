"""Finds out by their times whether frames are missing between others."""

from __future__ import annotations

from array import array
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from semvid.core.text import counted

_FEWEST = 12
"""Intervals that show a rate."""
_STEADY = 0.95
"""Share of the intervals that are alike where the rate is constant."""
_ROUNDED = Fraction(11, 10_000)
"""Seconds by which a time may be off: Matroska counts in thousandths, and so did what was made of it."""
_REORDERED = 16
"""Frames around a gap whose durations may be meant for the one before it: they are told in coding order."""


class Gap(NamedTuple):
    """What is missing."""

    num_frames: int
    first: Fraction
    """When the first of them would be shown, in seconds."""

    def __str__(self) -> str:
        minutes, seconds = divmod(float(self.first), 60)
        are_missing = f"{counted(self.num_frames, 'frame seems', 'frames seem')} to be missing"
        return f"{are_missing} from {int(minutes)}:{seconds:04.1f} on"


class Times:
    """Notes when frames are shown, and for how long they say they are."""

    def __init__(self) -> None:
        self._pts, self._durations = array("q"), array("q")

    def note(self, pts: int, duration: int) -> None:
        """Take a frame, or a packet that says that nothing changes; ``duration`` 0 = it does not tell."""
        self._pts.append(pts)
        self._durations.append(duration)

    def gap(self, time_base: Fraction) -> Gap | None:
        """Return what is missing; None = nothing, or no constant rate tells.

        Something is missing where two frames of a constant rate are a whole number of frames apart, and no
        frame says that it is shown for so long.
        """
        pts = np.array(self._pts, np.int64)
        order = np.argsort(pts, kind="stable")
        pts, durations = pts[order], np.array(self._durations, np.int64)[order]
        steps = np.diff(pts)
        if len(steps) < _FEWEST:
            return None
        slack = max(1, int(_ROUNDED / time_base))
        is_usual = np.abs(steps - np.median(steps)) <= slack
        if is_usual.mean() < _STEADY:
            return None
        usual = steps[is_usual].mean()
        lost = np.rint(steps / usual).astype(np.int64) - 1
        # Decoders that reorder frames without times begin with such a step.
        lost[0] = 0
        is_gap = (lost > 0) & ~is_usual & (np.abs(steps - (lost + 1) * usual) <= slack + 0.01 * usual)
        found = [
            place
            for place in np.flatnonzero(is_gap)
            if durations[max(place - _REORDERED, 0) : place + _REORDERED].max() < steps[place] - slack
        ]
        if not found:
            return None
        first = (int(pts[found[0]]) + round(float(usual))) * time_base
        return Gap(int(lost[found].sum()), first)
