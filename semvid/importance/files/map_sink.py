"""The interface of map sinks, which take the maps of a video, and what they need to know about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semvid.core.types import FloatArray, Frame, QuantizerOffsets, VideoInfo


class MapSink(Protocol):
    """Takes the maps of a video."""

    wants_settled: bool
    """It keeps few cells and levels, so maps that follow motion are settled first."""

    @property
    def num_frames(self) -> int:
        """Maps so far."""

    @property
    def bytes_written(self) -> int:
        """Bytes so far, approximately."""

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        """Take the ``(h, w)`` upright map of the next frame; return it as it is stored."""


class FileSink(MapSink, Protocol):
    """Writes to a file: ``finish`` when all maps are there, ``close`` in any case."""

    def finish(self) -> None:
        """Write what is still buffered."""

    def close(self) -> None:
        """Close the file."""


class Allocator(Protocol):
    """Makes offsets for the blocks of an encoder, picture after picture."""

    def allocate(
        self, importance: FloatArray, half_luma: NDArray[np.uint8], size: tuple[int, int], *, is_cut: bool
    ) -> tuple[QuantizerOffsets, float]:
        """Return the offsets of the next picture, and its bits as a multiple of those without offsets."""


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What sinks need to know about a video."""

    info: VideoInfo
    made_by: Mapping[str, Any]
    """What makes the maps, and with which settings; JSON values."""
    allocator: Allocator | None = None
    """Turns importance into offsets; only files of offsets need it."""
