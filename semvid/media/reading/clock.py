"""One clock for all streams of a file, which starts at 0 and does not jump.

What a file shows first is at 0, as in players. Where its clock jumps (joined broadcasts, counters that wrap)
the next part follows the previous one, with sound and picture moved by the same amount.
"""

from __future__ import annotations

from collections.abc import Collection, Generator, Iterable, Iterator, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Any, Generic, TypeVar

from semvid.core.records import dataclass

Item = TypeVar("Item")

_BACKS_A_SECOND = 10
"""A stream may step back by a tenth of a second before its clock has jumped; FFmpeg's own limit."""
_AHEAD = 10
"""Seconds a stream may be ahead of all others before its clock has jumped; FFmpeg's own limit."""
_NEAR = 1
"""Seconds: a stream this near to another one has come back to its clock after an outlier."""
_LOOK_AHEAD = 2
"""Seconds of a new part to wait for the first packet of every stream: what starts later is not the first."""
_MOST_WAITING = 4000
"""Packets, for the same purpose."""
WRAPS = (1 << 33, 1 << 32, 1 << 31)
"""Where counters of MPEG-TS (33 bits), of RTP and RTMP (32 bits), and of FLV (31 bits) wrap."""


def readings(step: int) -> tuple[int, ...]:
    """Return what a step may have been, in ticks: as it looks, or over the end of a counter, either way."""
    return (step, *(step + sign * wrap for wrap in WRAPS for sign in (1, -1)))


@dataclass(frozen=True, slots=True)
class Stamp:
    """The times of a packet, in ticks of its stream's time base."""

    stream: int
    """Its stream's index."""
    time_base: Fraction
    """Seconds per tick."""
    dts: int | None
    """When it is decoded. Rises within a stream; None = the file does not say."""
    shown: int | None
    """When its first part is seen or heard; None = all of it is only for the decoder."""
    end: int
    """When it is no longer shown."""


