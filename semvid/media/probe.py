"""Open a file, find the video stream to compress, and say what the header claims."""

from __future__ import annotations

import stat
from collections.abc import Collection
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition, Stream
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

from semvid.core.errors import InputError, InputMissingError, NoVideoStreamError
from semvid.core.text import reason
from semvid.core.types import StreamInfo, StreamKind, VideoInfo
from semvid.media.reach import open_local
from semvid.media.side_data import stream_side_data

UNKNOWN_CODEC = "unknown"
"""Placeholder where FFmpeg has no name for a stream's format."""

_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


def probe(path: Path | str) -> VideoInfo:
    """Read a file's header.

    Raises:
        InputMissingError: It does not exist.
        InputError: It is a folder, is empty, or is not a media file.
        NoVideoStreamError: It holds no video.
    """
    path = Path(path)
    with open_container(path) as container:
        return describe(container, path)


def open_container(path: Path, *, may_be_pipe: bool = False) -> InputContainer:
    """Open a file for demuxing; the caller closes it. Raises as ``probe`` does.

    It ``may_be_pipe`` if it will be read once, from the beginning to the end.
    """
    try:
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
        return open_local(path)
    except FileNotFoundError as error:
        raise InputMissingError(f"{path} does not exist; check the path") from error
    except PermissionError as error:
        raise InputError(f"{path} cannot be read: permission denied") from error
    except (FFmpegError, OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be opened as a video: {reason(error)}; "
            "it is another kind of file, or its header is damaged or cut off"
        ) from error


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


def measure_streams(info: VideoInfo, drop: Collection[str]) -> tuple[int, int, int]:
    """Read a file through without decoding it; streams of the kinds to ``drop`` do not count.

    Returns:
        Number of video packets, bytes of the other streams that people watch, hear or read, and packets of
        all of them together.
    """
    kinds = {"video", "audio", "subtitle"} - set(drop)
    others = {one.index for one in info.streams if one.kind in kinds and one.codec != UNKNOWN_CODEC}
    num_frames = num_packets = num_bytes = 0
    with open_container(info.path) as container:
        for packet in container.demux():
            if not packet.size:
                continue
            if packet.stream.index == info.stream_index:
                num_frames += 1
            elif packet.stream.index in others:
                num_packets += 1
                num_bytes += packet.size
    return max(num_frames, 1), num_bytes, num_frames + num_packets


def codec_name(stream: Stream) -> str:
    """Return FFmpeg's name of the coding format, whichever decoder is used."""
    if stream.codec_context is None:
        return UNKNOWN_CODEC
    return stream.codec_context.codec.canonical_name
