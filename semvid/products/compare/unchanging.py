"""Prepares videos that change their size or format for FFmpeg's command, which cannot measure them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.codec.codec import find_best_pix_fmt_of_list
from av.video.reformatter import ColorRange

from semvid.core.conversion import UNTOLD, Colours
from semvid.engine.stages import only_frames
from semvid.media.colour import range_of
from semvid.media.names import ffmpeg_name
from semvid.media.probe import probe
from semvid.media.reading.reader import VideoReader
from semvid.products.compare.filters import Source

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream


def unchanging(source: Source, folder: Path, done: str) -> tuple[Source, list[str], list[str]]:
    """Return a source whose frames all have the size, format and colours of the first.

    Args:
        source: It is read through once, and copied without loss if it changes.
        folder: Where the copy may go.
        done: As for ``VideoReader.remarks``.

    Returns:
        The source, sentences on what changes in it, and on what is wrong with it.
    """
    path = source.info.path
    with VideoReader(path) as reader:
        for _ in reader.read():
            pass
        changes, remarks = reader.changes, reader.remarks(done)
    if not changes:
        return source, [], remarks
    copy = folder / f"steady-{len(list(folder.iterdir()))}.mkv"
    with VideoReader(path) as reader, av.open(ffmpeg_name(copy), "w") as container:
        _copy(reader, container)
    return replace(source, info=replace(probe(copy), time_base=source.info.time_base)), changes, remarks


def _copy(reader: VideoReader, container: OutputContainer) -> None:
    stream: VideoStream | None = None
    pixel_format = ""
    for item in only_frames(reader.read()):
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
