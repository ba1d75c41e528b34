"""Pictures of a report: upright, with square pixels, packed into data URIs."""

from __future__ import annotations

import base64
import io
from fractions import Fraction

import cv2
import numpy as np
from PIL import Image

from semvid.core.geometry import Size, scaled_size, square_size
from semvid.core.resampling import scaled
from semvid.core.types import FloatArray, Frame
from semvid.media.colour import to_bgr
from semvid.media.drawing import Bgr, heat
from semvid.products.report.differences import Box
from semvid.products.report.regions import Region

_LARGEST = 1280
"""Pixels along the longer side of a still."""
_STILL_QUALITY, _SMALL_QUALITY, _PART_QUALITY = 86, 72, 95
_HEAT_SIDE, _THUMBNAIL_HEIGHT, _WHERE_SIDE = 320, 90, 360


class Uprighter:
    """Turns the frames of all versions of one video as the source says.

    Args:
        first: The first frame of the source.
        aspect_ratio: Width of a pixel of the source by its height, before turning; None = square.

    Attributes:
        shown_size: ``(width, height)`` as displayed, with square pixels.
    """

    def __init__(self, first: Frame, aspect_ratio: Fraction | None) -> None:
        self.shown_size = first.shown_size(aspect_ratio)
        self._first, self._aspect_ratio = first, aspect_ratio

    def turn(self, values: FloatArray) -> FloatArray:
        """Turn ``(h, w)`` values upright."""
        return np.ascontiguousarray(self._first.upright(values))

    def picture(self, frame: Frame) -> Bgr:
        """Return the upright picture at its native pixels, which may not be square."""
        width, height = self._first.size
        # An encoder may have added some.
        return self._first.upright(to_bgr(frame)[:height, :width])

    def still(self, native: Bgr) -> str:
        """Pack a picture, at most 1280 pixels large."""
        return _webp(_fit(native, self.shown_size, _LARGEST), _STILL_QUALITY)

    def heat(self, importance: FloatArray) -> str:
        """Pack the colours of an upright map."""
        width, height = _at_most(self.shown_size, _HEAT_SIDE)
        blank = np.zeros((height, width, 3), np.uint8)
        return _webp(heat(blank, importance, 1.0), _STILL_QUALITY)

    def thumbnail(self, native: Bgr, importance: FloatArray) -> str:
        """Pack a small picture with its map over it."""
        width, height = self.shown_size
        small = _fit(native, (width, height), round(_THUMBNAIL_HEIGHT * max(width / height, 1)))
        return _webp(heat(small, importance, 0.5), _SMALL_QUALITY)

    def close_up(self, native: Bgr, region: Region) -> str:
        """Pack a part without loss."""
        part = np.ascontiguousarray(region.cut(native), np.uint8)
        size = square_size((part.shape[1], part.shape[0]), self._aspect_ratio, self._first.quarter_turns)
        return _webp(_fit(part, size, _LARGEST), None)

    def part(self, native: Bgr, view: Box) -> str:
        """Pack a part at its native pixels, nearly without loss."""
        x, y, width, height = view
        return _webp(np.ascontiguousarray(native[y : y + height, x : x + width]), _PART_QUALITY)

    def shown_box(self, box: Box) -> Box:
        """Return a part of the picture at its native pixels in those of the picture as displayed."""
        size = self._first.upright_size
        (x, right), (y, below) = (
            (start * full // native, -(-(start + part) * full // native))
            for start, part, native, full in zip(box[:2], box[2:], size, self.shown_size, strict=True)
        )
        return x, y, right - x, below - y

    def where(self, native: Bgr, region: Region) -> str:
        """Pack the whole picture, small, with a line around a part."""
        small = _fit(native, self.shown_size, _WHERE_SIDE).copy()
        across, down = small.shape[1] / native.shape[1], small.shape[0] / native.shape[0]
        corners = (
            (round(region.x * across), round(region.y * down)),
            (round((region.x + region.width) * across) - 1, round((region.y + region.height) * down) - 1),
        )
        # Light on dark shows on any ground.
        cv2.rectangle(small, *corners, (0, 0, 0), 4)
        cv2.rectangle(small, *corners, (255, 255, 255), 2)
        return _webp(small, _SMALL_QUALITY)


def _fit(picture: Bgr, size: Size, largest: int) -> Bgr:
    """Bring a picture to a size, or to the largest of that shape."""
    width, height = _at_most(size, largest)
    return scaled(picture, height, width)


def _at_most(size: Size, largest: int) -> Size:
    return scaled_size(size, min(largest / max(size), 1))


def _webp(picture: Bgr, quality: int | None) -> str:
    """Pack a picture; None = without loss."""
    file = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(picture[..., ::-1]))
    if quality is None:
        image.save(file, "WEBP", lossless=True)
    else:
        image.save(file, "WEBP", quality=quality)
    return "data:image/webp;base64," + base64.b64encode(file.getvalue()).decode()
