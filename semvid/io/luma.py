"""The luma of a decoded picture, seen without copying where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from av.video.reformatter import VideoReformatter

from semvid.types import LumaArray

if TYPE_CHECKING:
    from av import VideoFrame

LUMA_FIRST = ("yuv", "gray", "nv12", "nv16", "nv21", "nv24")
"""Beginnings of the names of pixel formats whose first plane is luma and nothing else."""


class LumaView:
    """Views luma planes; formats whose first plane is none are converted to grey."""

    def __init__(self) -> None:
        # One scaler for all frames: a scaler made per frame leaks in PyAV 18.
        self._to_grey = VideoReformatter()

    def __call__(self, picture: VideoFrame) -> tuple[LumaArray, int]:
        """Return the ``(height, width)`` samples and how many bits each has."""
        name, first = picture.format.name, picture.format.components[0]
        # Packed 4:2:2 (webcams) begins with "yuy" or "uyv", "yuv422p" is planar.
        if name.startswith(LUMA_FIRST):
            bits = first.bits
        else:
            picture, bits = self._to_grey.reformat(picture, format="gray"), 8
        plane = picture.planes[0]
        samples = np.frombuffer(cast(bytes, plane), np.uint8)
        rows: LumaArray = samples if bits <= 8 else samples.view(np.uint16)
        return rows.reshape(-1, plane.line_size // rows.itemsize)[: picture.height, : picture.width], bits
