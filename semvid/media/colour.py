"""The colour space of frames."""

from __future__ import annotations

import numpy as np
from av import VideoFormat, VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

from semvid.core.conversion import Colours
from semvid.core.types import Frame

_HD_LINES = 720
UNSPECIFIED = 2
"""FFmpeg's number of the matrix, the primaries and the transfer that are not named."""
HDR_TRANSFERS = {16, 18}
"""PQ and HLG."""
_CONVERTIBLE = {1, 2, 4, 5, 6, 7, 9}
_MATRICES = {
    0: "RGB", 1: "BT.709", 3: "reserved", 4: "FCC", 5: "BT.601", 6: "BT.601", 7: "SMPTE 240M", 8: "YCgCo",
    9: "BT.2020", 10: "BT.2020 of constant luminance", 11: "SMPTE 2085", 12: "derived from the primaries",
    13: "derived from the primaries, of constant luminance", 14: "ICtCp", 15: "IPT-C2", 16: "YCgCo-Re",
    17: "YCgCo-Ro",
}  # fmt: skip


def has_alpha(layout: VideoFormat) -> bool:
    """Return whether a pixel format has an alpha channel; palettes count as opaque."""
    return any(component.is_alpha for component in layout.components)


def matrix_of(picture: VideoFrame) -> int:
    """Return FFmpeg's number of the YUV matrix; where the source says nothing, what players assume."""
    if picture.colorspace in {1, 4, 5, 6, 7, 9, 10}:
        # 6 is SMPTE 170M and 10 the constant-luminance twin of BT.2020: swscale knows one name for each.
        return {6: Colorspace.ITU601, 10: Colorspace.BT2020}.get(picture.colorspace, picture.colorspace)
    return Colorspace.ITU709 if picture.height >= _HD_LINES else Colorspace.ITU601


def matrix_name(number: int) -> str:
    """Return the common name of a matrix."""
    return _MATRICES.get(number, f"matrix {number}")


def is_convertible(picture: VideoFrame) -> bool:
    """Return whether FFmpeg can convert from the picture's matrix; like players, it guesses unknown ones."""
    return picture.format.is_rgb or picture.colorspace in _CONVERTIBLE


def range_of(picture: VideoFrame) -> int:
    """Return FFmpeg's number of the sample range."""
    is_full = picture.format.name.startswith("yuvj") or picture.color_range == ColorRange.JPEG
    return ColorRange.JPEG if is_full or picture.format.is_rgb else ColorRange.MPEG


def colours_of(picture: VideoFrame) -> Colours:
    """Return matrix and range of samples; where the source says nothing, what players assume."""
    return Colours(matrix_of(picture), range_of(picture))


def to_bgr(frame: Frame, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
    """Return ``(h, w, 3)`` full-range BGR as coded, not turned, on black where it is transparent.

    Args:
        frame: Of any format FFmpeg converts.
        size: ``(width, height)`` in pixels to scale to by averaging, as coded; None = as it is.
    """
    is_transparent = has_alpha(frame.picture.format)
    made = frame.download(
        "bgra" if is_transparent else "bgr24", size,
        source=colours_of(frame.picture), target=Colours(range=ColorRange.JPEG),
        interpolation=Interpolation.AREA if size else Interpolation.BILINEAR,
    )  # fmt: skip
    pixels = np.asarray(made.to_ndarray(), np.uint8)
    return _on_black(pixels) if is_transparent else pixels


def _on_black(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    colours, opacity = pixels[..., :3], pixels[..., 3:]
    # Nothing but 0 is a recorder that left it unset.
    if opacity.min() == 255 or not opacity.any():
        return np.ascontiguousarray(colours)
    return (colours * (opacity / np.float32(255)) + np.float32(0.5)).astype(np.uint8)
