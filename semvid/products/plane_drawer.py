"""Draws importance over frames in the planes of the pictures that are coded, where that is possible."""

from __future__ import annotations

import av
from av.video.reformatter import ColorRange, Colorspace

from semvid.core.config import OverlayConfig
from semvid.core.conversion import UNTOLD, Colours, converted
from semvid.core.geometry import Size
from semvid.core.luma import all_planes, has_luma_plane
from semvid.core.resampling import scaled
from semvid.core.types import FloatArray, Frame, to_grey
from semvid.media.colour import colours_of, has_alpha
from semvid.media.plane_drawing import Legend, Planes, contour, dim, heat, split

_FORMAT, _COLOURS = "yuv420p", Colours(Colorspace.ITU709, ColorRange.MPEG)


def as_coded(picture: av.VideoFrame, source: Colours = UNTOLD) -> av.VideoFrame:
    """Return a picture in the form in which drawings are coded; itself where it has that form.

    Args:
        picture: Of any format FFmpeg converts.
        source: What its samples mean.
    """
    return converted(picture, _FORMAT, source=source, target=_COLOURS)


class PlaneDrawer:
    """Draws in one style, in planes of ``plane_drawing.py``."""

    def __init__(self, config: OverlayConfig) -> None:
        self._style, self._opacity, self._has_legend = config.style, config.opacity, config.legend
        self._legends: dict[Size, Legend] = {}

    def fits(self, frames: list[Frame], size: Size) -> bool:
        """Return whether frames can be drawn so; others have to become RGB first.

        Args:
            frames: The one that is drawn over, and those beside it.
            size: ``(width, height)`` in pixels at which each is drawn.
        """
        if self._style == "blocks" or (self._style == "split" and size[0] % 2):
            # Blocks of the encoder are not stretched smoothly, and chroma samples not shared by two pictures.
            return False
        return all(
            has_luma_plane(one.picture.format.name) and not has_alpha(one.picture.format) for one in frames
        )

    def draw(self, frames: list[Frame], importance: FloatArray, size: Size) -> av.VideoFrame:
        """Return the drawing as it is coded; its time and colours are not set.

        Args:
            frames: As for ``fits``.
            importance: ``(h, w)`` in 0..1 of the first, upright.
            size: As for ``fits``.
        """
        own, *beside = (_planes(one, size) for one in frames)
        width, height = size
        num_own = 2 if self._style == "split" else 1
        picture = av.VideoFrame((num_own + len(beside)) * width, height, _FORMAT)
        drawn = _planes_of(picture)
        self._draw(own, importance, _columns(drawn, 0, num_own * width))
        for index, planes in enumerate(beside, num_own):
            for plane, to in zip(planes, _columns(drawn, index * width, width), strict=True):
                to[:] = plane
        return picture

    def _draw(self, planes: Planes, importance: FloatArray, drawn: Planes) -> None:
        grey = to_grey(importance)
        if self._style == "split":
            split(planes, grey, drawn)
        else:
            style = {"heat": heat, "contour": contour, "dim": dim}[self._style]
            style(planes, grey, self._opacity, drawn)
        if self._has_legend:
            height, width = drawn[0].shape
            size = width, height
            if size not in self._legends:
                self._legends[size] = Legend.of(size, self._style)
            self._legends[size].draw(drawn)


def _planes(frame: Frame, size: Size) -> Planes:
    """Return the planes of a frame as coded, upright."""
    width, height = size
    luma, *chroma = (
        frame.upright(one) for one in _planes_of(as_coded(frame.picture, colours_of(frame.picture)))
    )
    blue, red = (scaled(one, -(-height // 2), -(-width // 2)) for one in chroma)
    return scaled(luma, height, width), blue, red


def _planes_of(picture: av.VideoFrame) -> Planes:
    luma, blue, red = all_planes(picture)
    return luma, blue, red


def _columns(planes: Planes, left: int, width: int) -> Planes:
    """Return the planes of some columns, given in luma samples, of which ``left`` is even."""
    luma, blue, red = planes
    half = slice(left // 2, -(-(left + width) // 2))
    return luma[:, left : left + width], blue[:, half], red[:, half]
