"""What becomes of interlaced frames: coded as such, made progressive, or left as they are; and told."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from semvid.core.config import Deinterlace
from semvid.core.text import Loss
from semvid.core.types import AnalysedFrame, Frame
from semvid.media.fields import DEINTERLACED, WOVEN, Deinterlacer, FieldCount
from semvid.media.writing.containers import MP4_LIKE

if TYPE_CHECKING:
    from av import Packet, VideoFrame

_SAYS_ORDER = MP4_LIKE | {".mkv"}
"""Containers that say which field comes first."""


class InterlacedStage:
    """Stands behind the analysis: maps are the same whatever becomes of the fields.

    Args:
        choice: What the user wants.
        codes_fields: Whether interlaced video like this picture can be coded as such; None = never.
        suffix: Of the output file, where there is one that may say which field comes first.
    """

    def __init__(
        self, choice: Deinterlace, codes_fields: Callable[[VideoFrame], bool] | None = None, suffix: str = ""
    ) -> None:
        self._choice = choice
        self._can_code_fields = codes_fields
        self._suffix = suffix.lower()
        self._deinterlacer: Deinterlacer | None = None
        self._waiting: deque[AnalysedFrame] = deque()
        self._codes_fields = self._has_begun = False
        self._count = FieldCount()

    def run(
        self, items: Iterable[AnalysedFrame | Packet[Any]]
    ) -> Generator[AnalysedFrame | Packet[Any], None, None]:
        """Pass everything on; while frames are deinterlaced they come out one later."""
        for item in items:
            if not isinstance(item, AnalysedFrame):
                yield item
                continue
            if not self._has_begun:
                self._decide(item.frame.picture)
            self._count.look(item.frame)
            if self._deinterlacer is None:
                yield item
                continue
            self._waiting.append(item)
            yield from map(self._made, self._deinterlacer.feed(item.frame.picture))
        if self._deinterlacer is not None:
            yield from map(self._made, self._deinterlacer.flush())

    def _decide(self, first: VideoFrame) -> None:
        self._has_begun = True
        if self._choice != "bwdif" and first.interlaced_frame and self._can_code_fields is not None:
            self._codes_fields = self._can_code_fields(first)
        if self._choice != "keep" and not self._codes_fields:
            self._deinterlacer = Deinterlacer()

    def _made(self, picture: VideoFrame) -> AnalysedFrame:
        given = self._waiting.popleft()
        if picture is given.frame.picture:
            return given
        return replace(given, frame=Frame(picture, given.frame.index, turns=given.frame.turns))

    def notices(self) -> list[str]:
        """Call after the last frame: a sentence if any frame was interlaced."""
        told = self._count.notice(self._done)
        # Fields are gone, or players do not learn of them, and nobody asked for that.
        is_lost = self._choice == "auto" and not self._codes_fields
        return [Loss(one) for one in told] if is_lost else told

    @property
    def _done(self) -> str:
        if self._codes_fields:
            order = self._count.order
            return f"coded as interlaced, {order} field first (`deinterlace=bwdif` makes it progressive)"
        if self._deinterlacer is not None:
            is_told_to = self._choice == "bwdif" or self._can_code_fields is None
            remedy = "" if is_told_to else " (`deinterlace=keep` leaves the lines alone)"
            return DEINTERLACED + remedy
        if self._count.begins_progressive:
            return f"{WOVEN}, and nothing tells players so, since the video begins progressive"
        if self._suffix in _SAYS_ORDER:
            return f"{WOVEN}; the file says that the {self._count.order} field is first"
        return f"{WOVEN}, and {self._suffix} cannot tell players so; .mkv can"
