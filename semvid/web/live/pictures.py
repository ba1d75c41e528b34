"""The pictures of the page: a snapshot as a semantic JPEG, in one of four views."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from typing import Literal, get_args

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from semvid.codecs.jpeg.choice import Counts
from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.planes import Plane, Planes, planes_from_rgb
from semvid.core.conversion import Colours
from semvid.core.geometry import scaled_size, turned_size
from semvid.core.luma import all_planes
from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, Frame, to_grey
from semvid.media.colour import colours_of
from semvid.media.drawing import heat
from semvid.streaming.base.types import Snapshot

View = Literal["picture", "heat", "split", "source"]
VIEWS: tuple[View, ...] = get_args(View)

WIDTHS = (1280, 960, 640)
"""Pictures are no wider, and have no more pixels than 16:9 of that width."""
_QUALITY = 70
"""Of a busy picture (2-core EPYC, busy too): 1280x720 takes 32 to 36 ms and 96 kB, 960x540 18 ms and 48 kB;
at quality 80 it is a fifth more time and 70 % more bytes."""
_DRAWN_STRENGTH = 0.5
"""Blocks become visible where colours are darkened."""
_OPACITY = 0.5
_LINE = 2
"""Pixels on either side of the middle of the split view."""


class PictureMaker:
    """Makes pictures, all in one thread.

    Attributes:
        width: One of ``WIDTHS``: the maximum width.
    """

    def __init__(self) -> None:
        self.width = WIDTHS[0]
        self._counts: dict[View, Sequence[Counts]] = {}

    def make(self, view: View, snapshot: Snapshot) -> bytes:
        """Return a JPEG of the snapshot, upright. Without a map, ``heat`` and ``split`` show the picture.

        None is the encode. The quality is the same in all views: ``source`` has it everywhere, the others
        where it matters.
        """
        matters = snapshot.importance
        planes = self._planes(snapshot.frame)
        if view == "source":
            return PictureCoder(planes, None).encode_plain(_QUALITY)
        if matters is not None and view == "heat":
            planes = tinted(planes, matters, _OPACITY)
        elif matters is not None and view == "split":
            planes = _halved(planes, tinted(planes, matters, _OPACITY))
        coder = PictureCoder(planes, matters)
        # The symbols of the last picture predict those of this one: one choice instead of three.
        strength = _DRAWN_STRENGTH if view == "heat" else 1
        choice = Choice(quality=_QUALITY, strength=strength, mends_borders=False)
        jpeg = coder.encode(choice, self._counts.get(view, ()))
        self._counts[view] = coder.counts
        return jpeg

    def warm_up(self) -> None:
        """Load and compile what pictures need: later that would take seconds of the stream's time."""
        picture = VideoFrame.from_ndarray(np.full((24, 16), 128, np.uint8), format="yuv420p")
        tiny = Snapshot(Frame(picture, 0), np.ones((2, 2), np.float32))
        for view in VIEWS:
            self.make(view, tiny)
        self._counts.clear()

    def _planes(self, frame: Frame) -> Planes:
        size = picture_size(frame.upright_size, self.width)
        picture = frame.download(
            "yuvj420p", turned_size(size, frame.quarter_turns),
            source=colours_of(frame.picture), target=Colours(Colorspace.ITU601, ColorRange.JPEG),
        )  # fmt: skip
        return Planes(tuple(frame.upright(one) for one in all_planes(picture)), "4:2:0")


def picture_size(size: tuple[int, int], most: int) -> tuple[int, int]:
    """Return ``(width, height)`` of the picture to show, both even.

    Args:
        size: Of the upright source in pixels.
        most: Width of the largest 16:9 picture allowed; no side is longer, and no picture has more pixels.
    """
    width, height = size
    scale = min(1, most / width, most / height, math.sqrt(most * most * 9 / 16 / (width * height)))
    return scaled_size(size, scale, multiple=2, least=2)


def tinted(planes: Planes, importance: FloatArray, opacity: float) -> Planes:
    """Lay the colours of the map over planes; as ``drawing.heat``, but without the way through RGB."""
    coarse, drawn = to_grey(importance), []
    for plane, colours in zip(planes.components, _colours(), strict=True):
        tint = cv2.LUT(stretched(coarse, *plane.shape), colours)
        drawn.append(np.asarray(cv2.addWeighted(tint, opacity, plane, 1 - opacity, 0), np.uint8))
    return Planes(tuple(drawn), planes.sampling)


@cache
def _colours() -> tuple[NDArray[np.uint8], ...]:
    """Y, Cb and Cr of the map's colours, ``(256,)`` each, by grey level."""
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None]
    bgr = heat(np.zeros((1, 256, 3), np.uint8), ramp, 1)
    components = planes_from_rgb(np.ascontiguousarray(bgr[..., ::-1]), "4:4:4").components
    return tuple(np.rint(np.clip(one[0], 0, 255)).astype(np.uint8) for one in components)


def _halved(left: Planes, right: Planes) -> Planes:
    """Put the left half of one picture beside the right half of the other, a white line between them."""
    joined: list[Plane] = []
    for index, (one, other) in enumerate(zip(left.components, right.components, strict=True)):
        middle, half_line = one.shape[1] // 2, _LINE >> (index > 0)
        whole = np.hstack([one[:, :middle], other[:, middle:]])
        whole[:, max(middle - half_line, 0) : middle + half_line] = 128 if index else 255
        joined.append(np.asarray(whole, np.uint8))
    return Planes(tuple(joined), left.sampling)
