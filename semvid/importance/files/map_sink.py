"""What every kind of map file has in common, and what it needs to know about the video."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from semvid.core.records import dataclass
from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, Frame, PredictedBits, QuantizerOffsets, VideoInfo, to_grey
from semvid.media.writing.claim import writing


class MapSink(ABC):
    """Takes the maps of a video; then ``finish`` when all of them are there, ``close`` in any case.

    Attributes:
        output: Where the maps go, for messages.
        wants_settled: It keeps few cells and levels, so maps that follow motion are settled first.
        num_frames: Maps so far.
    """

    output: Path
    wants_settled = False
    num_frames = 0

    @property
    @abstractmethod
    def bytes_written(self) -> int:
        """Bytes so far, approximately."""

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        """Take the ``(h, w)`` upright map of the next frame; return it as it is stored."""
        with writing(self.output):
            stored = self._write(frame, importance, is_cut=is_cut)
        self.num_frames += 1
        return stored

    @abstractmethod
    def _write(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray: ...

    def finish(self) -> None:
        """Write what is still buffered."""
        return

    def close(self) -> None:
        """Close the file."""
        return


class Allocator(Protocol):
    """Makes offsets for the blocks of an encoder, picture after picture."""

    def allocate(
        self, importance: FloatArray, half_luma: NDArray[np.uint8], size: tuple[int, int], *, is_cut: bool
    ) -> tuple[QuantizerOffsets, PredictedBits]:
        """Return the offsets of the next picture, and the bits that it is predicted to take."""


@dataclass(frozen=True, slots=True)
class SinkContext:
    """What sinks need to know about a video."""

    info: VideoInfo
    made_by: Mapping[str, Any]
    """What makes the maps, and with which settings; JSON values."""
    allocator: Allocator | None = None
    """Turns importance into offsets; only files of offsets need it."""


def full_size(importance: FloatArray, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Stretch a map to ``(width, height)`` pixels, 8-bit grey."""
    return to_grey(stretched(importance, size[1], size[0]))
