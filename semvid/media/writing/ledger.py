"""Records what is written into a file, and checks that a player shows exactly that."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import field
from fractions import Fraction
from pathlib import Path
from typing import Any

from av import Packet
from av.container import InputContainer
from av.stream import Stream

from semvid.core.errors import OutputError
from semvid.core.records import dataclass
from semvid.core.text import counted
from semvid.media.probe import is_cover_art

_ROUNDING = Fraction(1, 1000)
"""Seconds. Matroska counts in these, whatever its demuxer says."""
_LEAD_IN = Fraction(1, 2)
"""Seconds of sound that only the decoder needs; containers without edit lists begin by as much later."""


def carries_time(stream: Stream) -> bool:
    """Return whether a stream plays, unlike attachments and covers."""
    return stream.type != "attachment" and not is_cover_art(stream)


@dataclass
class _Track:
    """The packets of one stream."""

    kind: str
    time_base: Fraction
    times: array[int] = field(default_factory=lambda: array("q"))
    """When each packet is shown, in coding order."""
    end: int | None = None
    """End of the last one; None = the packets do not say."""
    num_bytes: int = 0
    num_packets: int = 0
    num_hidden: int = 0
    """Packets that an edit list hides."""

    def add(self, packet: Packet[Any]) -> None:
        self.num_packets += 1
        self.num_bytes += packet.size
        self.num_hidden += packet.is_discard
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is None:
            return
        self.times.append(pts)
        if packet.duration:
            self.end = max(pts + packet.duration, self.end if self.end is not None else pts)

    def seconds(self) -> list[Fraction]:
        return [one * self.time_base for one in sorted(self.times)]


class Ledger:
    """Records every packet on its way into a file; reads the file back at the end.

    Args:
        output: What to call the file in messages.
        sound_slack: Seconds by which sound may be off its time, as an earlier notice said.
    """

    def __init__(self, output: Path, sound_slack: Fraction = Fraction(0)) -> None:
        self._output = output
        self._sound_slack = sound_slack
        self._tracks: dict[int, _Track] = {}

    def note(self, packet: Packet[Any]) -> None:
        """Take a packet of the output stream it names, before it is muxed: muxing changes its times."""
        stream = packet.stream
        if not carries_time(stream) or not packet.size:
            return
        if stream.index not in self._tracks:
            time_base = packet.time_base or stream.time_base or Fraction(1, 90_000)
            self._tracks[stream.index] = _Track(stream.type, time_base)
        self._tracks[stream.index].add(packet)

    def num_packets(self, index: int) -> int:
        """Return how many packets of a stream were written."""
        return self._tracks[index].num_packets

    def check(self, written: InputContainer, video: int, streams: Sequence[int]) -> None:
        """Compare a finished file, as a player sees it, with what was recorded.

        Args:
            written: The file, at its beginning; it is read to its end.
            video: Index of the output stream that holds the encoded video.
            streams: Indices of all output streams for which ``carries_time`` is true, in order.

        Raises:
            OutputError: Something is missing, or is shown at another time than was meant.
        """
        found = _read(written, len(streams))
        tracks = dict(zip(streams, found, strict=False))
        meant, shown = self._tracks[video], tracks.get(video)
        count = shown.num_packets - shown.num_hidden if shown else 0
        if shown is None or count != meant.num_packets or not shown.times:
            packets = counted(meant.num_packets, "video packet")
            raise OutputError(
                f"{self._output} was not written whole: {count} of {packets} can "
                "be read back; the disk may be full or failing"
            )
        origin = min(shown.times) * shown.time_base - min(meant.times) * meant.time_base
        if abs(origin) > _ROUNDING and not 0 < origin < _LEAD_IN:
            raise self._wrong("the video", "begins", Fraction(0), origin)
        for index, one in self._tracks.items():
            if index in tracks:
                self._compare(f"stream {index} ({one.kind})", one, tracks[index], origin)
            else:
                raise OutputError(f"{self._output} was not written whole: stream {index} is missing")

    def _compare(self, name: str, meant: _Track, shown: _Track, origin: Fraction) -> None:
        slack = meant.time_base + shown.time_base + _ROUNDING
        if meant.kind == "audio":
            slack += self._sound_slack
        if meant.kind == "subtitle":
            # Between texts some containers need empty ones.
            times = shown.seconds()
            for when in (one + origin for one in meant.seconds()):
                place = bisect_left(times, when - slack)
                if place == len(times) or times[place] > when + slack:
                    raise OutputError(
                        f"{self._output} was not written whole: {name} lacks its text at {float(when):.3f} s"
                    )
            return
        if meant.kind not in {"video", "audio"} or not meant.times or not shown.times:
            return
        if meant.num_packets == shown.num_packets:
            for a, b in zip(meant.seconds(), shown.seconds(), strict=True):
                if abs(a + origin - b) > slack:
                    raise self._wrong(name, "has a packet", a + origin, b)
        elif meant.num_bytes != shown.num_bytes:
            raise OutputError(
                f"{self._output} was not written whole: {shown.num_packets} of "
                f"{counted(meant.num_packets, 'packet')} of {name} can be read back; the disk may be full or "
                "failing"
            )
        if meant.end is not None and shown.end is not None:
            a, b = meant.end * meant.time_base + origin, shown.end * shown.time_base
            # Packets of sound may be cut short at the very end.
            if abs(a - b) > slack and (meant.kind == "video" or b < a - slack - Fraction(1, 10)):
                raise self._wrong(name, "ends", a, b)

    def _wrong(self, name: str, what: str, meant: Fraction, found: Fraction) -> OutputError:
        return OutputError(
            f"{self._output} cannot play as it should: {name} {what} at {float(found):.4f} s instead of "
            f"{float(meant):.4f} s in this container; write to .mkv or .mov"
        )


def _read(container: InputContainer, count: int) -> list[_Track]:
    """Read the tracks of a file, at most ``count``: those after are chapters and timecodes."""
    streams = [one for one in container.streams if carries_time(one)][:count]
    tracks = {one.index: _Track(one.type, one.time_base or Fraction(1, 90_000)) for one in streams}
    for packet in container.demux(streams):
        if packet.size:
            tracks[packet.stream.index].add(packet)
    for one in streams:
        # The length of a track counts, not the durations in it, which are those of coding order.
        if one.duration and one.start_time is not None and "mov" in container.format.name.split(","):
            tracks[one.index].end = one.start_time + one.duration
    return list(tracks.values())