@dataclass
class _Part:
    """A stretch of a file with one clock. All times are in units of the ``FileClock``."""

    shift: int | None = None
    """To add; None = not enough was seen yet."""
    low: int | None = None
    high: int | None = None
    """Of decoding times seen, on the file's own clock."""
    first: dict[int, int] = field(default_factory=dict)
    """Stream -> when it is first shown."""
    is_sure: dict[int, bool] = field(default_factory=dict)
    """Stream -> no later packet can be shown before ``first``."""
    end: dict[int, int] = field(default_factory=dict)
    """Stream -> when it was last shown."""

    def update(self, stream: int, dts: int | None, shown: int | None, end: int) -> None:
        if dts is not None:
            self.low = dts if self.low is None else min(self.low, dts)
            self.high = dts if self.high is None else max(self.high, dts)
        if shown is not None:
            self.first[stream] = min(shown, self.first.get(stream, shown))
            self.end[stream] = max(end, self.end.get(stream, end))
        if stream in self.first:
            # Where decoding times are unknown the first packet is taken to be shown first.
            self.is_sure[stream] = dts is None or dts >= self.first[stream]

    def is_near(self, when: int, ahead: int) -> bool:
        return self.low is not None and self.high is not None and (
            self.low - ahead <= when <= self.high + ahead
        )  # fmt: skip

    def refine(self, factor: int) -> None:
        """Count in units that are so many times as fine."""
        self.shift = None if self.shift is None else self.shift * factor
        self.low = None if self.low is None else self.low * factor
        self.high = None if self.high is None else self.high * factor
        self.first = {stream: when * factor for stream, when in self.first.items()}
        self.end = {stream: when * factor for stream, when in self.end.items()}


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a stream is, in ticks on which its counter does not begin again."""

    part: int
    dts: int
    end: int
    turn: int
    """Ticks that were added for the times the counter began again."""


class FileClock(Generic[Item]):
    """Finds the shift of every packet of a file.

    Args:
        leading: Indices of streams that set the clock: picture and sound. Others follow.
        starting: Those of them of which the first shown is at 0; None = all. What is left out of the output
            still tells how parts of a file belong together.
        may_jump: The container's clock may leap ahead (MPEG-TS and its kin); elsewhere that is a pause, and
            only steps back are jumps.
        shift: Seconds to add to the first part; None = what is first is at 0.
    """

    def __init__(
        self,
        leading: Collection[int],
        starting: Collection[int] | None = None,
        *,
        may_jump: bool,
        shift: Fraction | None = None,
    ) -> None:
        self._leading = frozenset(leading)
        self._starting = self._leading if starting is None else frozenset(starting)
        self._may_jump = may_jump
        # Times are counted exactly, in units that all time bases so far are made of: fractions of seconds
        # would take longer than all else that is done with a packet.
        self._units = _BACKS_A_SECOND
        self._per_tick: dict[int, int] = {}
        self._parts = [_Part()]
        if shift is not None:
            self._refine(shift)
            self._parts[0].shift = int(shift * self._units)
        self._places: dict[int, _Place] = {}

    @property
    def num_jumps(self) -> int:
        """Jumps that were bridged so far."""
        return len(self._parts) - 1

    @property
    def start_shift(self) -> Fraction:
        """Seconds that were added to the first part."""
        return Fraction(self._parts[0].shift or 0, self._units)

    def moved_chapters(self, chapters: Sequence[Any]) -> list[Any]:
        """Return chapters, as PyAV has them, moved like the first part; not those that end before it."""
        kept = []
        for one in chapters:
            ticks = round(self.start_shift / (one["time_base"] or 1))
            start, end = max(one["start"] + ticks, 0), max(one["end"] + ticks, 0)
            if end > start:
                kept.append({**one, "start": start, "end": end})
        return kept

    def run(self, items: Iterable[tuple[Stamp, Item]]) -> Generator[tuple[Item, int], None, None]:
        """Yield every item with the ticks of its stream to add to its times, in order.

        At the start and after a jump items are held back until the first of every stream is known.
        """
        waiting: list[tuple[Stamp, Item, _Part, int]] = []
        for stamp, item in items:
            waiting.append((stamp, item, *self._place(stamp)))
            if self._parts[-1].shift is None:
                if not self._is_known() and len(waiting) < _MOST_WAITING:
                    continue
                self._settle()
            yield from self._released(waiting)
        if waiting:
            self._settle()
            yield from self._released(waiting)

    def _released(self, waiting: list[tuple[Stamp, Item, _Part, int]]) -> Iterator[tuple[Item, int]]:
        for stamp, item, part, turn in waiting:
            assert part.shift is not None  # noqa: S101 - settled before anything goes out
            ticks, rest = divmod(part.shift, self._per_tick[stamp.stream])
            yield item, turn + (round(Fraction(part.shift, self._per_tick[stamp.stream])) if rest else ticks)
        waiting.clear()

    def _refine(self, seconds: Fraction) -> None:
        """Count in units that such a time is made of."""
        if (factor := (seconds * self._units).denominator) > 1:
            self._units *= factor
            self._per_tick = {stream: units * factor for stream, units in self._per_tick.items()}
            for part in self._parts:
                part.refine(factor)

    def _place(self, stamp: Stamp) -> tuple[_Part, int]:
        """Note a packet; return its part and the ticks for its counter's turns."""
        if stamp.stream not in self._per_tick:
            self._refine(stamp.time_base)
            self._per_tick[stamp.stream] = int(stamp.time_base * self._units)
        before = self._places.get(stamp.stream)
        if stamp.dts is None:
            turn = before.turn if before else 0
            part = self._parts[before.part if before else -1]
            self._note(stamp, part, None, turn)
            return part, turn
        turn = self._turn(stamp, stamp.dts, before)
        dts, end = stamp.dts + turn, stamp.end + turn
        index = self._part_of(stamp, before, dts)
        if index == len(self._parts):
            self._settle()
            self._parts.append(_Part())
        if before is not None and before.part == index:
            end = max(end, before.end)
        self._places[stamp.stream] = _Place(index, dts, end, turn)
        self._note(stamp, self._parts[index], dts, turn)
        return self._parts[index], turn

    def _note(self, stamp: Stamp, part: _Part, dts: int | None, turn: int) -> None:
        if stamp.stream in self._leading:
            units = self._per_tick[stamp.stream]
            shown = None if stamp.shown is None else (stamp.shown + turn) * units
            part.update(stamp.stream, None if dts is None else dts * units, shown, (stamp.end + turn) * units)

    def _turn(self, stamp: Stamp, dts: int, before: _Place | None) -> int:
        if not self._may_jump:
            return 0
        units, most = self._per_tick[stamp.stream], _AHEAD * self._units
        if before is None:
            # A stream may begin after the counters of the others have begun again, or just before.
            high = self._parts[-1].high
            turns = [one.turn + more for one in self._places.values() for more in readings(0)]
            apart = {turn: abs((dts + turn) * units - (high or 0)) for turn in turns}
            nearest = min(apart, key=lambda turn: (apart[turn], abs(turn)), default=0)
            return nearest if nearest and apart[nearest] <= most else 0
        step = dts + before.turn - before.dts
        likely = min(readings(step), key=abs)
        if likely != step and abs(likely) * units <= most:
            return before.turn + likely - step
        return before.turn

    def _part_of(self, stamp: Stamp, before: _Place | None, dts: int) -> int:
        """Index of the part a packet belongs to; one past the last = it begins a new one."""
        units, ahead = self._per_tick[stamp.stream], _AHEAD * self._units
        newest, now = len(self._parts) - 1, dts * units
        if stamp.stream not in self._leading:
            near = [index for index, part in enumerate(self._parts) if part.is_near(now, ahead)]
            return near[-1] if near else newest
        if before is None:
            return newest
        high = self._parts[before.part].high
        ahead_of = max(high or 0, before.end * units) + ahead
        is_back, is_ahead = dts < before.dts, self._may_jump and now > ahead_of
        if not is_back and not is_ahead:
            return before.part
        joined = self._part_to_join(stamp.stream, before.part, now)
        if joined is None:
            is_jump = is_ahead or now < before.dts * units - self._units // _BACKS_A_SECOND
            joined = newest + 1 if is_jump else before.part
        return joined

    def _part_to_join(self, stream: int, own: int, now: int) -> int | None:
        """Index of another part that a stream whose clock jumped is in: other streams were there first."""
        for index in range(len(self._parts) - 1, own, -1):
            if self._parts[index].is_near(now, _AHEAD * self._units):
                return index
        others = {one.part for key, one in self._places.items() if key != stream} - {own}
        for index in sorted(others, reverse=True):
            high = self._parts[index].high
            if high is not None and abs(now - high) <= _NEAR * self._units:
                return index
        return None

    def _is_known(self) -> bool:
        """Whether the newest part has shown the first of every stream, or enough to tell."""
        part = self._parts[-1]
        if all(part.is_sure.get(one) for one in self._leading):
            return True
        enough = _LOOK_AHEAD * self._units
        return part.low is not None and part.high is not None and part.high - part.low > enough

    def _settle(self) -> None:
        """Decide where the newest part goes: nothing overlaps what came before, and nothing is apart."""
        part = self._parts[-1]
        if part.shift is not None:
            return
        ends: dict[int, int] = {}
        for one in self._parts[:-1]:
            assert one.shift is not None  # noqa: S101 - parts are settled in order
            for stream, end in one.end.items():
                ends[stream] = max(end + one.shift, ends.get(stream, end + one.shift))
        gaps = [ends[stream] - first for stream, first in part.first.items() if stream in ends]
        if gaps:
            part.shift = max(gaps)
        elif ends and part.first:
            part.shift = max(ends.values()) - min(part.first.values())
        elif part.first:
            starting = [first for stream, first in part.first.items() if stream in self._starting]
            part.shift = -min(starting or part.first.values())
        else:
            part.shift = -part.low if part.low is not None else 0
