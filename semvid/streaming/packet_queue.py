"""Packets that wait for a sink: never too many, and never without the key frame they need."""

from __future__ import annotations

from collections import deque

from semvid.streaming.types import TIME_BASE, CodedPacket

_MOST_BYTES = 128 << 20


class PacketQueue:
    """First in, first out; what is too old is dropped up to a key frame. The caller does the locking.

    Args:
        most_seconds: Of stream that waits at most.

    Attributes:
        num_dropped: Packets put in that will not come out.
        needs_keyframe: Packets before the next key frame are of no use, and dropped.
    """

    def __init__(self, most_seconds: float) -> None:
        self.num_dropped = 0
        self.needs_keyframe = True
        self._most_ticks = round(most_seconds / TIME_BASE)
        self._packets: deque[CodedPacket] = deque()
        self._num_bytes = 0

    def __len__(self) -> int:
        return len(self._packets)

    def put(self, packet: CodedPacket) -> None:
        """Add the newest packet."""
        self.needs_keyframe &= not packet.is_keyframe
        if self.needs_keyframe:
            self.num_dropped += 1
            return
        self._packets.append(packet)
        self._num_bytes += len(packet.data)
        if not self._fits(packet.dts):
            self._drop()
            while self._packets and not (self._packets[0].is_keyframe and self._fits(packet.dts)):
                self._drop()
            self.needs_keyframe = not self._packets

    def get(self) -> CodedPacket:
        """Take the oldest packet; there must be one."""
        packet = self._packets.popleft()
        self._num_bytes -= len(packet.data)
        return packet

    def put_back(self, packet: CodedPacket) -> None:
        """Return what ``get`` gave and could not be written; what needs a lost packet is dropped."""
        if packet.is_keyframe:
            self._packets.appendleft(packet)
            self._num_bytes += len(packet.data)
            return
        self.num_dropped += 1
        while self._packets and not self._packets[0].is_keyframe:
            self._drop()
        self.needs_keyframe = not self._packets

    def clear(self) -> None:
        """Drop all."""
        while self._packets:
            self._drop()

    def _drop(self) -> None:
        self.get()
        self.num_dropped += 1

    def _fits(self, newest: int) -> bool:
        return newest - self._packets[0].dts <= self._most_ticks and self._num_bytes <= _MOST_BYTES
