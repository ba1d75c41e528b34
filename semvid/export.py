"""Write importance maps as pictures anyone can open, in the form ``--maps`` reads back."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray
from PIL import Image

from semvid.analysis import Analyser
from semvid.config import ExportConfig
from semvid.errors import OutputError, OutputExistsError
from semvid.events import Event, Notice, Progress, Started
from semvid.io.output import check_place, publish, temporary_beside, write_whole
from semvid.io.picture import Picture, read_picture
from semvid.io.probe import reason
from semvid.io.reader import VideoReader
from semvid.saliency.map_files import PICTURE_SUFFIXES
from semvid.saliency.registry import open_source
from semvid.still import importance_of
from semvid.types import ExportResult, FloatArray, Frame

_FRAME_NAME = "{:06d}.png"
_FRAME_PATTERN = re.compile(r"\d{6}\.png")
_VIDEO_SUFFIX = ".mkv"


def export_maps(
    source: Path | str,
    output: Path | str,
    config: ExportConfig | None = None,
    *,
    on_event: Callable[[Event], None] = lambda event: None,
) -> ExportResult:
    """Write what matters in a picture or a video: 8-bit grey, white = important, of the upright size.

    Args:
        source: A picture or a video.
        output: ``.png`` for a picture; for a video ``.mkv`` (lossless FFV1 with the video's timestamps) or
            a folder, one PNG a frame.
        config: Options; None = defaults.
        on_event: Called with ``Started``, ``Notice`` and ``Progress`` of a video.

    Raises:
        SemvidError: See ``semvid.errors``. Whatever is raised, no partial output is left.
    """
    source, output, config = Path(source), Path(output), config or ExportConfig()
    if source.suffix.lower() in PICTURE_SUFFIXES:
        return _export_picture(source, output, config)
    with VideoReader(source, export_vectors=config.temporal.motion == "vectors") as reader:
        with (
            _open_sink(output, source, overwrite=config.overwrite) as writer,
            closing(open_source(config, reader.info.num_frames_from_header)) as maps,
        ):
            on_event(Started(reader.info))
            analyser = Analyser(maps, config.temporal)
            for item in reader.read():
                if isinstance(item, Frame):
                    writer.write(_grey(analyser.importance(item), item.upright_size), item)
                    on_event(
                        Progress(writer.num_frames, reader.info.num_frames_from_header, writer.bytes_written)
                    )
            for message in analyser.finish(writer.num_frames):
                on_event(Notice(message))
            if reader.damage:
                on_event(Notice(f"{source} is damaged: {reader.damage}; what could be decoded has maps"))
        return ExportResult(source, output, writer.num_frames, writer.bytes_written)


def _export_picture(source: Path, output: Path, config: ExportConfig) -> ExportResult:
    check_place(output, source, overwrite=config.overwrite)
    if output.suffix.lower() != ".png":
        raise OutputError(f"'{output.suffix or output.name}': the map of a picture is a .png; end -o in .png")
    picture: Picture = read_picture(source)
    upright = picture.upright()
    file = io.BytesIO()
    height, width = upright.shape[:2]
    Image.fromarray(_grey(importance_of(upright, config), (width, height))).save(file, "PNG")
    return ExportResult(source, output, 1, write_whole(output, file.getvalue()))


def _grey(values: FloatArray, size: tuple[int, int]) -> NDArray[np.uint8]:
    stretched = cv2.resize(values, size, interpolation=cv2.INTER_LINEAR)
    return np.rint(np.clip(stretched, 0, 1) * 255).astype(np.uint8)


class _Sink(Protocol):
    """Takes the maps of a video."""

    num_frames: int
    bytes_written: int

    def write(self, grey: NDArray[np.uint8], frame: Frame) -> None:
        """Take the next map."""


def _open_sink(output: Path, source: Path, *, overwrite: bool) -> AbstractContextManager[_Sink]:
    if output.suffix.lower() == _VIDEO_SUFFIX:
        check_place(output, source, overwrite=overwrite)
        return _video_sink(output)
    if output.suffix:
        raise OutputError(
            f"'{output.suffix}': the maps of a video go to a {_VIDEO_SUFFIX} file or a folder; change -o"
        )
    check_folder(output, overwrite=overwrite)
    return folder_sink(output)


class _VideoSink:
    """Lossless grey video. Opened by the first map, whose size it takes."""

    def __init__(self, path: Path) -> None:
        self.num_frames = self.bytes_written = 0
        self._container = av.open(str(path), "w", format="matroska")
        self._stream = self._container.add_stream("ffv1", rate=25)
        self._is_open = False

    def write(self, grey: NDArray[np.uint8], frame: Frame) -> None:
        if not self._is_open:
            codec = self._stream.codec_context
            codec.height, codec.width = grey.shape
            codec.pix_fmt, codec.thread_count = "gray", 0
            codec.time_base = self._stream.time_base = frame.picture.time_base or Fraction(1, 1000)
            self._is_open = True
        picture = av.VideoFrame.from_ndarray(grey, format="gray")
        picture.pts, picture.time_base = frame.picture.pts, frame.picture.time_base
        self._mux(picture)
        self.num_frames += 1

    def _mux(self, picture: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            self.bytes_written += packet.size
            self._container.mux(packet)

    def finish(self) -> None:
        if self._is_open:
            self._mux(None)

    def close(self) -> None:
        self._container.close()


@contextmanager
def _video_sink(output: Path) -> Iterator[_Sink]:
    temporary = temporary_beside(output)
    try:
        with closing(_VideoSink(temporary)) as sink:
            yield sink
            sink.finish()
        sink.bytes_written = publish(temporary, output)
    except (FFmpegError, OSError) as error:
        raise OutputError(f"{output} cannot be written: {reason(error)}; nothing was left behind") from error
    finally:
        temporary.unlink(missing_ok=True)


class FolderSink:
    """One PNG a frame."""

    def __init__(self, folder: Path) -> None:
        self.num_frames = self.bytes_written = 0
        self._folder = folder

    def write(self, picture: NDArray[np.uint8], frame: Frame | None = None) -> None:
        """Take the next ``(h, w)`` grey or ``(h, w, 3)`` RGB picture."""
        path = self._folder / _FRAME_NAME.format(self.num_frames)
        Image.fromarray(picture).save(path, "PNG", compress_level=3)
        self.bytes_written += path.stat().st_size
        self.num_frames += 1


@contextmanager
def folder_sink(output: Path) -> Iterator[FolderSink]:
    """Write pictures to a folder that appears under its name when it is complete."""
    parent = output.parent
    try:
        temporary = Path(tempfile.mkdtemp(prefix=f".{output.name}.", suffix=".part", dir=parent))
    except OSError as error:
        raise OutputError(f"{output} cannot be created: {error.strerror or error}") from error
    try:
        yield FolderSink(temporary)
        temporary.chmod(0o755)
        if output.exists():
            shutil.rmtree(output)
        temporary.replace(output)
    except OSError as error:
        raise OutputError(f"{output} cannot be written: {reason(error)}; nothing was left behind") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def check_folder(output: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds anything but pictures of ours."""
    if not output.parent.is_dir():
        raise OutputError(f"the folder {output.parent} does not exist; create it or choose another -o")
    if not output.exists():
        return
    if not output.is_dir():
        raise OutputError(f"{output} is a file; choose another -o for the folder")
    names = [one.name for one in output.iterdir()]
    if names and not overwrite:
        raise OutputExistsError(f"{output} is not empty; pass -y to replace it or choose another -o")
    strange = next((name for name in names if not _FRAME_PATTERN.fullmatch(name)), None)
    if strange is not None:
        raise OutputError(f"{output} holds {strange}, which is no picture of semvid's; choose another folder")
