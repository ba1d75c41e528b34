"""Carry over how players must turn the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.sidedata.sidedata import Type

from semvid.io.side_data import side_data

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream


def copy_display_matrix(first: VideoFrame, stream: VideoStream) -> None:
    """Give a stream that has not been started the display matrix of its first decoded frame, if any."""
    carried = side_data(first)
    if Type.DISPLAYMATRIX in carried:
        matrix = np.frombuffer(carried[Type.DISPLAYMATRIX], np.int32)
        stream.set_display_matrix(matrix.tolist())
