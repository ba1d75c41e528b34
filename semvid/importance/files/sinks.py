"""Chooses where the maps of a video go: one sink for each kind of file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from av.error import FFmpegError

from semvid.core.config import MapFormat
from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, Frame, from_grey, to_grey
from semvid.importance.files.array_file import ArraySink
from semvid.importance.files.map_sink import MapSink, SinkContext, full_size
from semvid.importance.files.offset_text import write_kvazaar, write_svtav1
from semvid.importance.files.sidecar import SidecarHeader, SidecarWriter, TimedMap
from semvid.importance.files.video_sink import SaliencySink, VideoSink
from semvid.media.writing.claim import Claim, writing
from semvid.media.writing.folder import PictureFolder, picture_folder


class _PictureSink(MapSink):
    """One PNG per frame."""

    def __init__(self, folder: PictureFolder) -> None:
        self._folder = folder

    @property
    def bytes_written(self) -> int:
        return self._folder.bytes_written

    def _write(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        self._folder.write(full_size(importance, frame.upright_size))
        return importance


class _OffsetSink(MapSink):
    """Quantizer offsets for an encoder that reads them from a text file; ``append`` writes a picture's."""

    def __init__(
        self, path: Path, context: SinkContext, append: Callable[[TextIO, int, FloatArray], None]
    ) -> None:
        self._append = append
        self._file = path.open("w", encoding="ascii", newline="\n")
        assert context.allocator is not None  # noqa: S101 - formats with offsets always have one
        self._allocator = context.allocator

    @property
    def bytes_written(self) -> int:
        return self._file.tell()

    def _write(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        half = frame.upright(frame.half_luma)
        offsets, _ = self._allocator.allocate(importance, half, frame.upright_size, is_cut=is_cut)
        self._append(self._file, self.num_frames, offsets.values)
        return importance

    def finish(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()


class _SidecarSink(MapSink):
    """A sidecar. A later run reads exactly what it keeps, rounded to 8 bits."""

    wants_settled = True

    def __init__(self, path: Path, context: SinkContext) -> None:
        self._context = context
        self._file = path.open("wb")
        self._writer: SidecarWriter | None = None
        self._grid = (0, 0)

    @property
    def bytes_written(self) -> int:
        return self._file.tell()

    def _write(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        if self._writer is None:
            rows, cols = self._grid = importance.shape[0], importance.shape[1]
            header = SidecarHeader(
                frame.upright_size, (rows, cols), self._context.info.time_base, self._context.made_by
            )
            self._writer = SidecarWriter(self._file, header)
        grey = to_grey(stretched(importance, *self._grid))
        assert frame.picture.pts is not None  # noqa: S101 - the reader sees to it
        self._writer.write(TimedMap(frame.picture.pts, grey))
        return from_grey(grey)

    def finish(self) -> None:
        if self._writer is not None:
            self._writer.finish()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        self._file.close()


_SINKS: Mapping[str, Callable[[Path, SinkContext], MapSink]] = {
    "video": VideoSink,
    "x264mod": SaliencySink,
    "sidecar": _SidecarSink,
    "npz": ArraySink,
    "kvazaar": lambda path, context: _OffsetSink(path, context, write_kvazaar),
    "svtav1": lambda path, context: _OffsetSink(path, context, write_svtav1),
}


@contextmanager
def open_sink(kind: MapFormat, output: Path, context: SinkContext, *, overwrite: bool) -> Iterator[MapSink]:
    """Yield a sink: on success the output gets its name, on failure nothing is left behind."""
    if kind == "png":
        with picture_folder(output, overwrite=overwrite) as folder:
            sink: MapSink = _PictureSink(folder)
            sink.output = output
            yield sink
        return
    with Claim(output, overwrite=overwrite) as claim:
        with writing(output):
            temporary = claim.temporary()
            sink = _SINKS[kind](temporary, context)
        sink.output = output
        try:
            # Not all errors in the block of the caller are of writing.
            yield sink
            with writing(output):
                sink.finish()
                sink.close()
                claim.publish(temporary)
        finally:
            with suppress(FFmpegError, OSError):
                sink.close()
