"""Makes a file that browsers play of an encode: the encode itself where they can, else a transcode."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
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

SUFFIX_OF = {"h264": ".mp4", "hevc": ".mp4", "av1": ".mp4", "vp8": ".webm", "vp9": ".webm"}
"""By FFmpeg's names of formats: the container in which browsers play them, if they play them at all."""
MEDIA_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
_PLAYED_PIXELS = {"yuv420p", "yuvj420p"}
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


def clip_of(encode: Path, output: Path, plays: Collection[str]) -> Clip:
    """Make a clip of the picture of an encode; its first frame is shown at 0.

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
        return Clip(path, False, coding_format)
    path = output.with_name(f"{output.name}.mp4")
    compress(encode, path, _TRANSCODE)
    return Clip(path, True, coding_format)


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
    path = output.with_name(f"{output.name}.mp4")
    edit = replace(_TRANSCODE.edit, start=start, duration=seconds)
    compress(video, path, replace(_TRANSCODE, edit=edit))
    return Clip(path, True, "h264")


_TRANSCODE = CompressConfig(
    rate=_FINE,
    preset="veryfast",
    maps=MapsConfig(model="spectral"),
    allocation=AllocationConfig(strength=0),
    drop=frozenset({"audio", "subtitle", "data", "attachment"}),
    deinterlace="bwdif",
    edit=EditConfig(filter="format=yuv420p"),
    overwrite=True,
)


def _copy(encode: Path, path: Path) -> None:
    """Copy the packets of the main picture, with times from 0 on."""
    with open_container(encode) as source:
        video = main_video_stream(source, encode)
        packets: list[Any] = [one for one in source.demux(video) if one.size]
        start = min(one.pts for one in packets)
        options = {"movflags": "+faststart"} if path.suffix == ".mp4" else {}
        with av.open(str(path), "w", options=options) as target:
            copy = add_copy(target, video)
            for one in packets:
                one.pts -= start
                one.dts = None if one.dts is None else one.dts - start
                one.stream = copy
                target.mux(one)
