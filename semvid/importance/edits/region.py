"""The outline of what somebody points at, by the map of the frame."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.importance.edits.shapes import Polygon, Shape, Stroke

_SHARE = 0.6
"""Of the importance at the place: what is joined to it and matters at least so much belongs to it."""
_LEAST = 40
"""Grey level under which the map says nothing of the place."""
_RADIUS = 0.05
"""Of what is taken then, as a share of the picture's width."""
_LARGEST = 0.5
"""Share of the picture that one thing may cover."""


def region_at(grey: NDArray[np.uint8], x: float, y: float) -> Shape:
    """Return the outline of the thing at a place.

    Args:
        grey: ``(rows, cols)``, importance times 255.
        x: Share of the width, 0..1.
        y: Share of the height, 0..1.

    Returns:
        What is joined to the place and matters about as much; a disc where the map says nothing of it.
    """
    disc = Stroke(((x, y),), _RADIUS)
    # Smooth, so that the outline is not that of cells.
    fine = cv2.resize(grey, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    rows, cols = fine.shape
    place = min(int(y * rows), rows - 1), min(int(x * cols), cols - 1)
    level = int(fine[place])
    if level < _LEAST:
        return disc
    _, labels = cv2.connectedComponents((fine >= _SHARE * level).astype(np.uint8))
    inside = (labels == labels[place]).astype(np.uint8)
    if inside.mean() > _LARGEST:
        return disc
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    corners = cv2.approxPolyDP(max(outlines, key=cv2.contourArea), 1.0, closed=True)[:, 0]
    if len(corners) < 3:
        return disc
    return Polygon(tuple(((float(a) + 0.5) / cols, (float(b) + 0.5) / rows) for a, b in corners))
