"""Open a file, find the video stream to compress, and say what the header claims."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from semvid.core.errors import InputError, InputMissingError, NoVideoStreamError
from semvid.core.records import dataclass
from semvid.core.text import reason
from semvid.core.types import StreamInfo, StreamKind, VideoInfo
from semvid.media.reach import open_local, open_local_packets, tells_all_times
from semvid.media.side_data import stream_side_data

UNKNOWN_CODEC = "unknown"
"""Placeholder where FFmpeg has no name for a stream's format."""

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}

_FOUND_BY_DECODING = (
    "pix_fmt", "sample_aspect_ratio", "color_range", "color_primaries", "color_trc", "colorspace",
    "field_order", "reorder_depth",
)  # fmt: skip
_MOST_FOUND = 64


@dataclass(frozen=True, slots=True)
class _Found:
    """What FFmpeg found out about a file by decoding some of it."""

    info: VideoInfo
    decoder: Mapping[str, Any]
    """Attributes of the main video's decoder."""


_found: dict[tuple[Path, int, int, int, int] | None, _Found] = {}
"""By identity. Parts of a video are encoded again and again, and each time its file is opened."""


def probe(path: Path | str) -> VideoInfo:
    """Read a file's header.

    Raises:
        InputMissingError: It does not exist.
        InputError: It is a folder, is empty, or is not a media file.
        NoVideoStreamError: It holds no video.
    """
    container, _, info = open_video(Path(path))
    container.close()
    return info


def open_container(path: Path, *, may_be_pipe: bool = False) -> InputContainer:
    """Open a file for demuxing; the caller closes it. Raises as ``probe`` does.

    It ``may_be_pipe`` if it will be read once, from the beginning to the end.
    """
    with _told(path):
        _check_kind(path, may_be_pipe=may_be_pipe)
        return open_local(path)


def open_packets(path: Path) -> InputContainer:
    """Do what ``open_container`` does for who wants no more than packets: see ``open_local_packets``."""
    with _told(path):
        _check_kind(path)
        return open_local_packets(path)


def open_video(path: Path) -> tuple[InputContainer, VideoStream, VideoInfo]:
    """Open a file to decode its main video; the caller closes the container. Raises as ``probe`` does.

    What FFmpeg finds out by decoding is remembered for the next time.
    """
    found = _found.get(key := _identity(path))
    container = open_container(path) if found is None else open_packets(path)
    try:
        stream = main_video_stream(container, path)
        if found is not None:
            for name, value in found.decoder.items():
                setattr(stream.codec_context, name, value)
            return container, stream, found.info
        info = describe(container, path)
    except BaseException:
        container.close()
        raise
    if info.codec == "h264" and tells_all_times(container):
        values = {name: getattr(stream.codec_context, name) for name in _FOUND_BY_DECODING}
        while len(_found) >= _MOST_FOUND:
            _found.pop(next(iter(_found)), None)
        _found[key] = _Found(info, {name: one for name, one in values.items() if one is not None})
    return container, stream, info


def _identity(path: Path) -> tuple[Path, int, int, int, int] | None:
    """Tell files and their contents apart; None = there is no such file."""
    try:
        status = path.stat()
    except OSError:
        return None
    return path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Raise what is wrong with a file that is opened as errors of the library."""
    try:
        yield
    except FileNotFoundError as error:
        raise InputMissingError(f"{path} does not exist; check the path") from error
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied") from error
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be opened as a video: {reason(error)}; "
            "it is another kind of file, or its header is damaged or cut off"
        ) from error


def _check_kind(path: Path, *, may_be_pipe: bool = False) -> None:
    status = path.stat()
    if stat.S_ISDIR(status.st_mode):
        raise InputError(f"{path} is a folder; name one video file")
    if stat.S_ISREG(status.st_mode) and status.st_size == 0:
        raise InputError(f"{path} is empty (0 bytes); copy or download it again")
    if not (may_be_pipe or stat.S_ISREG(status.st_mode) or stat.S_ISBLK(status.st_mode)):
        raise InputError(
            f"{path} is a pipe or a device, and a video may have to be read more than once; "
            "save it to a file first, or use 'semvid stream -'"
        )


def main_video_stream(container: InputContainer, path: Path | str) -> VideoStream:
    """Return the stream FFmpeg ranks best among the video streams that are not cover art.

    Raises:
        NoVideoStreamError: There is none, or no decoder for it is in this FFmpeg build.
    """
    candidates = [stream for stream in container.streams.video if not is_cover_art(stream)]
    if not candidates:
        kinds = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        raise NoVideoStreamError(f"{path} has no video stream (it has: {kinds})")
    best = cast(VideoStream | None, container.streams.best("video"))
    stream = next((one for one in candidates if best and one.index == best.index), candidates[0])
    if stream.codec_context is None:
        raise NoVideoStreamError(f"{path}: this FFmpeg build has no decoder for video stream {stream.index}")
    return stream


def is_cover_art(stream: Stream) -> bool:
    """Return whether a stream is an attached picture instead of a video."""
    return bool(stream.disposition & Disposition.attached_pic)


def describe(container: InputContainer, path: Path) -> VideoInfo:
    """Turn an open container into ``VideoInfo``."""
    stream = main_video_stream(container, path)
    codec = stream.codec_context
    duration = None
    if stream.duration and stream.time_base:
        duration = stream.duration * stream.time_base
    elif container.duration:
        duration = Fraction(container.duration, av.time_base)
    return VideoInfo(
        path=path,
        size_bytes=path.stat().st_size,
        container=container.format.name,
        stream_index=stream.index,
        codec=codec_name(stream),
        width=codec.width,
        height=codec.height,
        pixel_format=codec.pix_fmt or "unknown",
        frame_rate=stream.average_rate or stream.guessed_rate or None,
        time_base=stream.time_base or Fraction(1, 90_000),
        sample_aspect_ratio=stream.sample_aspect_ratio or None,
        duration_seconds=duration,
        num_frames_from_header=stream.frames or None,
        streams=tuple(
            StreamInfo(
                index=one.index,
                kind=cast(StreamKind, one.type),
                codec=codec_name(one),
                is_cover_art=is_cover_art(one),
            )
            for one in container.streams
        ),
        side_data=stream_side_data(container, stream.index),
    )


def decoder_of(stream: VideoStream, info: VideoInfo) -> VideoCodecContext:
    """Return the decoder that gives all there is: FFmpeg's own for VP8 and VP9 skip what is transparent."""
    library = _WITH_ALPHA.get(info.codec)
    if library is None or ("alpha_mode", "1") not in info.side_data:
        return stream.codec_context
    return cast(VideoCodecContext, av.CodecContext.create(library, "r"))


def codec_name(stream: Stream) -> str:
    """Return FFmpeg's name of the coding format, whichever decoder is used."""
    if stream.codec_context is None:
        return UNKNOWN_CODEC
    return stream.codec_context.codec.canonical_name
