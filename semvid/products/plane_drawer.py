"""Draws importance over frames in the planes of the pictures that are coded, where that is possible."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from semvid.core.config import OverlayConfig
from semvid.core.conversion import UNTOLD, Colours, converted
from semvid.core.geometry import Size
from semvid.core.luma import all_planes, has_luma_plane
from semvid.core.resampling import scaled
from semvid.core.types import FloatArray, Frame, QuantizerOffsets, to_grey
from semvid.media.colour import colours_of, has_alpha
from semvid.media.plane_drawing import Legend, Planes, blocks, contour, dim, heat, split

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
        self._has_numbers = config.numbers
        self._legends: dict[Size, Legend] = {}

    def fits(self, frames: list[Frame], size: Size) -> bool:
        """Return whether frames can be drawn so; others have to become RGB first.

        Args:
            frames: The one that is drawn over, and those beside it.
            size: ``(width, height)`` in pixels at which each is drawn.
        """
        # What stands beside another picture begins with a whole sample of chroma.
        if self._has_numbers or (size[0] % 2 and (self._style == "split" or len(frames) > 1)):
            return False
        return all(
            has_luma_plane(one.picture.format.name) and not has_alpha(one.picture.format) for one in frames
        )

    def draw(
        self,
        frames: list[Frame],
        importance: FloatArray,
        size: Size,
        offsets: QuantizerOffsets | None = None,
    ) -> av.VideoFrame:
        """Return the drawing as it is coded; its time and colours are not set.

        Args:
            frames: As for ``fits``.
            importance: ``(h, w)`` in 0..1 of the first, upright.
            size: As for ``fits``.
            offsets: Of the blocks of the first, as coded; only for that style.
        """
        own, *beside = (
            self._planes(one, size, None if index else offsets) for index, one in enumerate(frames)
        )
        width, height = size
        num_own = 2 if self._style == "split" else 1
        picture = av.VideoFrame((num_own + len(beside)) * width, height, _FORMAT)
        drawn = _planes_of(picture)
        self._draw(own, importance, _columns(drawn, 0, num_own * width))
        for index, planes in enumerate(beside, num_own):
            for plane, to in zip(planes, _columns(drawn, index * width, width), strict=True):
                to[:] = plane
        return picture

    def _planes(self, frame: Frame, size: Size, offsets: QuantizerOffsets | None) -> Planes:
        """Return the planes of a frame as coded, upright, with blocks drawn where there are offsets."""
        width, height = size
        planes = _planes_of(as_coded(frame.picture, colours_of(frame.picture)))
        if offsets is not None:
            # Blocks are the encoder's: drawn before anything is turned or scaled.
            picture, planes = (
                planes,
                (np.empty_like(planes[0]), np.empty_like(planes[1]), np.empty_like(planes[2])),
            )
            blocks(picture, offsets, self._opacity, planes)
        luma, *chroma = (frame.upright(one) for one in planes)
        blue, red = (scaled(one, -(-height // 2), -(-width // 2)) for one in chroma)
        return scaled(luma, height, width), blue, red

    def _draw(self, planes: Planes, importance: FloatArray, drawn: Planes) -> None:
        grey = to_grey(importance)
        if self._style == "split":
            split(planes, grey, drawn)
        elif self._style == "blocks":
            for plane, to in zip(planes, drawn, strict=True):
                to[:] = plane
        else:
            style = {"heat": heat, "contour": contour, "dim": dim}[self._style]
            style(planes, grey, self._opacity, drawn)
        if self._has_legend:
            height, width = drawn[0].shape
            size = width, height
            if size not in self._legends:
                self._legends[size] = Legend.of(size, self._style)
            self._legends[size].draw(drawn)


def _planes_of(picture: av.VideoFrame) -> Planes:
    luma, blue, red = all_planes(picture)
    return luma, blue, red


def _columns(planes: Planes, left: int, width: int) -> Planes:
    """Return the planes of some columns, given in luma samples, of which ``left`` is even."""
    luma, blue, red = planes
    half = slice(left // 2, -(-(left + width) // 2))
    return luma[:, left : left + width], blue[:, half], red[:, half]
