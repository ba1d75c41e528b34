"""Draw importance over pictures that will be coded: in their planes, which saves the way to RGB and back.

Planes are 8 bits, 4:2:0, BT.709 of limited range. ``drawing.py`` draws the same over RGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.geometry import Size, extended
from semvid.core.records import dataclass
from semvid.core.resampling import averaged, stretched
from semvid.core.types import QuantizerOffsets
from semvid.media.drawing import (
    COARSER,
    COLOURS,
    DARK,
    FINER,
    LIGHT,
    STRONGEST_OFFSET,
    legend,
    outlines,
)

Plane = NDArray[np.uint8]
Planes = tuple[Plane, Plane, Plane]
"""``(h, w)`` luma, and ``(ceil(h / 2), ceil(w / 2))`` Cb and Cr."""

_Floats = NDArray[np.floating[Any]]
_NEUTRAL = np.array([16, 128, 128], np.float32)
"""Black."""
_FROM_BGR = np.array(
    [
        [0.0722 * 219, 0.7152 * 219, 0.2126 * 219],
        [0.5 * 224, -0.7152 / 1.8556 * 224, -0.2126 / 1.8556 * 224],
        [-0.0722 / 1.5748 * 224, -0.7152 / 1.5748 * 224, 0.5 * 224],
    ],
    np.float32,
)
"""BT.709 (ITU-R BT.709-6, 3.2 and 3.4), of colours in 0..1."""
_GREYS = np.arange(256, dtype=np.uint8)
_DARK_MARK, _LIGHT_MARK = 4, 64
"""Of lines; the mean over the four pixels of a chroma sample tells how many are of which."""


def _coded(bgr: NDArray[Any]) -> NDArray[np.uint8]:
    """Return ``(n, 3)`` samples of the planes of ``(n, 3)`` colours."""
    return _whole(bgr.astype(np.float32) / np.float32(255) @ _FROM_BGR.T + _NEUTRAL)


def _whole(samples: _Floats) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(samples, 0, 255)), np.uint8)


def heat(planes: Planes, grey: Plane, opacity: float, drawn: Planes) -> None:
    """Lay a map over a picture in colours.

    Args:
        planes: The picture, upright.
        grey: ``(rows, cols)`` importance times 255, stretched over it.
        opacity: Of the colours, 0..1.
        drawn: What gets the drawing, of the shapes of ``planes``.
    """
    for plane, colours, to in zip(planes, _colours_of(grey, planes), drawn, strict=True):
        cv2.addWeighted(colours, opacity, plane, 1 - opacity, 0, dst=to)


def contour(planes: Planes, grey: Plane, opacity: float, drawn: Planes) -> None:
    """Draw a line around what has an importance above a half; arguments as for ``heat``."""
    lines, width = outlines(stretched(grey, *planes[0].shape))
    marks = np.zeros(planes[0].shape, np.uint8)
    cv2.drawContours(marks, lines, -1, _DARK_MARK, 3 * width)
    cv2.drawContours(marks, lines, -1, _LIGHT_MARK, width)
    dark, light = (opacity * share for share in _shares_of_marks())
    colours = _coded(np.array([DARK, LIGHT], np.uint8)).T.astype(np.float32)
    halved = _halved(marks)
    for index, (plane, to) in enumerate(zip(planes, drawn, strict=True)):
        added = dark * colours[index, 0] + light * colours[index, 1]
        _mix(plane, marks if index == 0 else halved, 1 - dark - light, added, to)


def dim(planes: Planes, grey: Plane, opacity: float, drawn: Planes) -> None:
    """Darken what does not matter and remove its colour; arguments as for ``heat``."""
    full = stretched(grey, *planes[0].shape)
    share = _GREYS.astype(np.float32) / 255
    clear = 1 - opacity
    for index, (plane, to) in enumerate(zip(planes, drawn, strict=True)):
        kept = share + (1 - share) * clear * (1 if index == 0 else opacity)
        _mix(plane, full if index == 0 else _halved(full), kept, (1 - kept) * _NEUTRAL[index], to)


def blocks(planes: Planes, offsets: QuantizerOffsets, opacity: float, drawn: Planes) -> None:
    """Colour blocks by their quantizer offset, green = finer, red = coarser.

    Args:
        planes: The picture as coded, not turned or scaled: its pixels are the encoder's.
        offsets: Of its blocks, of even sides.
        opacity: Of the strongest colour.
        drawn: What gets the drawing, of the shapes of ``planes``.
    """
    strength = np.clip(np.abs(offsets.values) / STRONGEST_OFFSET, 0, 1) * opacity
    finer, coarser = _coded(np.array([FINER, COARSER])).astype(np.float32)
    for index, (plane, to) in enumerate(zip(planes, drawn, strict=True)):
        side = offsets.block_size // (1 if index == 0 else 2)
        added = strength * np.where(offsets.values < 0, finer[index], coarser[index])
        kept, more = (_spread(_whole(one), side, plane.shape) for one in ((1 - strength) * 255, added))
        cv2.multiply(plane, kept, dst=to, scale=1 / 255)
        cv2.add(to, more, dst=to)
        # A line of one pixel darkens half a sample of chroma.
        share = 3 / 4 if index == 0 else 7 / 8
        for lines in (to[::side], to[:, ::side]):
            lines[:] = _whole(lines * share + (1 - share) * _NEUTRAL[index])


def split(planes: Planes, grey: Plane, drawn: Planes) -> None:
    """Put the map beside the picture, of even width; arguments as for ``heat``, ``drawn`` twice as wide."""
    for plane, colours, to in zip(planes, _colours_of(grey, planes), drawn, strict=True):
        to[:, : plane.shape[1]], to[:, plane.shape[1] :] = plane, colours


@dataclass(frozen=True, slots=True)
class Legend:
    """The legend of the colours for pictures of one size, which is drawn once."""

    parts: tuple[tuple[slice, slice, _Floats, _Floats], ...]
    """Rows and columns of each plane, how much of it is kept there, and what is added."""

    @classmethod
    def of(cls, size: Size, style: str) -> Legend:
        """Return the legend for pictures of a size, ``(width, height)`` in pixels."""
        width, height = size
        # What is drawn over black and over white tells what is drawn over anything.
        black, white = (
            legend(np.full((height, width, 3), one, np.uint8), style).astype(np.float32) for one in (0, 255)
        )
        kept = (white - black)[..., 0] / 255
        places = np.argwhere(kept < 1)
        if not len(places):
            return cls(())
        top, left = places.min(0) // 2 * 2
        bottom, right = np.minimum(-(-(places.max(0) + 1) // 2) * 2, (height, width))
        kept, black = kept[top:bottom, left:right], black[top:bottom, left:right]
        light = black / np.float32(255) @ _FROM_BGR.T
        parts = []
        for index in range(3):
            step = 1 if index == 0 else 2
            share, more = kept, np.ascontiguousarray(light[..., index])
            if index:
                rows, cols = -(-kept.shape[0] // 2), -(-kept.shape[1] // 2)
                share, more = averaged(kept, rows, cols), averaged(more, rows, cols)
            place = (slice(top // step, -(-bottom // step)), slice(left // step, -(-right // step)))
            parts.append((*place, share, more + (1 - share) * _NEUTRAL[index]))
        return cls(tuple(parts))

    def draw(self, drawn: Planes) -> None:
        """Draw it into a corner."""
        for plane, (rows, cols, kept, added) in zip(drawn, self.parts, strict=False):
            plane[rows, cols] = _whole(plane[rows, cols] * kept + added)


def _colours_of(grey: Plane, planes: Planes) -> Sequence[Plane]:
    """Return the map in colours, stretched over the picture."""
    full = stretched(grey, *planes[0].shape)
    halved = _halved(full)
    return [np.asarray(cv2.LUT(full if index == 0 else halved, _HEAT[index]), np.uint8) for index in range(3)]


def _spread(cells: Plane, side: int, shape: tuple[int, ...]) -> Plane:
    """Return ``shape`` samples, of which so many across and down have the value of each cell."""
    rows, cols = cells.shape
    full = cv2.resize(cells, (cols * side, rows * side), interpolation=cv2.INTER_NEAREST)
    return np.asarray(full, np.uint8)[: shape[0], : shape[1]]


def _halved(samples: Plane) -> Plane:
    """Return means of four for chroma; the last row and column count twice where their number is odd."""
    height, width = samples.shape
    even = extended(samples, height + height % 2, width + width % 2)
    return averaged(even, (height + 1) // 2, (width + 1) // 2)


def _mix(plane: Plane, index: Plane, kept: _Floats, added: _Floats, drawn: Plane) -> None:
    """Write ``plane * kept[index] + added[index]``; both tables have 256 entries."""
    cv2.multiply(plane, cv2.LUT(index, _whole(kept * 255)), dst=drawn, scale=1 / 255)
    cv2.add(drawn, cv2.LUT(index, _whole(added)), dst=drawn)


def _shares_of_marks() -> tuple[_Floats, _Floats]:
    """Return which share of a sample is dark and which light, by its mean mark."""
    marks = np.arange(256, dtype=np.float32)
    light = np.minimum(marks // (_LIGHT_MARK // 4), 4)
    dark = np.minimum(marks % (_LIGHT_MARK // 4), 4)
    return dark / 4, light / 4


_HEAT = np.ascontiguousarray(_coded(cv2.applyColorMap(_GREYS[:, None], COLOURS)[:, 0]).T)
