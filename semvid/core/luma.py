"""The samples of a decoded picture, seen without copying where that is possible."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from semvid.core.conversion import converted

if TYPE_CHECKING:
    from av import VideoFrame

LumaArray = NDArray[np.uint8] | NDArray[np.uint16]

_LUMA_FIRST = ("yuv", "gray", "nv12", "nv16", "nv21", "nv24")
_FLOATING = "grayf"


def has_luma_plane(pixel_format: str) -> bool:
    """Tell whether the first plane of a pixel format is luma and nothing else, in whole numbers.

    Args:
        pixel_format: FFmpeg's name of it.
    """
    # Packed 4:2:2 (webcams) begins with "yuy" or "uyv", "yuv422p" is planar.
    return pixel_format.startswith(_LUMA_FIRST) and not pixel_format.startswith(_FLOATING)


def luma_of(picture: VideoFrame) -> tuple[LumaArray, int]:
    """Return the ``(height, width)`` luma samples of any picture and how many bits each has.

    Formats whose first plane is no luma are converted to 8-bit grey.
    """
    grey = picture if has_luma_plane(picture.format.name) else converted(picture, "gray")
    return plane_of(grey), grey.format.components[0].bits


def all_planes(picture: VideoFrame) -> tuple[NDArray[np.uint8], ...]:
    """Return the samples of all planes of an 8-bit planar picture."""
    return tuple(cast(NDArray[np.uint8], plane_of(picture, index)) for index in range(len(picture.planes)))


def plane_of(picture: VideoFrame, index: int = 0) -> LumaArray:
    """Return the ``(height, width)`` samples of a plane, which must be whole numbers of one component."""
    plane = picture.planes[index]
    rows: LumaArray = np.frombuffer(cast(bytes, plane), np.uint8)
    if picture.format.components[index].bits > 8:
        wide = rows.view(">u2" if picture.format.is_big_endian else "<u2")
        rows = wide.astype(np.uint16, copy=False)
    return rows.reshape(-1, plane.line_size // rows.itemsize)[: plane.height, : plane.width]
