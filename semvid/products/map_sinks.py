"""Where the maps of a video can go: one sink for each kind of file."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from array import array
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TextIO, cast

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.registry import X265
from semvid.core.config import AllocationConfig, MapFormat
from semvid.core.errors import OutputError
from semvid.core.types import FloatArray, Frame, VideoInfo, from_grey, to_grey
from semvid.importance.files.offset_text import BLOCK_SIZE, write_kvazaar, write_svtav1
from semvid.importance.files.sidecar import SidecarHeader, SidecarWriter, TimedMap
from semvid.media.names import ffmpeg_name
from semvid.media.probe import reason
from semvid.media.writing.claim import Claim
from semvid.media.writing.folder import PictureFolder, picture_folder

_LIMITED_BLACK, _LIMITED_RANGE = 16, 219
_COPIED_AT_ONCE = 2**20


class MapSink(Protocol):
    """Takes the maps of a video. See ``MapRecorder``."""

    wants_settled: bool

    @property
    def num_frames(self) -> int:
        """Maps so far."""

    @property
    def bytes_written(self) -> int:
        """Bytes so far, or nearly."""

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        """Take the ``(h, w)`` upright map of the next frame; return it as it was kept."""


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What sinks want to know of a video."""

    info: VideoInfo
    made_by: Mapping[str, Any]
    """What makes the maps, and with what settings; JSON."""
    allocation: AllocationConfig
    """How importance becomes offsets."""


def open_sink(
    kind: MapFormat, output: Path, context: SinkContext, *, overwrite: bool
) -> AbstractContextManager[MapSink]:
    """Return a context manager: when it ends well the output has its name, otherwise nothing is left."""
    if kind == "png":
        return _folder_sink(output, overwrite)
    return _file_sink(output, overwrite, lambda temporary: _SINKS[kind](temporary, context))


@contextmanager
def _folder_sink(output: Path, overwrite: bool) -> Iterator[MapSink]:
    with picture_folder(output, overwrite=overwrite) as folder:
        yield _PictureSink(folder)


class _FinishedSink(MapSink, Protocol):
    def finish(self) -> None: ...
    def close(self) -> None: ...


@contextmanager
def _file_sink(output: Path, overwrite: bool, make: Callable[[Path], _FinishedSink]) -> Iterator[MapSink]:
    with Claim(output, overwrite=overwrite) as claim:
        temporary = claim.temporary()
        try:
            with closing(make(temporary)) as sink:
                yield sink
                sink.finish()
            claim.publish(temporary)
        except (FFmpegError, OSError) as error:
            if isinstance(error, OutputError):
                raise
            raise OutputError(
                f"{output} cannot be written: {reason(error)}; nothing was left behind"
            ) from error


