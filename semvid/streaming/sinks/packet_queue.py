"""A queue of packets and sound for a sink: bounded, and never without the key frame they need."""

from __future__ import annotations

from collections import deque

from semvid.core.coded import TIME_BASE, CodedPacket
from semvid.streaming.base.sound import SoundChunk

_MOST_BYTES = 128 << 20


class PacketQueue:
    """First in, first out; what is too old is dropped up to a key frame. The caller does the locking.

    Args:
        most_seconds: Maximum duration of what waits.

    Attributes:
        num_dropped: Packets that were put in and dropped; sound does not count.
        num_too_late: Those of them that came after a key frame, so that they would have been useful.
        needs_keyframe: Packets before the next key frame are of no use, and dropped.
    """

    def __init__(self, most_seconds: float) -> None:
        self.num_dropped = 0
        self.num_too_late = 0
        self._has_begun = False
        self.needs_keyframe = True
        self._most_ticks = round(most_seconds / TIME_BASE)
        self._packets: deque[CodedPacket | SoundChunk] = deque()
        self._num_bytes = 0

    def __len__(self) -> int:
        return len(self._packets)

    @property
    def fill(self) -> float:
        """How full the queue is, 0..1."""
        times = [one.dts if isinstance(one, CodedPacket) else one.pts for one in self._ends()]
        return max((times[-1] - times[0]) / self._most_ticks if times else 0, self._num_bytes / _MOST_BYTES)

    def _ends(self) -> tuple[CodedPacket | SoundChunk, ...]:
        return (self._packets[0], self._packets[-1]) if self._packets else ()

    def put_sound(self, chunk: SoundChunk) -> None:
        """Add the newest sound; before the first key frame it is dropped."""
        if not self.needs_keyframe:
            self._packets.append(chunk)
            self._num_bytes += len(chunk.samples)

    def put(self, packet: CodedPacket) -> None:
        """Add the newest packet."""
        self.needs_keyframe &= not packet.is_keyframe
        if self.needs_keyframe:
            self._count_lost()
            return
        self._has_begun = True
        self._packets.append(packet)
        self._num_bytes += len(packet.data)
        if not self._fits(packet.dts):
            self._drop()
            while self._packets and not (_is_keyframe(self._packets[0]) and self._fits(packet.dts)):
                self._drop()
            self.needs_keyframe = not self._packets

    def get(self) -> CodedPacket | SoundChunk:
        """Take the oldest packet or sound; there must be one."""
        packet = self._packets.popleft()
        self._num_bytes -= _num_bytes(packet)
        return packet

    def put_back(self, packet: CodedPacket | SoundChunk) -> None:
        """Put back what could not be written; what depends on a lost packet is dropped."""
        if _is_keyframe(packet):
            self._packets.appendleft(packet)
            self._num_bytes += _num_bytes(packet)
            return
        if isinstance(packet, CodedPacket):
            self._count_lost()
        while self._packets and not _is_keyframe(self._packets[0]):
            self._drop()
        self.needs_keyframe = not self._packets

    def clear(self) -> None:
        """Drop all."""
        while self._packets:
            self._drop()

    def _drop(self) -> None:
        if isinstance(self.get(), CodedPacket):
            self._count_lost()

    def _count_lost(self) -> None:
        self.num_dropped += 1
        self.num_too_late += self._has_begun

    def _fits(self, newest: int) -> bool:
        oldest = self._packets[0]
        since = oldest.dts if isinstance(oldest, CodedPacket) else oldest.pts
        return newest - since <= self._most_ticks and self._num_bytes <= _MOST_BYTES


def _num_bytes(one: CodedPacket | SoundChunk) -> int:
    return len(one.data if isinstance(one, CodedPacket) else one.samples)


def _is_keyframe(one: CodedPacket | SoundChunk) -> bool:
    return isinstance(one, CodedPacket) and one.is_keyframe
