"""Writes sidecars, semvid's own map files."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, Frame, from_grey, to_grey
from semvid.importance.files.map_sink import SinkContext
from semvid.importance.files.sidecar import SidecarHeader, SidecarWriter, TimedMap


class SidecarSink:
    """A sidecar. A later run reads exactly what it keeps, rounded to 8 bits.

    Args:
        path: Where to write.
        context: What is known about the video and its maps.
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
        """Bytes so far, without the maps that are still buffered."""
        return self._file.tell()

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        """See ``MapSink``."""
        if self._writer is None:
            rows, cols = self._grid = importance.shape[0], importance.shape[1]
            header = SidecarHeader(
                frame.upright_size, (rows, cols), self._context.info.time_base, self._context.made_by
            )
            self._writer = SidecarWriter(self._file, header)
        grey = to_grey(stretched(importance, *self._grid))
        assert frame.picture.pts is not None  # noqa: S101 - the reader sees to it
        self._writer.write(TimedMap(frame.picture.pts, grey))
        self.num_frames += 1
        return from_grey(grey)

    def finish(self) -> None:
        """Write what is still buffered."""
        if self._writer is not None:
            self._writer.finish()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