def full_size(importance: FloatArray, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Stretch a map to ``(width, height)`` pixels, 8-bit grey."""
    return to_grey(cast(FloatArray, cv2.resize(importance, size, interpolation=cv2.INTER_LINEAR)))


class _PictureSink:
    wants_settled = False

    def __init__(self, folder: PictureFolder) -> None:
        self._folder = folder

    @property
    def num_frames(self) -> int:
        return self._folder.num_frames

    @property
    def bytes_written(self) -> int:
        return self._folder.bytes_written

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        self._folder.write(full_size(importance, frame.upright_size))
        return importance


class _VideoSink:
    """Lossless grey video with the timestamps of the source."""

    container, pixel_format = "matroska", "gray"
    wants_settled = False

    def __init__(self, path: Path, context: SinkContext) -> None:
        self.num_frames = self.bytes_written = 0
        self._output = av.open(ffmpeg_name(path), "w", format=self.container)
        self._stream = self._output.add_stream("ffv1", rate=context.info.frame_rate or 25)
        self._time_base = self._time_base_for(context.info)
        self._is_open = False

    def _time_base_for(self, info: VideoInfo) -> Fraction:
        return info.time_base

    def _draw(self, frame: Frame, importance: FloatArray) -> tuple[NDArray[np.uint8], int | None]:
        """Return the picture as PyAV wants it, and its timestamp."""
        return full_size(importance, frame.upright_size), frame.picture.pts

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        samples, pts = self._draw(frame, importance)
        picture = av.VideoFrame.from_ndarray(samples, format=self.pixel_format)
        picture.pts, picture.time_base = pts, self._time_base
        if not self._is_open:
            codec = self._stream.codec_context
            codec.height, codec.width = picture.height, picture.width
            codec.pix_fmt, codec.thread_count = self.pixel_format, 0
            codec.time_base = self._stream.time_base = self._time_base
            self._is_open = True
        self._mux(picture)
        self.num_frames += 1
        return importance

    def _mux(self, picture: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            self.bytes_written += packet.size
            self._output.mux(packet)

    def finish(self) -> None:
        if self._is_open:
            self._mux(None)

    def close(self) -> None:
        self._output.close()


class _SaliencySink(_VideoSink):
    """The video of MSU's x264 with ``--saliency``: a picture a frame, luma of the usual limited range."""

    container, pixel_format = "avi", "yuv420p"

    def _time_base_for(self, info: VideoInfo) -> Fraction:
        return 1 / (info.frame_rate or Fraction(25))

    def _draw(self, frame: Frame, importance: FloatArray) -> tuple[NDArray[np.uint8], int | None]:
        width, height = (-(-side // 2) * 2 for side in frame.upright_size)
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        grey = full_size(importance, (width, height)).astype(np.float32)
        planes[:height] = np.rint(_LIMITED_BLACK + grey * (_LIMITED_RANGE / 255))
        return planes, self.num_frames


class SidecarSink:
    """semvid's own file. What it keeps, rounded to 8 bits, is what a later run reads.

    Args:
        path: Where to write.
        context: The video, and what makes the maps.
    """

    wants_settled = True

    def __init__(self, path: Path, context: SinkContext) -> None:
        self.num_frames = 0
        self._context = context
        self._file: BinaryIO = path.open("wb")
        self._writer: SidecarWriter | None = None
        self._grid = (0, 0)

    @property
    def bytes_written(self) -> int:
        """Bytes so far; the last maps wait."""
        return self._file.tell()

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        """See ``MapSink``."""
        if self._writer is None:
            rows, cols = self._grid = importance.shape[0], importance.shape[1]
            header = SidecarHeader(
                frame.upright_size, (rows, cols), self._context.info.time_base, self._context.made_by
            )
            self._writer = SidecarWriter(self._file, header)
        if importance.shape != self._grid:
            kept = cv2.resize(importance, self._grid[::-1], interpolation=cv2.INTER_LINEAR)
            importance = np.asarray(kept, np.float32)
        grey = to_grey(importance)
        assert frame.picture.pts is not None  # noqa: S101 - the reader sees to it
        self._writer.write(TimedMap(frame.picture.pts, grey))
        self.num_frames += 1
        return from_grey(grey)

    def finish(self) -> None:
        """Write what waits."""
        if self._writer is not None:
            self._writer.finish()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class _NpzSink:
    """Arrays for numpy: ``maps``, ``pts``, ``time_base`` and ``picture``."""

    wants_settled = False

    def __init__(self, path: Path, context: SinkContext) -> None:
        self._path = path
        self._context = context
        # An array's header states how many maps there are, so they wait on the disk until that is known.
        self._maps: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        self._shape = (0, 0)
        self._pts = array("q")
        self._size = (0, 0)

    @property
    def num_frames(self) -> int:
        return len(self._pts)

    @property
    def bytes_written(self) -> int:
        return self._maps.tell()

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        grey = to_grey(importance)
        if not self._pts:
            self._shape = (grey.shape[0], grey.shape[1])
        elif grey.shape != self._shape:
            grey = np.asarray(cv2.resize(grey, self._shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
        self._maps.write(grey.tobytes())
        self._pts.append(frame.picture.pts or 0)
        self._size = frame.upright_size
        return from_grey(grey)

    def finish(self) -> None:
        base = self._context.info.time_base
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as arrays:
            with arrays.open("maps.npy", "w", force_zip64=True) as member:
                shape = (len(self._pts), *self._shape)
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(cast(Any, member), header)
                self._maps.seek(0)
                shutil.copyfileobj(self._maps, member, _COPIED_AT_ONCE)
            time_base = (base.numerator, base.denominator)
            for name, values in {"pts": self._pts, "time_base": time_base, "picture": self._size}.items():
                with arrays.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(cast(Any, member), np.array(values, np.int64))

    def close(self) -> None:
        self._maps.close()


class _OffsetSink:
    """Quantizer offsets for an encoder that reads them from a text file."""

    wants_settled = False

    def __init__(
        self, path: Path, context: SinkContext, write: Callable[[TextIO, int, FloatArray], None]
    ) -> None:
        self.num_frames = 0
        self._write = write
        self._file = path.open("w", encoding="ascii", newline="\n")
        # HEVC's rate model stands in for both encoders.
        self._allocator = OffsetAllocator(replace(X265, block_size=BLOCK_SIZE), context.allocation)

    @property
    def bytes_written(self) -> int:
        return self._file.tell()

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        half = np.rot90(frame.half_luma, frame.quarter_turns)
        offsets, _ = self._allocator.allocate(importance, half, frame.upright_size, is_cut=is_cut)
        self._write(self._file, self.num_frames, offsets.values)
        self.num_frames += 1
        return importance

    def finish(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


_SINKS: Mapping[str, Callable[[Path, SinkContext], _FinishedSink]] = {
    "video": _VideoSink,
    "x264mod": _SaliencySink,
    "sidecar": SidecarSink,
    "npz": _NpzSink,
    "kvazaar": lambda path, context: _OffsetSink(path, context, write_kvazaar),
    "svtav1": lambda path, context: _OffsetSink(path, context, write_svtav1),
}
