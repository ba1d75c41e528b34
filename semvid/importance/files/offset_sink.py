"""Writes maps as quantizer offsets for other encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TextIO

from semvid.core.types import FloatArray, Frame
from semvid.importance.files.map_sink import SinkContext


class OffsetSink:
    """Quantizer offsets for an encoder that reads them from a text file."""

    wants_settled = False

    def __init__(
        self, path: Path, context: SinkContext, write: Callable[[TextIO, int, FloatArray], None]
    ) -> None:
        self.num_frames = 0
        self._write = write
        self._file = path.open("w", encoding="ascii", newline="\n")
        assert context.allocator is not None  # noqa: S101 - formats with offsets always have one
        self._allocator = context.allocator

    @property
    def bytes_written(self) -> int:
        """See ``FileSink``."""
        return self._file.tell()

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        """See ``FileSink``."""
        half = frame.upright(frame.half_luma)
        offsets, _ = self._allocator.allocate(importance, half, frame.upright_size, is_cut=is_cut)
        self._write(self._file, self.num_frames, offsets.values)
        self.num_frames += 1
        return importance

    def finish(self) -> None:
        """See ``FileSink``."""
        self._file.flush()

    def close(self) -> None:
        """See ``FileSink``."""
        self._file.close()
