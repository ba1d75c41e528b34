"""Makes a video of a folder of numbered pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import OutputContainer
from av.error import FFmpegError
from av.video.reformatter import ColorRange

from semvid.core.conversion import Colours, converted
from semvid.core.errors import InputError
from semvid.core.text import reason
from semvid.media.names import ffmpeg_name
from semvid.media.numbered import numbered
from semvid.media.stills.picture_file import open_picture

_BT709 = 1
"""FFmpeg's number of the matrix."""


def pack_pictures(pictures: list[Path], output: Path, frame_rate: Fraction) -> None:
    """Put pictures into one Matroska file, in the order of the numbers in their names.

    JPEGs are copied as they are. PNGs become 8-bit 4:2:0 of BT.709, as videos for players are, and lose
    nothing else.

    Args:
        pictures: Of one kind and size, at least one.
        output: Where to write.
        frame_rate: Frames per second.

    Raises:
        InputError: One is of another kind or size than the first, or cannot be read.
    """
    ordered, twins = numbered(pictures)
    if twins is not None:
        raise InputError(
            f"{twins[0]} and {twins[1].name}: which of them comes first cannot be told; rename or remove one"
        )
    _check_alike(ordered)
    pack = _convert if ordered[0].suffix.lower() == ".png" else _copy
    try:
        with av.open(ffmpeg_name(output), "w") as writer:
            pack(ordered, writer, frame_rate)
    except FFmpegError as error:
        raise InputError(f"the pictures in {ordered[0].parent} cannot be read: {reason(error)}") from error


def _check_alike(pictures: list[Path]) -> None:
    kinds = []
    for path in pictures:
        with open_picture(path) as image:
            kinds.append((image.format, image.size))
        if kinds[-1] != kinds[0]:
            (mine, (width, height)), (first, (first_width, first_height)) = kinds[-1], kinds[0]
            raise InputError(
                f"{path} is a {mine} of {width}x{height}, and {pictures[0].name} a {first} of "
                f"{first_width}x{first_height}; a clip has pictures of one kind and size"
            )


def _copy(pictures: list[Path], writer: OutputContainer, frame_rate: Fraction) -> None:
    stream: av.VideoStream | None = None
    for index, path in enumerate(pictures):
        with av.open(ffmpeg_name(path), format="jpeg_pipe") as reader:
            given = reader.streams.video[0]
            if stream is None:
                stream = writer.add_stream_from_template(given)
                stream.time_base = 1 / frame_rate
            packet = next(one for one in reader.demux(given) if one.size)
            packet.stream, packet.time_base = stream, 1 / frame_rate
            packet.pts = packet.dts = index
            packet.duration = 1
            writer.mux(packet)


def _convert(pictures: list[Path], writer: OutputContainer, frame_rate: Fraction) -> None:
    stream: av.VideoStream | None = None
    colours = Colours(_BT709, ColorRange.MPEG)
    for index, path in enumerate(pictures):
        with av.open(ffmpeg_name(path), format="png_pipe") as reader:
            picture = converted(next(reader.decode(video=0)), "yuv420p", target=colours)
        if stream is None:
            stream = writer.add_stream("ffv1", rate=frame_rate)
            stream.width, stream.height, stream.pix_fmt = picture.width, picture.height, "yuv420p"
            stream.codec_context.time_base = stream.time_base = 1 / frame_rate
            stream.codec_context.color_range, stream.codec_context.colorspace = ColorRange.MPEG, _BT709
        picture.pts, picture.time_base = index, 1 / frame_rate
        writer.mux(stream.encode(picture))
    if stream is not None:
        writer.mux(stream.encode())
