"""Videos as scores need them: what their samples mean, and with frames of one kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.codec.codec import find_best_pix_fmt_of_list
from av.video.reformatter import ColorRange

from semvid.core.conversion import UNTOLD, Colours
from semvid.core.records import dataclass
from semvid.core.types import Frame, VideoInfo
from semvid.media.colour import matrix_of, range_of
from semvid.media.fields import says_fields
from semvid.media.names import ffmpeg_name
from semvid.media.probe import probe
from semvid.media.reading.reader import VideoReader

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream


@dataclass(frozen=True, slots=True)
class Source:
    """A video and what its samples mean."""

    info: VideoInfo
    matrix: int
    """FFmpeg's number of the YUV matrix."""
    is_full_range: bool
    is_interlaced: bool = False
    """Whether it is marked as interlaced."""

    @property
    def range_name(self) -> str:
        """FFmpeg's name of the sample range."""
        return "full" if self.is_full_range else "limited"


def describe_source(info: VideoInfo) -> Source:
    """Decode one frame to say what the samples of a video are and mean; the header may tell of later ones."""
    with VideoReader(info.path, edit=info.edit) as reader:
        first = next(one for one in reader.read() if isinstance(one, Frame)).picture
        info = replace(info, width=first.width, height=first.height, pixel_format=first.format.name)
        has_fields = says_fields(reader.stream, first) and not info.edit.has_filters
        return Source(info, matrix_of(first), range_of(first) == ColorRange.JPEG, has_fields)


def deinterlaces(reference: Source, test: Source) -> bool:
    """Tell whether the reference is deinterlaced to compare it: it is interlaced and the other is not."""
    return reference.is_interlaced and not test.is_interlaced


def unchanging(source: Source, folder: Path, done: str) -> tuple[Source, list[str], list[str]]:
    """Return a source whose frames all have the size, format and colours of the first.

    Args:
        source: It is read through once, and copied without loss if it changes or is a part of a file.
        folder: Where the copy may go.
        done: As for ``VideoReader.remarks``.

    Returns:
        The source, sentences on what changes in it, and on what is wrong with it.
    """
    path, edit = source.info.path, source.info.edit
    with VideoReader(path, edit=edit) as reader:
        for _ in reader.read():
            pass
        changes, remarks = reader.changes, reader.remarks(done)
    if not changes and edit.is_all:
        return source, [], remarks
    copy = folder / f"steady-{len(list(folder.iterdir()))}.mkv"
    with VideoReader(path, edit=edit) as reader, av.open(ffmpeg_name(copy), "w") as container:
        _copy(reader, container)
    return replace(source, info=replace(probe(copy), time_base=source.info.time_base)), changes, remarks


def _copy(reader: VideoReader, container: OutputContainer) -> None:
    stream: VideoStream | None = None
    pixel_format = ""
    for item in reader.read():
        if not isinstance(item, Frame):
            continue
        picture = item.picture
        if stream is None:
            stream = container.add_stream("ffv1", rate=reader.info.frame_rate or 25)
            stream.width, stream.height = picture.width, picture.height
            names = [one.name for one in stream.codec_context.codec.video_formats or []]
            # Formats of full range by name are others by tag.
            name = picture.format.name.replace("yuvj", "yuv")
            best, _ = find_best_pix_fmt_of_list(names, name)
            stream.pix_fmt = pixel_format = name if name in names or best is None else best.name
            stream.codec_context.color_range = range_of(picture)
            stream.codec_context.time_base = stream.time_base = reader.info.time_base
        if picture.format.name != pixel_format:
            is_full = picture.format.name.startswith("yuvj")
            same = Colours(range=ColorRange.JPEG) if is_full else UNTOLD
            picture = item.download(pixel_format, source=same, target=same)
        picture.pict_type = 0
        container.mux(stream.encode(picture))
    if stream is not None:
        container.mux(stream.encode())
