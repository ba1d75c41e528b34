"""Sound in a container without timestamps: AVI plays it from the first picture on, without a pause."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from semvid.core.records import dataclass
from semvid.core.types import VideoInfo
from semvid.media.probe import open_packets
from semvid.media.reading.packets import PacketReader
from semvid.media.reading.window import Window

MOST_EARLY, MOST_LATE = Fraction(40, 1000), Fraction(60, 1000)
"""Seconds that sound may be ahead of its picture or behind it before people notice (EBU R 37)."""
WHY = (
    ".avi has no times for sound, which plays from the first picture on, with its lead-in and without a pause"
)
"""The reason, for notices."""
_TELLING = Fraction(2, 1000)
"""Seconds worth a notice; less is the rounding of time bases."""
_SMALLEST_GAP = Fraction(5, 1000)
"""Seconds; smaller gaps between two packets are rounding, which does not add up."""


@dataclass
class Offset:
    """How far sound is off its time if it is played without a pause.

    Attributes:
        early: Seconds ahead of its picture, at most.
        late: Seconds behind it, at most.
    """

    early: Fraction = Fraction(0)
    late: Fraction = Fraction(0)

    def stretch(self, off: Fraction) -> None:
        """Include sound that is heard this many seconds early; negative = late."""
        self.early, self.late = max(self.early, off), max(self.late, -off)

    @property
    def is_noticed(self) -> bool:
        """Whether people notice it."""
        return self.early > MOST_EARLY or self.late > MOST_LATE

    def __str__(self) -> str:
        """Describe the offset; empty = in time."""
        parts = [
            f"{float(1000 * seconds):.0f} ms {word}"
            for seconds, word in ((self.early, "early"), (self.late, "late"))
            if seconds > _TELLING
        ]
        return " and ".join(parts)


def find_offsets(info: VideoInfo, streams: Collection[int]) -> dict[int, Offset]:
    """Read through a file without decoding it, to see how far its streams of sound would be off."""
    found: dict[int, Offset] = {}
    off: dict[int, Fraction] = {}
    ends: dict[int, Fraction] = {}
    window = None if info.part is None else Window(info)
    with open_packets(info.path) as container:
        main = container.streams[info.stream_index]
        reader = PacketReader(container, main, streams, shift=info.clock_shift)
        for packet in reader.read():
            index = packet.stream.index
            if index not in streams or packet.pts is None or not packet.time_base:
                continue
            if window is not None and (not window.takes(packet) or packet.pts < 0):
                continue
            start = packet.pts * packet.time_base
            # Where the packet before does not say how long it is, nothing is known of a gap.
            gap = start - ends.get(index, start if index in found else Fraction(0))
            if index not in found or abs(gap) > max(_SMALLEST_GAP, 2 * packet.time_base):
                off[index] = off.get(index, Fraction(0)) + gap
                found.setdefault(index, Offset()).stretch(off[index])
            if packet.duration:
                ends[index] = start + packet.duration * packet.time_base
            else:
                ends.pop(index, None)
    return found
