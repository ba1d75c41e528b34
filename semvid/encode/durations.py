"""How long each coded frame is shown. Encoders make it up from the frame rate, so it is set here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av import Packet


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
        self._held: Packet[Any] | None = None
        self._first_pts: int | None = None
        self._last_pts = 0
        self._first_dts: int | None = None

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

    def pass_on(self, packets: Iterable[Packet[Any]]) -> Iterator[Packet[Any]]:
        """Take coded packets; yield those whose duration is known."""
        for packet in packets:
            if self._first_dts is None:
                self._first_dts = packet.dts
            if self._held is not None:
                yield self._timed(self._held)
            self._held = packet

    def finish(self, packets: Iterable[Packet[Any]], end_pts: int) -> Iterator[Packet[Any]]:
        """Take the last coded packets; yield all that remain.

        Args:
            packets: What the encoder still held.
            end_pts: When the last frame is no longer shown.
        """
        self._durations[self._last_pts] = max(end_pts - self._last_pts, 1)
        yield from self.pass_on(packets)
        if self._held is None:
            return
        last = self._timed(self._held)
        if self._sums_up and last.pts != self._last_pts and None not in {last.dts, self._first_dts}:
            # The last one coded is not the last one shown: it makes the sum right.
            assert last.dts is not None and self._first_dts is not None  # noqa: S101, PT018
            last.duration = max(self.span(end_pts) - (last.dts - self._first_dts), 1)
        yield last

    def _timed(self, packet: Packet[Any]) -> Packet[Any]:
        if packet.pts is not None and packet.time_base == self._time_base:
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
        return packet
