"""What becomes of interlaced frames: coded as such, made progressive, or left as they are; and told."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from semvid.config import Deinterlace
from semvid.encode.coding import Coding
from semvid.io.fields import FieldOrder, FrameDeinterlacer, field_order
from semvid.types import AnalysedFrame, Frame

if TYPE_CHECKING:
    from av import Packet

_SAYS_ORDER = {".mkv", ".mp4", ".m4v", ".mov"}
"""Containers that say which field comes first."""


class InterlacedStage:
    """Stands between analysis and encoder: maps are the same whatever becomes of the fields.

    Args:
        choice: What the user wants.
        coding: Of the video; a video that begins interlaced is coded as such if it can be.
        suffix: Of the output file.
    """

    def __init__(self, choice: Deinterlace, coding: Coding, suffix: str) -> None:
        self._choice = choice
        self._coding = coding
        self._suffix = suffix.lower()
        self._deinterlacer: FrameDeinterlacer | None = None
        self._waiting: deque[AnalysedFrame] = deque()
        self._codes_fields = False
        self._num_frames = self._num_interlaced = self._first = 0
        self._order: FieldOrder | None = None

    def run(
        self, items: Iterable[AnalysedFrame | Packet[Any]]
    ) -> Generator[AnalysedFrame | Packet[Any], None, None]:
        """Pass everything on; while frames are deinterlaced they come out one later."""
        for item in items:
            if not isinstance(item, AnalysedFrame):
                yield item
                continue
            self._look(item.frame)
            if self._deinterlacer is None:
                yield item
                continue
            self._waiting.append(item)
            yield from map(self._made, self._deinterlacer.feed(item.frame))
        if self._deinterlacer is not None:
            yield from map(self._made, self._deinterlacer.flush())

    def _look(self, frame: Frame) -> None:
        picture = frame.picture
        if not self._num_frames:
            if self._choice != "bwdif" and picture.interlaced_frame:
                self._codes_fields = self._coding.codes_fields(picture)
            if self._choice != "keep" and not self._codes_fields:
                self._deinterlacer = FrameDeinterlacer()
        self._num_frames += 1
        if picture.interlaced_frame:
            if not self._num_interlaced:
                self._first, self._order = frame.index, field_order(picture)
            self._num_interlaced += 1

    def _made(self, frame: Frame) -> AnalysedFrame:
        return replace(self._waiting.popleft(), frame=frame)

    def notices(self) -> list[str]:
        """Call after the last frame: a sentence if any frame was interlaced."""
        if not self._num_interlaced:
            return []
        return [
            f"{how_many_are_interlaced(self._num_interlaced, self._num_frames, self._first)}; {self._done}"
        ]

    @property
    def _done(self) -> str:
        if self._codes_fields:
            return (
                f"coded as interlaced, {self._order} field first (--deinterlace bwdif makes it progressive)"
            )
        if self._deinterlacer is not None:
            done = "deinterlaced with bwdif, one picture from each frame"
            return done if self._choice == "bwdif" else f"{done} (--deinterlace keep leaves the lines alone)"
        woven = "coded as progressive frames with both fields woven in"
        if self._first:
            return f"{woven}, and nothing tells players so, since the video begins progressive"
        if self._suffix in _SAYS_ORDER:
            return f"{woven}; the file says that the {self._order} field is first"
        return f"{woven}, and {self._suffix} cannot tell players so; .mkv can"


def how_many_are_interlaced(num_interlaced: int, num_frames: int, first: int) -> str:
    """Say how many frames are interlaced, and which is the first if some are not."""
    if num_interlaced == num_frames:
        return "the video is interlaced"
    return f"{num_interlaced} of {num_frames} frames are interlaced, the first is frame {first}"
