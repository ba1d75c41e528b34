"""Carry over how players must turn the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.sidedata.sidedata import Type

from semvid.media.side_data import side_data

if TYPE_CHECKING:
    from av import VideoFrame
    from numpy.typing import NDArray

_ONE = 1 << 16
_STRETCHED = 0.01
"""FFmpeg makes a pixel aspect of a matrix that stretches by more, and Matroska has no other matrices."""


def display_matrix_of(first: VideoFrame) -> tuple[int, ...] | None:
    """Return how a video that begins with this decoded frame is turned, for ``StreamParameters``."""
    carried = side_data(first)
    if Type.DISPLAYMATRIX not in carried:
        return None
    return tuple(_without_stretch(np.frombuffer(carried[Type.DISPLAYMATRIX], np.int32)).tolist())


def _without_stretch(matrix: NDArray[np.int32]) -> NDArray[np.int32]:
    turn = matrix.reshape(3, 3)[:2, :2].astype(np.float64)
    lengths = np.linalg.norm(turn, axis=0)
    if not lengths.all() or np.abs(lengths / _ONE - 1).max() <= _STRETCHED:
        return matrix
    result = matrix.reshape(3, 3).copy()
    result[:2, :2] = np.rint(turn / lengths * _ONE)
    result[2, :2] = 0
    return result.ravel()
