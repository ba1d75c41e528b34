"""How long each coded frame is shown. Encoders make it up from the frame rate, so it is set here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import accumulate

from semvid.core.coded import CodedPacket


class DurationKeeper:
    """Gives packets the durations of their frames.

    A frame's duration is known when the next one is there, so one packet is always held back.

    Args:
        time_base: Seconds per unit of the frames' timestamps; packets in another one are left alone.
        sums_up: The container stores one duration a packet in coding order, and takes their sum for the
            length of the track (MP4 and QuickTime).
    """

    def __init__(self, time_base: Fraction, *, sums_up: bool) -> None:
        self._time_base = time_base
        self._sums_up = sums_up
        self._durations: dict[int, int] = {}
        self._held: CodedPacket | None = None
        self._first_pts: int | None = None
        self._last_pts = 0
        self._first_dts: int | None = None
        self._passed_dts: int | None = None
        """Of the last packet that was passed on."""

    def note(self, pts: int) -> None:
        """Tell when the next frame is shown."""
        if self._first_pts is None:
            self._first_pts = pts
        else:
            self._durations[self._last_pts] = pts - self._last_pts
        self._last_pts = pts

    def span(self, end_pts: int) -> int:
        """Return how long all frames are shown together, if the last one is shown until ``end_pts``."""
        return max(end_pts - (self._first_pts or 0), 0)

    def pass_on(self, packets: Iterable[CodedPacket]) -> Iterator[CodedPacket]:
        """Take coded packets; yield those whose duration is known."""
        for packet in packets:
            if self._first_dts is None:
                self._first_dts = packet.dts
            if self._held is not None:
                self._passed_dts = self._held.dts
                yield self._timed(self._held)
            self._held = packet

    def finish(self, packets: Iterable[CodedPacket], end_pts: int) -> Iterator[CodedPacket]:
        """Take what the encoder still held; yield all that remain. The last frame ends at ``end_pts``."""
        self._durations[self._last_pts] = max(end_pts - self._last_pts, 1)
        rest = [self._timed(one) for one in (*([self._held] if self._held else []), *packets)]
        if rest and self._first_dts is None:
            self._first_dts = rest[0].dts
        yield from self._summed_up(rest, end_pts) if rest and self._sums_up else rest

    def _summed_up(self, rest: list[CodedPacket], end_pts: int) -> list[CodedPacket]:
        """Have the last frame shown as long as it should where durations are steps of decoding times.

        Frames before it are shown until the next one, whatever their duration. So decoding times may move,
        as long as they rise and no frame is shown before it is decoded.
        """
        shown = [one.pts for one in rest]
        if (
            any(one.time_base != self._time_base for one in rest)
            or self._last_pts not in shown
            or self._first_dts is None
        ):
            return rest
        *others, last = rest
        place = shown.index(self._last_pts)
        if place == len(rest) - 1:
            wanted = self._first_dts + self.span(self._last_pts)
            before = others[-1].dts if others else self._passed_dts
            if before is None or before < wanted <= self._last_pts:
                last = replace(last, dts=wanted)
            return [*others, last]
        if rest[place + 1].dts - rest[place].dts != rest[place].duration:
            *others, last = self._spread(rest)
        return [*others, replace(last, duration=max(self.span(end_pts) - (last.dts - self._first_dts), 1))]

    def _spread(self, rest: list[CodedPacket]) -> list[CodedPacket]:
        """Decode every packet as long after the one before as that one's frame is shown, if that can be.

        It cannot where some would have to be before what is written already.
        """
        steps = [0, *accumulate(one.duration for one in rest[:-1])]
        start = min(one.pts - step for one, step in zip(rest, steps, strict=True))
        if self._passed_dts is None:
            self._first_dts = start
        elif start <= self._passed_dts:
            return rest
        return [replace(one, dts=start + step) for one, step in zip(rest, steps, strict=True)]

    def _timed(self, packet: CodedPacket) -> CodedPacket:
        if packet.time_base != self._time_base:
            return packet
        return replace(packet, duration=self._durations.pop(packet.pts, packet.duration))
