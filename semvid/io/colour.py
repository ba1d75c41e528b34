"""What the samples of a frame mean."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame

_HD_LINES = 720


def matrix_of(picture: VideoFrame) -> int:
    """Return FFmpeg's number of the YUV matrix; where the source says nothing, what players assume."""
    if picture.colorspace in {1, 4, 5, 6, 7, 9, 10}:
        # 6 is SMPTE 170M and 10 the constant-luminance twin of BT.2020: swscale knows one name for each.
        return {6: Colorspace.ITU601, 10: Colorspace.BT2020}.get(picture.colorspace, picture.colorspace)
    return Colorspace.ITU709 if picture.height >= _HD_LINES else Colorspace.ITU601


def range_of(picture: VideoFrame) -> int:
    """Return FFmpeg's number of the sample range."""
    is_full = picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG
    return ColorRange.JPEG if is_full or picture.format.is_rgb else ColorRange.MPEG


def to_bgr(picture: VideoFrame, reformatter: VideoReformatter) -> NDArray[np.uint8]:
    """Return ``(h, w, 3)`` full-range BGR as coded, not turned; the reformatter is kept between frames."""
    converted = reformatter.reformat(
        picture, format="bgr24", src_colorspace=matrix_of(picture), src_color_range=range_of(picture),
        dst_color_range=ColorRange.JPEG,
    )  # fmt: skip
    return np.asarray(converted.to_ndarray(), np.uint8)
