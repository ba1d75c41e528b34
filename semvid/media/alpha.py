"""Transparency: finds out whether pictures have any, and removes it."""

from __future__ import annotations

from typing import cast

from av import VideoFormat, VideoFrame
from av.filter import Graph

from semvid.core.conversion import converted
from semvid.core.luma import plane_of
from semvid.media.colour import colours_of, has_alpha, range_of
from semvid.media.filter_chain import chain

_DEPTHS = (8, 10, 12)


class Flattener:
    """Puts pictures on black, which is what players show behind transparent ones.

    A video whose alpha samples are all 0 from the start is not really transparent: screen recorders leave
    them unset. Its pictures stay as they are.

    Attributes:
        found: Whether any picture so far had a transparent part.
    """

    def __init__(self) -> None:
        self.found = False
        self._was_seen = False
        self._graph: Graph | None = None
        self._key: tuple[object, ...] | None = None

    def flatten(self, picture: VideoFrame) -> VideoFrame:
        """Return the picture on black; itself, with its alpha, where it is opaque."""
        if not has_alpha(picture.format):
            return picture
        colours = colours_of(picture)
        planar = converted(picture, _planar_like(picture.format), source=colours, target=colours)
        opacity = plane_of(planar, 3)
        self._was_seen = self._was_seen or bool(opacity.any())
        if not self._was_seen or opacity.min() == (1 << planar.format.components[3].bits) - 1:
            return picture
        self.found = True
        key = (planar.width, planar.height, planar.format.name)
        if self._graph is None or key != self._key:
            self._graph, self._key = chain(planar, ("premultiply", "inplace=1")), key
        self._graph.push(planar)
        flat = cast(VideoFrame, self._graph.pull())
        flat.color_range, flat.colorspace = range_of(picture), picture.colorspace
        return flat


def _planar_like(layout: VideoFormat) -> str:
    bits = layout.components[0].bits
    depth = next((one for one in _DEPTHS if bits <= one), 16)
    return ("gbrap" if layout.is_rgb else "yuva444p") + ("" if depth == 8 else f"{depth}le")
