"""One timeline for a live stream, whatever clock its source has and however often it breaks off."""

from __future__ import annotations

from fractions import Fraction

from semvid.core.coded import TIME_BASE
from semvid.media.reading.clock import readings

_TICKS = TIME_BASE.denominator
_JUMP_SECONDS = 1.0
"""A source that advances by this much more than our clock has changed its own."""
_PATIENCE_SECONDS = 3.0
"""A source that stays this long more than ``_JUMP_SECONDS`` late has lost time for good."""
_SLEW = 500e-6
"""Correction in seconds a second while the source is nearly right: five times the drift of bad crystals."""
_FAST_SLEW_BACK = 0.05
_FAST_SLEW_AHEAD = 0.005
"""Beyond ``_NEARLY_RIGHT_SECONDS``. A stream ahead of time holds a backlog for good; one that is late waits
for a burst that makes up for it."""
_NEARLY_RIGHT_SECONDS = 0.1
_AVERAGE_SECONDS = 5.0
"""Over which lateness is averaged: networks deliver in bursts."""
_CORRECTED_IN_SECONDS = 20.0
_DEFAULT_INTERVAL_SECONDS = 1 / 30
_BESIDE_SECONDS = 10.0
"""Sound this far from the picture has another clock."""


class Timeline:
    """Turns timestamps of a source and times of arrival into timestamps of the stream.

    What comes out is in ``TIME_BASE``, starts at 0, rises strictly, and stays close to the time of arrival:
    a drift of the source's clock against ours is absorbed at ``_SLEW`` at most (faster only beyond 0.1 s),
    and whenever the source's clock jumps, stops, or starts again (``restart``), the stream continues after
    as much time as has passed on our clock.

    Args:
        follows_clock: False for what is read as fast as it can be (files, pipes): its own timestamps
            are kept, times of arrival mean nothing, and jumps are closed.
    """

    def __init__(self, *, follows_clock: bool = True) -> None:
        self._follows_clock = follows_clock
        self._start: float | None = None
        self._last_out: int | None = None
        self._last_source: int | None = None
        self._last_base = Fraction(0)
        self._last_arrived = 0.0
        self._offset = 0.0
        self._late = 0.0
        self._late_since: float | None = None
        self._interval = _DEFAULT_INTERVAL_SECONDS * _TICKS

    def restart(self) -> None:
        """Forget the source's clock: what comes next has another origin."""
        self._last_source = None
        self._late = 0.0
        self._late_since = None

    @property
    def is_running(self) -> bool:
        """A frame was placed since ``restart``."""
        return self._last_source is not None

    def at(self, when: float) -> int:
        """Ticks that stand for a time of our clock (``time.monotonic()``); 0 before the first frame."""
        return 0 if self._start is None else round((when - self._start) * _TICKS)

    def place(self, pts: int | None, time_base: Fraction | None, arrived: float) -> int:
        """Give the next frame its time.

        Args:
            pts: The source's timestamp; None = it has none.
            time_base: Seconds per unit of ``pts``.
            arrived: When the frame came, ``time.monotonic()`` or any clock in seconds that does not go back.

        Returns:
            Ticks of ``TIME_BASE``, more than ever returned before.
        """
        if self._start is None:
            self._start = arrived
        if pts is None or not time_base:
            out = self._without_timestamp(arrived)
            self._last_source = None
        else:
            out = self._with_timestamp(pts, time_base, arrived)
            self._last_source, self._last_base = pts, time_base
        if self._last_out is not None:
            out = max(out, self._last_out + 1)
        self._last_out, self._last_arrived = out, arrived
        return out

    def beside(self, pts: int | None, time_base: Fraction | None) -> int | None:
        """Return when the sound of the same source is due.

        Args:
            pts: The source's timestamp of it; None = it has none.
            time_base: Seconds per unit of ``pts``.

        Returns:
            Ticks of ``TIME_BASE``; None when the frame placed last, ``_BESIDE_SECONDS`` around it, says
            nothing of it.
        """
        if pts is None or not time_base or self._last_source is None:
            return None
        apart = pts * time_base - self._last_source * self._last_base
        # The counters wrap together, but not at the same packet.
        apart = min((apart + turn * self._last_base for turn in readings(0)), key=abs)
        if abs(apart) > _BESIDE_SECONDS:
            return None
        return round(self._offset + float(apart / TIME_BASE))

    def _with_timestamp(self, pts: int, time_base: Fraction, arrived: float) -> int:
        ticks_per_unit = time_base / TIME_BASE
        if self._last_source is None or self._last_base != time_base or self._last_out is None:
            return self._anchor(arrived)
        passed = max(0.0, arrived - self._last_arrived) * _TICKS
        advance = float(self._advance(pts, ticks_per_unit, passed))
        bound = _JUMP_SECONDS * _TICKS
        if advance <= 0 or advance > (passed + bound if self._follows_clock else 60 * bound):
            return self._anchor(arrived)
        # The unrounded place is kept: rounding every step would drift.
        self._offset += advance
        self._interval = advance
        if self._follows_clock and not self._steer(advance, passed, arrived):
            return self._anchor(arrived)
        return round(self._offset)

    def _advance(self, pts: int, ticks_per_unit: Fraction, passed: float) -> Fraction:
        """Ticks since the last frame, of the ways to read a counter that wraps the likeliest."""
        step = pts - (self._last_source or 0)
        bound = (_JUMP_SECONDS if self._follows_clock else 60 * _JUMP_SECONDS) * _TICKS
        for one in readings(step):
            if 0 < one * ticks_per_unit <= passed + bound:
                return one * ticks_per_unit
        return step * ticks_per_unit

    def _steer(self, advance: float, passed: float, arrived: float) -> bool:
        """Draw the source's clock toward ours; False = it is late for good."""
        late = self.at(arrived) - self._offset
        self._late += (late - self._late) * min(1.0, max(advance, passed) / (_AVERAGE_SECONDS * _TICKS))
        seconds_off = abs(self._late) / _TICKS
        fastest = _FAST_SLEW_AHEAD if self._late > 0 else _FAST_SLEW_BACK
        limit = min(fastest, _SLEW + 0.1 * max(0.0, seconds_off - _NEARLY_RIGHT_SECONDS))
        limit *= advance
        wanted = self._late * min(1.0, advance / (_CORRECTED_IN_SECONDS * _TICKS))
        change = min(max(wanted, -limit), limit)
        self._offset += change
        self._late -= change
        if late <= _JUMP_SECONDS * _TICKS:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = arrived
        return self._late_since is None or arrived - self._late_since < _PATIENCE_SECONDS

    def _anchor(self, arrived: float) -> int:
        """Begin a new relation between the clocks: as much later as has passed on ours."""
        if self._last_out is None:
            place = 0.0
        elif self._follows_clock:
            place = max(float(self.at(arrived)), self._last_out + 1.0)
        else:
            place = self._last_out + max(1.0, self._interval)
        self._offset = place
        self._late = 0.0
        self._late_since = None
        return round(place)

    def _without_timestamp(self, arrived: float) -> int:
        if self._last_out is None:
            return 0
        if not self._follows_clock:
            return round(self._last_out + max(1.0, self._interval))
        passed = (arrived - self._last_arrived) * _TICKS
        self._interval += 0.1 * (min(max(passed, 1.0), _JUMP_SECONDS * _TICKS) - self._interval)
        # Arrival jitters; steps of the usual length, drawn toward arrival, do not.
        usual, now = self._last_out + self._interval, self.at(arrived)
        if abs(now - usual) > _JUMP_SECONDS * _TICKS:
            return now
        return round(usual + 0.1 * (now - usual))
