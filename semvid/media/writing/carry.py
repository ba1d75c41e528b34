"""Decides what to do with the streams besides the main video, before any work is done."""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import cast

from av.audio.stream import AudioStream
from av.stream import AttachmentStream, Disposition, Stream

from semvid.core.config import CompressConfig
from semvid.core.errors import OutputError
from semvid.core.records import dataclass
from semvid.core.text import Loss, counted
from semvid.media.probe import UNKNOWN_CODEC, is_cover_art
from semvid.media.probe import codec_name as coded_as
from semvid.media.writing.cargo import Cargo
from semvid.media.writing.container_trial import Fit, try_stream
from semvid.media.writing.containers import CONTAINERS, COVER_CODECS, HABITS
from semvid.media.writing.even_sound import WHY, Offset, find_offsets
from semvid.media.writing.sound import SoundTarget, canonical_name, choose_target, holds_sound
from semvid.media.writing.tags import has_keys


class Way(Enum):
    """What to do with a stream."""

    COPY = "copy"
    ATTACH = "attach"
    """An attachment, or a cover that is one in the new container."""
    CONVERT = "convert"
    LEAVE = "leave"
    REWRITE = "rewrite"
    """FFmpeg writes it again from chapters or tags."""


@dataclass(frozen=True, slots=True)
class Passage:
    """What to do with one stream, and why. It outlives the stream, whose container is closed again."""

    label: str
    """The stream's name in messages."""
    way: Way
    why: str = ""
    """The notice about it, after its name; empty = none."""
    sound: SoundTarget | None = None
    text: str = ""
    """FFmpeg's encoder of the subtitles it is converted to."""
    cover: bytes = b""
    attached_bytes: int = 0
    """Of an attachment."""
    is_relayed: bool = False
    """See ``Fit.RELAYED``."""

    @property
    def cost(self) -> int:
        """Of the change, to compare containers."""
        if self.way is Way.LEAVE:
            return 100
        is_lossy = self.sound is not None and self.sound.bitrate is not None
        return (10 if is_lossy else 1) if self.way is Way.CONVERT else 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What to do with all streams besides the main video."""

    suffix: str
    passages: dict[int, Passage]
    """By index of the stream; those dropped are missing."""
    has_keys: bool = False
    """Tags are written as a list of keys, which has room for those of phones and none for a cover."""

    @property
    def read_streams(self) -> list[int]:
        """Indices of the streams whose packets are needed."""
        return [index for index, one in self.passages.items() if one.way in {Way.COPY, Way.CONVERT}]

    @property
    def is_relayed(self) -> bool:
        """Whether the container has to be opened through a relay."""
        return any(one.is_relayed for one in self.passages.values())

    @property
    def cost(self) -> int:
        """How much is lost: most if a stream is left out, least if only its format changes."""
        return sum(one.cost for one in self.passages.values())

    @property
    def notices(self) -> list[str]:
        """A sentence for each stream that is not as it was."""
        return [
            (Loss if one.way is Way.LEAVE else str)(f"{one.label} {one.why}")
            for one in self.passages.values()
            if one.why
        ]


def label(stream: Stream) -> str:
    """Name a stream in messages."""
    known = stream.name if stream.type == "data" and stream.name else coded_as(stream)
    return f"stream {stream.index} ({stream.type}{'' if known == UNKNOWN_CODEC else f', {known}'})"


def plan(cargo: Cargo, suffix: str, config: CompressConfig) -> Manifest:
    """Decide about every stream besides the video that is compressed, for an output of this suffix.

    Raises:
        OutputError: The container cannot hold a stream that people watch, hear or read.
    """
    planner = _Planner(cargo, suffix, config)
    streams = [
        one
        for one in cargo.container.streams
        if one.index != cargo.info.stream_index and one.type not in config.drop
    ]
    passages = {one.index: planner.passage(one) for one in streams}
    has_cover = any(is_cover_art(one) and passages[one.index].way is Way.COPY for one in streams)
    asked = config.audio not in {"auto", "copy"}
    for stream in streams:
        one = passages[stream.index]
        is_changed = one.why and one.way is not Way.COPY
        if config.strict and is_changed and not (asked and one.sound is not None):
            raise OutputError(
                f"{one.label} {one.why}; `strict` does not allow that: choose another container "
                f"for `output`, or leave it out with `drop={stream.type}`"
            )
    return Manifest(suffix, passages, has_keys(cargo.container.metadata) and not has_cover)


def _left_out(stream: Stream, why: str) -> Passage:
    return Passage(label(stream), Way.LEAVE, f"is left out: {why}")


class _Planner:
    def __init__(self, cargo: Cargo, suffix: str, config: CompressConfig) -> None:
        self._cargo, self._suffix, self._config = cargo, suffix, config
        self._muxer = CONTAINERS[suffix]

    def passage(self, stream: Stream) -> Passage:
        if stream.type == "attachment":
            if self._muxer == "matroska":
                size = len(cast(AttachmentStream, stream).data or b"")
                return Passage(label(stream), Way.ATTACH, attached_bytes=size)
            return _left_out(stream, f"{self._suffix} holds no attachments")
        if is_cover_art(stream):
            return self._cover(stream)
        if stream.type == "data":
            return self._data(stream)
        if stream.codec_context is None:
            return _left_out(stream, "FFmpeg does not know its format")
        return self._sound(cast(AudioStream, stream)) if stream.type == "audio" else self._other(stream)

    def _other(self, stream: Stream) -> Passage:
        fit = self._fit(stream)
        if fit is not Fit.NO:
            return Passage(label(stream), Way.COPY, is_relayed=fit is Fit.RELAYED)
        text = HABITS[self._muxer].text
        if stream.type == "subtitle" and stream.codec_context.codec.text_sub and text:
            name = {"mov_text": "timed text", "webvtt": "WebVTT", "subrip": "SubRip"}[text]
            why = f"becomes {name}, with plain styling at most: {self._suffix} cannot hold it as it is"
            return Passage(label(stream), Way.CONVERT, why, text=text)
        raise self._refusal(stream)

    def _cover(self, stream: Stream) -> Passage:
        if stream.disposition & Disposition.timed_thumbnails:
            return _left_out(stream, "pictures of chapters are not kept")
        packets = self._cargo.packets[stream.index]
        if coded_as(stream) in COVER_CODECS and packets:
            if self._muxer == "mp4":
                return Passage(label(stream), Way.COPY)
            if self._muxer == "matroska":
                cover = bytes(packets[0])
                return Passage(label(stream), Way.ATTACH, cover=cover, attached_bytes=len(cover))
        return _left_out(stream, f"{self._suffix} cannot hold this cover picture")

    def _data(self, stream: Stream) -> Passage:
        if "timecode" in stream.metadata or stream.index in self._cargo.chapter_tracks:
            return Passage(label(stream), Way.REWRITE)
        if self._muxer in {"mp4", "mov"} and self._fit(stream) is Fit.DIRECT:
            return Passage(label(stream), Way.COPY)
        return _left_out(stream, f"{self._suffix} cannot hold data of this kind")

    def _sound(self, stream: AudioStream) -> Passage:
        codec, bitrate = self._config.sound_codec
        wanted = codec if codec not in {"auto", "copy"} else None
        source = self._cargo.decoded_sound(stream)
        if source is None:
            return _left_out(stream, "nothing in its beginning tells its sample rate and channels")
        fit = self._fit(stream)
        is_as_wanted = wanted is None or (bitrate is None and canonical_name(wanted) == coded_as(stream))
        offset = self._offsets.get(stream.index, Offset())
        if fit is not Fit.NO and is_as_wanted and not offset.is_noticed:
            why = f"is heard {offset}: {WHY}; write to .mov or .mkv" if str(offset) else ""
            return Passage(label(stream), Way.COPY, why, is_relayed=fit is Fit.RELAYED)
        is_uneven = fit is not Fit.NO and is_as_wanted
        if codec == "copy":
            raise self._uneven(stream, offset) if is_uneven else self._refusal(stream)
        habits = HABITS[self._muxer]
        wanted = wanted or (habits.lossless_sound if source.codec.lossless else habits.sound)
        target = choose_target(wanted, source, bitrate)
        if target is None or not holds_sound(self._muxer, target):
            raise OutputError(
                f"{label(stream)} cannot become {wanted} in {self._suffix}; choose another `audio` codec "
                "or container, or leave it out with `drop=audio`"
            )
        why = f"becomes {target}"
        if target.num_channels != source.channels:
            why += f", {counted(target.num_channels, 'channel')} instead of {source.channels}"
        if is_uneven:
            why += f": it would be heard {offset}, for {WHY}"
        elif codec == "auto":
            why += f": {self._suffix} cannot hold it as it is"
        return Passage(label(stream), Way.CONVERT, why, sound=target)

    @cached_property
    def _offsets(self) -> dict[int, Offset]:
        """How far sound would be from its picture where it can only go evenly."""
        is_dropped = "audio" in self._config.drop
        if self._muxer != "avi" or is_dropped:
            return {}
        return find_offsets(self._cargo.info, [one.index for one in self._cargo.container.streams.audio])

    def _uneven(self, stream: Stream, offset: Offset) -> OutputError:
        return OutputError(
            f"{label(stream)} would be heard {offset}: {WHY}; end `output` in .mov or .mkv, or give "
            "`audio=auto`, which fills it with silence"
        )

    def _fit(self, stream: Stream) -> Fit:
        fit = try_stream(self._muxer, stream, self._cargo.packets[stream.index])
        # Chapters matter to more people than bit-exact sound.
        return Fit.NO if fit is Fit.RELAYED and self._cargo.has_chapters else fit

    def _refusal(self, stream: Stream) -> OutputError:
        packets = self._cargo.packets[stream.index]
        others = [
            suffix
            for suffix, muxer in CONTAINERS.items()
            if suffix != ".avi" and try_stream(muxer, stream, packets) is not Fit.NO
        ]
        choice = f"end `output` in {' or '.join(others)}" if others else "no container semvid writes can"
        return OutputError(
            f"{self._suffix} cannot hold {label(stream)}; {choice}, or leave it out with `drop={stream.type}`"
        )
