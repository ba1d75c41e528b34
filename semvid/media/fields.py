"""Interlaced pictures: which of their two fields comes first, and deinterlacing."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal, cast

from av import VideoFrame
from av.error import BlockingIOError as NothingYet
from av.error import EOFError as NothingMore
from av.filter import Graph
from av.video.stream import VideoStream

from semvid.core.types import Frame
from semvid.media.filter_chain import chain

FieldOrder = Literal["top", "bottom"]
"""The field that is shown first."""

FIELD_ORDERS: Mapping[FieldOrder, int] = {"top": 4, "bottom": 5}
"""FFmpeg's numbers (AV_FIELD_TB, AV_FIELD_BT) for a file whose pictures have both fields woven in."""

DEINTERLACED = "deinterlaced with bwdif, one picture from each frame"
WOVEN = "coded as progressive frames with both fields woven in"
"""What was done with interlaced video, for notices."""

_SMALLEST = (3, 4)
"""Minimum number of columns and lines for bwdif."""
_PROGRESSIVE = 1
"""FFmpeg's number of the field order of progressive video; 0 is unknown, all higher ones have fields."""
_SETFIELD = {"top": "tff", "bottom": "bff"}


def field_order(picture: VideoFrame) -> FieldOrder | None:
    """Return which field of an interlaced picture is shown first; None for a progressive one."""
    if not picture.interlaced_frame:
        return None
    # PyAV does not show the flag; FFmpeg's select filter does.
    graph = chain(picture, ("select", "eq(interlace_type,TOPFIRST)"))
    graph.push(picture)
    try:
        graph.pull()
    except NothingYet:
        return "bottom"
    return "top"


def says_fields(stream: VideoStream, first: VideoFrame) -> bool:
    """Return whether a video is marked as interlaced, in its container or its first decoded picture."""
    return first.interlaced_frame or stream.codec_context.field_order > _PROGRESSIVE


class FieldCount:
    """Counts interlaced frames."""

    def __init__(self) -> None:
        self._num_frames = self._num_interlaced = self._first = 0
        self.order: FieldOrder | None = None
        """Of the first of them."""

    def look(self, frame: Frame) -> None:
        """Count a frame."""
        self._num_frames += 1
        if frame.picture.interlaced_frame:
            if not self._num_interlaced:
                self._first, self.order = frame.index, field_order(frame.picture)
            self._num_interlaced += 1

    @property
    def begins_progressive(self) -> bool:
        """The first frame was none of them."""
        return self._first > 0

    def notice(self, done: str) -> list[str]:
        """Return a sentence if any frame was interlaced; ``done`` is what was made of them."""
        if not self._num_interlaced:
            return []
        if self._num_interlaced == self._num_frames:
            return [f"the video is interlaced; {done}"]
        verb = "is" if self._num_interlaced == 1 else "are"
        counts = f"{self._num_interlaced} of {self._num_frames} frames {verb} interlaced"
        return [f"{counts}, the first is frame {self._first}; {done}"]


class ProgressiveMarker:
    """Removes the mark "interlaced" from pictures: libx264 would ignore their maps with it.

    Args:
        order: The field that all pictures say is first, which libx264 reads all the same; None = as they do.
    """

    def __init__(self, order: FieldOrder | None = None) -> None:
        first = [("setfield", _SETFIELD[order])] if order else []
        self._steps = (*first, ("setfield", "prog"))
        self._forces = order is not None
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()

    def mark(self, picture: VideoFrame) -> VideoFrame:
        """Return the picture, marked as progressive; pixels are shared."""
        if not (picture.interlaced_frame or self._forces):
            return picture
        if self._graph is None or self._kind != _kind(picture):
            self._graph, self._kind = chain(picture, *self._steps), _kind(picture)
        self._graph.push(picture)
        return cast(VideoFrame, self._graph.pull())


class Deinterlacer:
    """Makes one progressive picture of every interlaced one with FFmpeg's bwdif.

    Progressive ones and all timestamps stay as they are, and every picture that goes in comes out. From the
    first interlaced one on, each comes out when the next goes in, since bwdif looks at both neighbours.
    """

    def __init__(self) -> None:
        self._graph: Graph | None = None
        self._kind: tuple[object, ...] = ()
        self._waiting: deque[VideoFrame] = deque()

    def feed(self, picture: VideoFrame) -> list[VideoFrame]:
        """Take the next picture; return those that are ready."""
        ready = []
        if self._graph is not None and self._kind != _kind(picture):
            ready = self.flush()
        if self._graph is None:
            if not picture.interlaced_frame or picture.width < _SMALLEST[0] or picture.height < _SMALLEST[1]:
                return [*ready, picture]
            self._graph = chain(picture, ("bwdif", "mode=send_frame:parity=auto:deint=interlaced"))
            self._kind = _kind(picture)
        self._waiting.append(picture)
        self._graph.push(picture)
        return ready + self._pull(self._graph)

    def flush(self) -> list[VideoFrame]:
        """Return what still waits; the next picture starts again."""
        if self._graph is None:
            return []
        self._graph.push(None)
        ready = self._pull(self._graph)
        self._graph = None
        self._waiting.clear()
        return ready

    def _pull(self, graph: Graph) -> list[VideoFrame]:
        ready = []
        with suppress(NothingYet, NothingMore):
            while self._waiting:
                made = cast(VideoFrame, graph.pull())
                # The filter counts in halves of the time base.
                given = self._waiting.popleft()
                made.pts, made.time_base, made.duration = given.pts, given.time_base, given.duration
                ready.append(made)
        return ready


def _kind(picture: VideoFrame) -> tuple[object, ...]:
    return picture.width, picture.height, picture.format.name
