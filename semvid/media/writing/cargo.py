"""A first look at a file: its streams and their first packets, before any work is done."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Stream

from semvid.core.types import VideoInfo
from semvid.media.probe import is_cover_art, open_container

_PACKETS_EACH = 4
_MOST_PACKETS = 4000
_MOST_BYTES = 32 * 2**20


@dataclass(frozen=True, slots=True)
class SoundFormat:
    """Properties of decoded sound."""

    rate: int
    """Samples per second."""
    layout: str
    """FFmpeg's name of the channel layout."""
    num_channels: int
    sample_format: str
    is_lossless: bool
    """Whether the sound was coded without loss."""


@dataclass(frozen=True)
class Cargo:
    """The streams of an open file, and their first packets."""

    info: VideoInfo
    container: InputContainer
    packets: dict[int, list[Packet[Any]]]
    """By index of the stream; the list is empty where none came soon."""
    chapter_tracks: frozenset[int]

    @cached_property
    def has_chapters(self) -> bool:
        """Whether the file is divided into chapters."""
        return bool(self.container.chapters())

    def is_chapter_track(self, stream: Stream) -> bool:
        """Return whether a stream is QuickTime's text track of chapter names, which FFmpeg reads itself."""
        return stream.index in self.chapter_tracks

    def cover(self, stream: Stream) -> bytes:
        """Return the picture of a cover."""
        return b"".join(bytes(one) for one in self.packets[stream.index][:1])

    def sound_format(self, stream: AudioStream) -> SoundFormat | None:
        """Return what sound is like, decoding its beginning if the header does not say; None = unreadable."""
        codec = stream.codec_context
        if not (codec.sample_rate and codec.channels and codec.format):
            self._decode(stream)
        if not (codec.sample_rate and codec.channels and codec.format):
            return None
        return SoundFormat(
            codec.sample_rate,
            codec.layout.name,
            codec.channels,
            codec.format.name,
            is_lossless=codec.codec.lossless,
        )

    def _decode(self, stream: AudioStream) -> None:
        for packet in self.packets[stream.index]:
            try:
                stream.decode(packet)
            except FFmpegError:
                continue


@contextmanager
def look_into(info: VideoInfo) -> Generator[Cargo, None, None]:
    """Open a file a second time, and read its beginning."""
    with open_container(info.path) as container:
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
