"""Decodes an open source until it ends or breaks off, and counts what is damaged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
from av.error import FFmpegError

from semvid.media.reading.cut_off import is_cut_off
from semvid.media.reading.damage import Damage
from semvid.streaming.capture.opening import OpenSource

if TYPE_CHECKING:
    from av import AudioFrame, Packet, VideoFrame

_JUMP_SECONDS = 10
"""Seconds. If a file's clock jumps by more, the duration in its header is wrong."""


class SourceDecoder:
    """Decodes one source, once.

    Args:
        source: Open.
        damage: Collects what is wrong with the source.
        is_live: It is joined in the middle, where the first frames cannot be decoded, and has no duration.
        take_sound: Receives the sound as it comes.
        stopped: Set from another thread to end decoding.

    Attributes:
        error: Why the source broke off; None = it did not.
    """

    def __init__(
        self,
        source: OpenSource,
        damage: Damage,
        *,
        is_live: bool,
        take_sound: Callable[[Sequence[AudioFrame]], None],
        stopped: threading.Event,
    ) -> None:
        self.error: Exception | None = None
        self._source, self._damage = source, damage
        self._is_live, self._is_joined = is_live, not is_live
        self._take_sound, self._stopped = take_sound, stopped
        self._num_packets = 0
        self._end = self._last = Fraction(0)
        self._has_jumped = False

    def pictures(self) -> Generator[VideoFrame, None, None]:
        """Decode until the source ends, breaks off (``error`` then says why), or is to be stopped."""
        source = self._source
        packets = source.container.demux(*source.streams)
        while not self._stopped.is_set():
            try:
                packet = next(packets)
            except StopIteration:
                self._check_length()
                return
            except (FFmpegError, OSError) as error:
                self._damage.breaks_off |= not self._is_live
                self.error = error
                return
            self._follow(packet)
            try:
                if source.audio is not None and packet.stream.type == "audio":
                    self._take_sound(source.audio.decode(packet))
                    continue
                pictures = source.video.decode(packet)
            except FFmpegError:
                # Packets get lost; the decoder goes on at the next key frame.
                self._damage.num_bad_packets += self._is_joined and packet.size > 0
                continue
            for picture in pictures:
                self._is_joined |= not picture.is_corrupt
                self._damage.num_corrupt_frames += self._is_joined and bool(picture.is_corrupt)
                yield picture

    def _follow(self, packet: Packet[Any]) -> None:
        self._num_packets += packet.stream.type == "video" and packet.size > 0
        if packet.dts is None or not packet.time_base:
            return
        now = packet.dts * packet.time_base
        self._has_jumped |= self._num_packets > 1 and abs(now - self._last) > _JUMP_SECONDS
        self._last, self._end = now, max(self._end, now + (packet.duration or 0) * packet.time_base)

    def _check_length(self) -> None:
        if self._is_live:
            return
        container, claimed_end = self._source.container, None
        if container.duration and not self._has_jumped:
            claimed_end = Fraction((container.start_time or 0) + container.duration, av.time_base)
        self._damage.compare_length(self._num_packets, self._source.video.frames, self._end, claimed_end)
        path = Path(container.name)
        self._damage.is_cut_off |= path.is_file() and is_cut_off(path, container.format.name)
