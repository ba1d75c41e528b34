"""Shapes that are painted on a picture, and the masks they make."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from semvid.core.checked import Field, Malformed
from semvid.core.records import dataclass
from semvid.core.resampling import averaged
from semvid.core.types import FloatArray

Point = tuple[float, float]
"""``(x, y)`` as shares of the width and the height of the upright picture, from its top left corner."""

_MOST_POINTS = 10_000
_OUTSIDE = 1.0
"""Points may be so far beside the picture, in its sizes: a stroke may begin there."""
_FINER = 4
"""Samples per cell and side, which are averaged: edges are grey."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """What a round brush paints."""

    points: tuple[Point, ...]
    """Where its middle went, at least one."""
    radius: float
    """Of the brush, as a share of the picture's width, above 0 to 1."""


@dataclass(frozen=True, slots=True)
class Polygon:
    """What a lasso or a rectangle goes round; where it crosses itself, inside and outside alternate."""

    points: tuple[Point, ...]
    """Its corners, at least three."""


Shape = Stroke | Polygon


def rasterised(shape: Shape, rows: int, cols: int) -> FloatArray:
    """Draw a shape.

    Args:
        shape: What to draw.
        rows: Of the mask, which is stretched over the whole picture.
        cols: Likewise.

    Returns:
        ``(rows, cols)``: the share of each cell that is covered, 0..1.
    """
    canvas = np.zeros((_FINER * rows, _FINER * cols), np.uint8)
    scale = np.array([_FINER * cols, _FINER * rows])
    corners = np.rint(np.array(shape.points) * scale - 0.5).astype(np.int32)
    if isinstance(shape, Polygon):
        cv2.fillPoly(canvas, [corners], 255)
    else:
        thickness = max(round(2 * shape.radius * _FINER * cols), 1)
        cv2.polylines(canvas, [corners], isClosed=False, color=255, thickness=thickness)
        for x, y in corners[[0, -1]].tolist():
            cv2.circle(canvas, (x, y), thickness // 2, 255, -1)
    return averaged(canvas, rows, cols).astype(np.float32) / np.float32(255)


def shape_to_plain(shape: Shape) -> dict[str, Any]:
    """Return a shape as JSON values: ``points``, and ``radius`` of a stroke."""
    found: dict[str, Any] = {"points": [[round(x, 5), round(y, 5)] for x, y in shape.points]}
    return found | ({"radius": round(shape.radius, 5)} if isinstance(shape, Stroke) else {})


def shape_from(field: Field) -> Shape:
    """Read what ``shape_to_plain`` made.

    Raises:
        Malformed: It is something else.
    """
    field.known("points", "radius")
    radius = field.find("radius")
    points = field.get("points").items(least=3 if radius is None else 1, most=_MOST_POINTS)
    found = tuple(_point(one) for one in points)
    if radius is None:
        return Polygon(found)
    if radius.number(0, 1) == 0:
        raise Malformed(f"{radius.place} is 0, not a number above 0 to 1")
    return Stroke(found, radius.number(0, 1))


def _point(field: Field) -> Point:
    x, y = (one.number(-_OUTSIDE, 1 + _OUTSIDE) for one in field.items(least=2, most=2))
    return x, y
