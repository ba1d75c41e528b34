"""Draw importance over pictures. Pure functions on ``(h, w, 3)`` uint8 BGR arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, QuantizerOffsets, to_grey

Bgr = NDArray[np.uint8]

COLOURS = cv2.COLORMAP_INFERNO
"""Perceptually uniform: equal steps of importance look equally far apart."""
_IMPORTANT = 0.5
FINER, COARSER = (np.array(one, np.float32) for one in ((60, 200, 60), (60, 60, 230)))
"""Of blocks, blue, green, red."""
STRONGEST_OFFSET = 10.0
"""QP steps drawn in full colour."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
DARK, LIGHT = (0, 0, 0), (80, 255, 255)
"""Of contours, blue, green, red: light on dark shows on any ground."""


def heat(picture: Bgr, importance: FloatArray, opacity: float) -> Bgr:
    """Lay the map over the picture in colours.

    Args:
        picture: Upright.
        importance: ``(rows, cols)`` in 0..1, stretched over the picture.
        opacity: Of the colours, 0..1.
    """
    colours = cv2.applyColorMap(_grey(importance, picture), COLOURS)
    return np.asarray(cv2.addWeighted(colours, opacity, picture, 1 - opacity, 0), np.uint8)


def contour(picture: Bgr, importance: FloatArray, opacity: float) -> Bgr:
    """Draw a line around what has an importance above a half; arguments as for ``heat``."""
    lines, width = outlines(_grey(importance, picture))
    drawn = picture.copy()
    cv2.drawContours(drawn, lines, -1, DARK, 3 * width)
    cv2.drawContours(drawn, lines, -1, LIGHT, width)
    return np.asarray(cv2.addWeighted(drawn, opacity, picture, 1 - opacity, 0), np.uint8)


def outlines(grey: NDArray[np.uint8]) -> tuple[Sequence[NDArray[np.int32]], int]:
    """Return the outlines of what has an importance above a half, and how wide to draw them in pixels.

    Args:
        grey: ``(h, w)`` importance times 255, of the size of the picture.
    """
    inside = (grey > 255 * _IMPORTANT).astype(np.uint8)
    lines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cast("Sequence[NDArray[np.int32]]", lines), max(1, round(grey.shape[0] / 240))


def dim(picture: Bgr, importance: FloatArray, opacity: float) -> Bgr:
    """Darken what does not matter and remove its colour; arguments as for ``heat``."""
    kept = cv2.cvtColor(_grey(importance, picture), cv2.COLOR_GRAY2BGR)
    grey = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    dark = cv2.addWeighted(grey, (1 - opacity) ** 2, picture, (1 - opacity) * opacity, 0)
    mixed = cv2.multiply(picture, kept, scale=1 / 255)
    return np.asarray(cv2.add(mixed, cv2.multiply(dark, 255 - kept, scale=1 / 255)), np.uint8)


def blocks(picture: Bgr, offsets: QuantizerOffsets, opacity: float, *, numbers: bool) -> Bgr:
    """Colour blocks by their quantizer offset, green = finer, red = coarser.

    Args:
        picture: As coded, not scaled: its pixels are the encoder's.
        offsets: Of its blocks.
        opacity: Of the strongest colour.
        numbers: Write offsets down, in whole QP steps.
    """
    height, width = picture.shape[:2]
    side = offsets.block_size
    strength = np.clip(np.abs(offsets.values) / STRONGEST_OFFSET, 0, 1) * opacity
    colour = np.where((offsets.values < 0)[..., None], FINER, COARSER)
    full = tuple(np.repeat(np.repeat(one, side, 0), side, 1)[:height, :width] for one in (strength, colour))
    alpha = full[0][..., None]
    drawn: Bgr = np.rint(picture * (1 - alpha) + full[1] * alpha).astype(np.uint8)
    drawn[::side] = drawn[::side] // 4 * 3
    drawn[:, ::side] = drawn[:, ::side] // 4 * 3
    if numbers:
        for (row, col), value in np.ndenumerate(np.rint(offsets.values).astype(int)):
            place = (col * side + 1, row * side + side * 3 // 4)
            cv2.putText(drawn, str(value), place, _FONT, side / 48, (255, 255, 255), 1, cv2.LINE_AA)
    return drawn


def split(picture: Bgr, importance: FloatArray) -> Bgr:
    """Put the map beside the picture."""
    return np.hstack([picture, cv2.applyColorMap(_grey(importance, picture), COLOURS)])


def legend(picture: Bgr, style: str) -> Bgr:
    """Draw the legend of the colours into a corner."""
    height, width = picture.shape[:2]
    scale = max(height / 720, 0.4)
    words = (
        (f"-{STRONGEST_OFFSET:.0f}", f"+{STRONGEST_OFFSET:.0f} QP")
        if style == "blocks"
        else ("0", "1 importance")
    )
    # Smaller letters cannot be read, whatever the picture.
    letters = max(0.45 * scale, 0.4)
    widths = [cv2.getTextSize(word, _FONT, letters, 1)[0][0] for word in words]
    down, margin = round(14 * max(scale, letters / 0.45)), round(12 * scale)
    across = max(round(180 * scale), sum(widths) + down)
    top, left = height - margin - 3 * down, margin
    if across + 2 * margin > width or top < 0:
        return picture
    drawn = picture.copy()
    ramp = np.linspace(0, 1, across, dtype=np.float32)[None]
    if style == "blocks":
        signed = 1 - 2 * ramp[..., None]
        colours = np.where(signed > 0, FINER, COARSER) * np.abs(signed)
    else:
        colours = cv2.applyColorMap(np.rint(255 * ramp).astype(np.uint8), COLOURS)
    back = drawn[top - margin // 2 : height - margin // 2, left - margin // 2 : left + across + margin // 2]
    back[:] = back // 4
    drawn[top : top + down, left : left + across] = np.repeat(colours, down, 0).astype(np.uint8)
    for word, place in zip(words, (left, left + across - widths[1]), strict=True):
        cv2.putText(drawn, word, (place, top + 2 * down + down // 2), _FONT, letters, (255, 255, 255), 1,
                    cv2.LINE_AA)  # fmt: skip
    return drawn


def _grey(importance: FloatArray, picture: Bgr) -> NDArray[np.uint8]:
    return stretched(to_grey(importance), *picture.shape[:2])
