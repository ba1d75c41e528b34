"""A first look at a file: its streams and their first packets, before any work is done."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Any

from av import Packet
from av.audio.codeccontext import AudioCodecContext
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard

from semvid.core.records import dataclass
from semvid.core.types import VideoInfo
from semvid.media.probe import is_cover_art, open_packets

_PACKETS_EACH = 4
_MOST_PACKETS = 4000
_MOST_BYTES = 32 * 2**20


@dataclass(frozen=True)
class Cargo:
    """The streams of an open file, and their first packets."""

    info: VideoInfo
    container: InputContainer
    packets: dict[int, list[Packet[Any]]]
    """By index of the stream; the list is empty where none came soon."""
    chapter_tracks: frozenset[int]
    """Indices of QuickTime's text tracks of chapter names, which FFmpeg reads itself."""

    @cached_property
    def has_chapters(self) -> bool:
        """Whether the file is divided into chapters."""
        return bool(self.container.chapters())

    def decoded_sound(self, stream: AudioStream) -> AudioCodecContext | None:
        """Return the decoder of sound, which knows what it is like; None = nothing in its beginning tells."""
        codec = stream.codec_context

        def is_known() -> bool:
            return bool(codec.sample_rate and codec.channels and codec.format)

        for packet in () if is_known() else self.packets[stream.index]:
            with suppress(FFmpegError):
                stream.decode(packet)
        return codec if is_known() else None


@contextmanager
def look_into(info: VideoInfo) -> Generator[Cargo, None, None]:
    """Open a file a second time, and read its beginning."""
    with open_packets(info.path) as container:
        packets: dict[int, list[Packet[Any]]] = {one.index: [] for one in container.streams}
        num_chapters = len(container.chapters())
        # FFmpeg also leaves out other data, whose packets have no duration.
        left_out = [one for one in container.streams if one.type == "data" and one.discard == Discard.all]
        named = frozenset(one.index for one in left_out if num_chapters and one.frames == num_chapters)
        for one in left_out:
            one.discard = Discard.all if one.index in named else Discard.default
        # A pipe cannot be read twice.
        if info.path.is_file():
            _read_some(container, packets, info.stream_index)
        yield Cargo(info, container, packets, named)


def _read_some(container: InputContainer, packets: dict[int, list[Packet[Any]]], main: int) -> None:
    wanted = {
        one.index: 1 if is_cover_art(one) else _PACKETS_EACH
        for one in container.streams
        if one.index != main and one.type != "attachment"
    }
    if not wanted:
        return
    left = _MOST_BYTES
    try:
        for number, packet in enumerate(container.demux()):
            left -= packet.size
            found = packets[packet.stream.index]
            if packet.size and len(found) < wanted.get(packet.stream.index, 0):
                found.append(packet)
                if len(found) == wanted[packet.stream.index]:
                    del wanted[packet.stream.index]
            if not wanted or number > _MOST_PACKETS or left < 0:
                break
    except (FFmpegError, OSError):
        # Whoever reads the file in earnest tells of its damage.
        return
