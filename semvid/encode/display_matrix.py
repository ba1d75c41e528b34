"""Carry over how players must turn the picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
from av.sidedata.sidedata import SideDataContainer, Type

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.stream import VideoStream


def copy_display_matrix(first: VideoFrame, stream: VideoStream) -> None:
    """Give a stream that has not been started the display matrix of its first decoded frame, if any."""
    # Not `first.side_data`, which refers back to the frame: such a cycle keeps pictures in memory for long.
    side_data = cast(Any, SideDataContainer)(first)
    if Type.DISPLAYMATRIX in side_data:
        matrix = np.frombuffer(side_data[Type.DISPLAYMATRIX], np.int32)
        stream.set_display_matrix(matrix.tolist())
