"""Lets clients of the page have the coded packets of a stream, as they are."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Literal

from semvid.core.closing import Closing
from semvid.core.coded import TIME_BASE, CodedPacket
from semvid.streaming.base.sound import SoundChunk

ReaderState = Literal["open", "late", "over"]

_MOST_BYTES = 32 << 20
_HEAD_BYTES = 4096
"""A key frame's parameter sets and messages are shorter: the picture begins within."""
_PICTURES = {"h264": (0, 31, {5}), "hevc": (1, 63, {16, 17, 18, 19, 20, 21})}
"""Format -> shift, mask and kinds of the units of pictures before which a decoder needs nothing."""


class PacketTap:
    """Hands packets and sound on to any number of readers; it keeps nothing while there are none.

    The stream offers, readers take, each from a thread of its own; nothing ever waits.

    Args:
        coding_format: FFmpeg's name of the bitstream format.
        sound_bitrate: Bits a second of the sound, where readers code it.
    """

    def __init__(self, coding_format: str, sound_bitrate: int = 0) -> None:
        self.coding_format, self.sound_bitrate = coding_format, sound_bitrate
        self.has_sound = False
        """Chunks of sound come too; known when the first packet comes."""
        self._lock = threading.Lock()
        self._readers: list[TapReader] = []
        self._is_over = False

    @property
    def wants_keyframe(self) -> bool:
        """A reader cannot begin before the next key frame."""
        with self._lock:
            return any(one.waits_for_start for one in self._readers)

    def join(self, wake: Callable[[], None], *, most_seconds: float, is_kept: bool) -> TapReader:
        """Return a new reader; close it in the end.

        Args:
            wake: Called on the stream's thread when there is something to take.
            most_seconds: Of stream that waits at most.
            is_kept: The reader keeps what it gets: there is sound too, and it is over when it takes too
                little. Else there is none, and it misses everything up to a new beginning then.
        """
        reader = TapReader(self, wake, most_seconds, is_kept=is_kept)
        with self._lock:
            if self._is_over:
                reader.state = "over"
            else:
                self._readers.append(reader)
        return reader

    def offer(self, packet: CodedPacket) -> None:
        """Hand on a packet, in decoding order."""
        with self._lock:
            readers = list(self._readers)
        is_start = bool(readers) and begins_afresh(packet)
        for one in readers:
            one.put(packet, is_start=is_start)

    def offer_sound(self, chunk: SoundChunk) -> None:
        """Hand on a chunk of sound."""
        with self._lock:
            readers = list(self._readers)
        for one in readers:
            if one.is_kept:
                one.put(chunk, is_start=False)

    def close(self) -> None:
        """Tell all readers that the stream is over."""
        with self._lock:
            self._is_over = True
            readers, self._readers = self._readers, []
        for one in readers:
            one.end("over")

    def leave(self, reader: TapReader) -> None:
        """Forget a reader."""
        with self._lock:
            if reader in self._readers:
                self._readers.remove(reader)


class TapReader(Closing):
    """What waits for one client.

    Attributes:
        state: ``late`` = it took too little, and is over; ``over`` = the stream is.
        num_skips: How often packets were left out because it took too little.
        is_kept: See ``PacketTap.join``.
        waits_for_start: Nothing is of use before a picture that needs none before it.
    """

    def __init__(
        self, tap: PacketTap, wake: Callable[[], None], most_seconds: float, *, is_kept: bool
    ) -> None:
        self.state: ReaderState = "open"
        self.num_skips = 0
        self.waits_for_start = True
        self.is_kept = is_kept
        self._tap, self._wake = tap, wake
        self._most_ticks = round(most_seconds / TIME_BASE)
        self._lock = threading.Lock()
        self._items: deque[CodedPacket | SoundChunk] = deque()
        self._num_bytes = 0

    def put(self, item: CodedPacket | SoundChunk, *, is_start: bool) -> None:
        """Add the newest packet or sound. Only the tap calls it."""
        with self._lock:
            if self.state != "open" or (self.waits_for_start and not is_start):
                return
            self.waits_for_start = False
            self._items.append(item)
            self._num_bytes += _num_bytes(item)
            span = item.pts - self._items[0].pts
            if span > self._most_ticks or self._num_bytes > _MOST_BYTES:
                self._items.clear()
                self._num_bytes = 0
                self.num_skips += 1
                self.waits_for_start = True
                if self.is_kept:
                    self.state = "late"
        self._wake()

    def take(self) -> list[CodedPacket | SoundChunk]:
        """Return what came since the last call, oldest first."""
        with self._lock:
            items = list(self._items)
            self._items.clear()
            self._num_bytes = 0
            return items

    def end(self, state: ReaderState) -> None:
        """Nothing more will come; what waits can still be taken."""
        with self._lock:
            if self.state == "open":
                self.state = state
        self._wake()

    def close(self) -> None:
        """Take no more."""
        self._tap.leave(self)


def begins_afresh(packet: CodedPacket) -> bool:
    """Return whether a decoder can begin here at once, without a picture before it.

    With intra refresh, key frames of x264 and x265 are places where a picture is whole again some frames
    later, which browsers do not begin at.
    """
    if not packet.is_keyframe:
        return False
    shift, mask, kinds = _PICTURES.get(packet.codec, (0, 0, set[int]()))
    units = packet.data[:_HEAD_BYTES].split(b"\0\0\1")[1:]
    return not kinds or any(one[0] >> shift & mask in kinds for one in units if one)


def _num_bytes(item: CodedPacket | SoundChunk) -> int:
    return len(item.data if isinstance(item, CodedPacket) else item.samples)
