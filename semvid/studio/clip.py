"""Makes a file that browsers play of an encode: the encode itself where they can, else a transcode."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from semvid.core.config import AllocationConfig, CompressConfig, MapsConfig
from semvid.core.edit import EditConfig
from semvid.core.rate import Crf
from semvid.core.records import dataclass
from semvid.media.probe import codec_name, main_video_stream, open_container
from semvid.media.writing.container_trial import add_copy
from semvid.products.compress import compress

SUFFIX_OF = {"h264": ".mp4", "hevc": ".mp4", "av1": ".mp4", "vp8": ".webm", "vp9": ".mp4"}
"""By FFmpeg's names of formats: the container in which browsers play them, if they play them at all."""
MEDIA_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
_PLAYED_PIXELS = {"yuv420p", "yuvj420p"}
_PLAYED_SOUND = {".mp4": {"aac", "mp3", "opus", "flac"}, ".webm": {"opus", "vorbis"}}
_USUAL_FRAME_SECONDS = 1 / 25
_FINE = Crf(10)
"""Of transcodes: nobody sees a difference to what is transcoded."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A file for browsers."""

    path: Path
    is_transcode: bool
    """It shows an encode that browsers do not play, by x264 so finely that nobody sees a difference."""
    coding_format: str
    """Of what it shows, by FFmpeg's name."""
    frame_seconds: float
    """From one of its frames to the next, on average."""
    has_sound: bool


def clip_of(encode: Path, output: Path, plays: Collection[str]) -> Clip:
    """Make a clip of an encode, with its sound where browsers play it; its first frame is shown at 0.

    Args:
        encode: A video file.
        output: Where the clip goes; its suffix is added. An existing file is overwritten.
        plays: Formats that the browser plays, by FFmpeg's names.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    with open_container(encode) as container:
        stream = main_video_stream(container, encode)
        coding_format, pixels = codec_name(stream), stream.codec_context.pix_fmt
    if coding_format in plays and coding_format in SUFFIX_OF and pixels in _PLAYED_PIXELS:
        path = output.with_name(output.name + SUFFIX_OF[coding_format])
        _copy(encode, path)
        return _clip(path, coding_format, is_transcode=False)
    return _clip(_transcoded(encode, output, _TRANSCODE), coding_format, is_transcode=True)


def part_of(video: Path, output: Path, start: float, seconds: float) -> Clip:
    """Make a clip of some seconds of a video, always by a transcode: it need not begin with a key frame.

    Args:
        video: The video.
        output: Where the clip goes; its suffix is added.
        start: Of its first frame, in seconds.
        seconds: Its length; shorter where the video ends.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    edit = replace(_TRANSCODE.edit, start=start, duration=seconds)
    path = _transcoded(video, output, replace(_TRANSCODE, edit=edit))
    return _clip(path, "h264", is_transcode=True)


def _transcoded(video: Path, output: Path, config: CompressConfig) -> Path:
    path, whole = output.with_name(f"{output.name}.mp4"), output.with_name(f"{output.name}-whole.mp4")
    compress(video, whole, config)
    # Its sound may begin before its picture, and the picture after 0: two clips would not be in step.
    _copy(whole, path)
    whole.unlink()
    return path


def _clip(path: Path, coding_format: str, *, is_transcode: bool) -> Clip:
    with open_container(path) as container:
        rate = main_video_stream(container, path).average_rate
        seconds = float(1 / rate) if rate else _USUAL_FRAME_SECONDS
        return Clip(path, is_transcode, coding_format, seconds, bool(container.streams.audio))


_TRANSCODE = CompressConfig(
    rate=_FINE,
    preset="veryfast",
    maps=MapsConfig(model="spectral"),
    allocation=AllocationConfig(strength=0),
    drop=frozenset({"subtitle", "data", "attachment"}),
    audio="aac:160k",
    deinterlace="bwdif",
    edit=EditConfig(filter="format=yuv420p"),
    overwrite=True,
)


def _copy(encode: Path, path: Path) -> None:
    """Copy the packets of the main picture and of the first sound, with times from 0 on."""
    with open_container(encode) as source:
        video = main_video_stream(source, encode)
        sound = [one for one in source.streams.audio if codec_name(one) in _PLAYED_SOUND[path.suffix]][:1]
        packets: list[Any] = [one for one in source.demux(video, *sound) if one.size]
        start = min(one.pts for one in packets if one.stream is video) * (video.time_base or Fraction(1))
        options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
        with av.open(str(path), "w", options=options) as target:
            copies = {one.index: add_copy(target, one) for one in (video, *sound)}
            for one in packets:
                shift = round(start / one.time_base)
                if one.stream is not video and one.pts < shift:
                    continue
                one.pts -= shift
                one.dts = None if one.dts is None else one.dts - shift
                one.stream = copies[one.stream.index]
                target.mux(one)
