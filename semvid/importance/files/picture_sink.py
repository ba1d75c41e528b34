"""Writes maps as pictures that any program opens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, Frame, to_grey
from semvid.media.writing.folder import PictureFolder


def full_size(importance: FloatArray, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Stretch a map to ``(width, height)`` pixels, 8-bit grey."""
    return to_grey(stretched(importance, size[1], size[0]))


class PictureSink:
    """One PNG per frame."""

    wants_settled = False

    def __init__(self, folder: PictureFolder) -> None:
        self._folder = folder

    @property
    def num_frames(self) -> int:
        """See ``MapSink``."""
        return self._folder.num_frames

    @property
    def bytes_written(self) -> int:
        """See ``MapSink``."""
        return self._folder.bytes_written

    def record(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        """See ``MapSink``."""
        self._folder.write(full_size(importance, frame.upright_size))
        return importance
