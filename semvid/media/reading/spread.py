"""Pictures spread over a video, for a look at all of it."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av import VideoFrame
from av.error import FFmpegError

from semvid.core.types import VideoInfo
from semvid.media.probe import decoder_of, open_video

_NUM_PICTURES = 60
_SHORT = Fraction(40)
"""Seconds that are decoded from beginning to end; in longer videos key frames are sought."""


def spread_pictures(info: VideoInfo) -> Iterator[VideoFrame]:
    """Yield pictures as they are coded, from all parts of a video, roughly evenly.

    Args:
        info: Of the video, edited or not.
    """
    length = info.duration_seconds
    if length is None or length <= _SHORT:
        yield from _all(info, length)
        return
    start = Fraction(0) if info.part is None else info.part.start * info.file_time_base
    shift = info.clock_shift or Fraction(0)
    container, stream, _ = open_video(info.path)
    with container:
        decoder = decoder_of(stream, info)
        for number in range(_NUM_PICTURES):
            when = start - shift + length * (2 * number + 1) / (2 * _NUM_PICTURES)
            try:
                container.seek(round(when / info.file_time_base), stream=stream)
                decoder.flush_buffers()
                pictures = (one for packet in container.demux(stream) for one in decoder.decode(packet))
                picture = next(pictures, None)
            except (FFmpegError, OSError):
                continue
            if picture is not None:
                yield picture


def _all(info: VideoInfo, length: Fraction | None) -> Iterator[VideoFrame]:
    """Yield pictures of a video that is decoded to its end."""
    step = Fraction(1, 10) if length is None else length / _NUM_PICTURES
    part, shift = info.part, round((info.clock_shift or Fraction(0)) / info.file_time_base)
    container, stream, _ = open_video(info.path)
    due: Fraction | None = None
    with container:
        decoder = decoder_of(stream, info)
        for packet in container.demux(stream):
            try:
                pictures = decoder.decode(packet)
            except FFmpegError:
                continue
            for picture in pictures:
                pts = (picture.pts or 0) + shift
                if part is not None and pts not in part:
                    continue
                if due is None or pts * info.file_time_base >= due:
                    due = pts * info.file_time_base + step
                    yield picture
