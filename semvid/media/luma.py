"""The luma of a decoded picture, seen without copying where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from av.video.reformatter import VideoReformatter

from semvid.core.types import LumaArray

if TYPE_CHECKING:
    from av import VideoFrame

_LUMA_FIRST = ("yuv", "gray", "nv12", "nv16", "nv21", "nv24")
_FLOATING = "grayf"


def has_luma_plane(pixel_format: str) -> bool:
    """Tell whether the first plane of a pixel format is luma and nothing else, in whole numbers.

    Args:
        pixel_format: FFmpeg's name of it.
    """
    # Packed 4:2:2 (webcams) begins with "yuy" or "uyv", "yuv422p" is planar.
    return pixel_format.startswith(_LUMA_FIRST) and not pixel_format.startswith(_FLOATING)


def luma_plane(picture: VideoFrame) -> tuple[LumaArray, int]:
    """Return the ``(height, width)`` luma samples and how many bits each has.

    Args:
        picture: Of a format of which ``has_luma_plane`` is true.
    """
    plane, bits = picture.planes[0], picture.format.components[0].bits
    rows: LumaArray = np.frombuffer(cast(bytes, plane), np.uint8)
    if bits > 8:
        wide = rows.view(">u2" if picture.format.is_big_endian else "<u2")
        rows = wide.astype(np.uint16, copy=False)
    return rows.reshape(-1, plane.line_size // rows.itemsize)[: picture.height, : picture.width], bits


class LumaView:
    """Views luma planes; formats whose first plane is none are converted to grey."""

    def __init__(self) -> None:
        # One scaler for all frames: a scaler made per frame leaks in PyAV 18.
        self._to_grey = VideoReformatter()

    def __call__(self, picture: VideoFrame) -> tuple[LumaArray, int]:
        """Return the ``(height, width)`` samples and how many bits each has."""
        if not has_luma_plane(picture.format.name):
            picture = self._to_grey.reformat(picture, format="gray")
        return luma_plane(picture)
