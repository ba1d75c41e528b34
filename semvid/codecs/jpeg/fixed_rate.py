"""Puts frames with any timestamps on the even grid of AVI, which only counts frames."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import gcd

from semvid.core.text import counted

_FASTEST = 120
"""Frames a second at most: each that is not there costs 24 bytes."""
_EXACT = Fraction(1, 500)
"""Seconds a frame may be off without a word: the rounding of time bases."""
LONGEST_GAP = 30_000
"""Frames that FFmpeg's muxer may be left to repeat; it refuses 65,536."""


def choose_rate(times: Sequence[int], time_base: Fraction, nominal: Fraction) -> Fraction:
    """Return the frames a second at which these times can be told best.

    Args:
        times: When each frame is shown, in units of ``time_base``.
        time_base: Seconds per unit.
        nominal: What the header says.
    """
    gaps = [b - a for a, b in pairwise(sorted(set(times)))]
    if not gaps:
        return nominal
    exact = 1 / (gcd(*gaps) * time_base)
    if exact <= _FASTEST:
        return exact
    places = {round(one * time_base * nominal) for one in times}
    if len(places) == len(set(times)):
        return nominal
    return Fraction(min(max(round(1 / (min(gaps) * time_base)), 1), _FASTEST))


class FixedRate:
    """Gives frames their number on the grid; some are dropped, and some shown for longer.

    Args:
        rate: Frames a second.
    """

    def __init__(self, rate: Fraction) -> None:
        self.rate = rate
        self.last_index = -1
        self._num_moved = self._num_dropped = self._num_repeated = 0
        self._most_off = Fraction(0)

    def place(self, seconds: Fraction) -> int | None:
        """Return the number of the next frame; None = another is there already."""
        index = round(seconds * self.rate)
        if index <= self.last_index:
            self._num_dropped += 1
            return None
        if self.last_index < 0:
            # Nothing can be left empty at the start.
            index = 0
        off = abs(index / self.rate - seconds)
        self._num_moved += off > _EXACT
        self._most_off = max(self._most_off, off)
        self._num_repeated += index - self.last_index - 1
        self.last_index = index
        return index

    def end(self, seconds: Fraction) -> int | None:
        """Return where the last frame is repeated so that it lasts until then; None = it does already."""
        index = round(seconds * self.rate) - 1
        if index <= self.last_index:
            return None
        self._num_repeated += index - self.last_index
        self.last_index = index
        return index

    @property
    def notices(self) -> list[str]:
        """What was done to the frames."""
        done = [f"{counted(self._num_repeated, 'time')} a frame is repeated"] if self._num_repeated else []
        if self._num_dropped:
            done.append(f"{counted(self._num_dropped, 'frame is', 'frames are')} dropped")
        if self._num_moved:
            moved = counted(self._num_moved, "frame is", "frames are")
            done.append(f"{moved} moved, by up to {float(self._most_off):.3f} s")
        if not done:
            return []
        return [
            f".avi has a fixed frame rate, here {float(self.rate):g} per second: {', '.join(done)}; "
            "write to .mov or .mkv for exact timestamps"
        ]
