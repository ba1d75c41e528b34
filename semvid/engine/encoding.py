"""The stage that encodes: prepared frames become coded packets."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from semvid.codecs.base.coding import Coding, Encoder, PreparedFrame, Target
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.events import Notice
from semvid.core.pacing import Pace
from semvid.core.records import dataclass
from semvid.core.threads import thread_budget
from semvid.engine.stages import Items


@dataclass(frozen=True, slots=True)
class Encoded:
    """A frame went into the encoder."""

    frame: PreparedFrame | None
    """None = the encoder was emptied."""
    packets: list[CodedPacket]
    """What came out: of this frame or earlier ones."""


class Encoding:
    """Encodes prepared frames with one encoder, or one after another.

    Call ``begin`` before the first frame, and ``close`` at the end.
    """

    def __init__(self) -> None:
        self._encoder: Encoder | None = None
        self._next: tuple[Coding, Target] | None = None
        self._num_told = 0
        self._pace: Pace | None = None

    def begin(self, coding: Coding, target: Target) -> None:
        """Have the next frame open a new encoder; the one before it is emptied then."""
        self._next = coding, target

    def run(self, items: Items) -> Items:
        """Encode the frames among ``items``, and empty the encoder at the end; pass on everything else.

        Yields:
            ``StreamParameters`` when an encoder is open, ``Notice`` as its sentences come, and one
            ``Encoded`` for each frame and each encoder that is emptied.
        """
        yield from self.encode(items)
        yield from self.finish()

    def encode(self, items: Items) -> Items:
        """Do what ``run`` does, except for emptying the encoder."""
        for item in items:
            if not isinstance(item, PreparedFrame):
                yield item
                continue
            yield from self._open(item)
            assert self._encoder is not None  # noqa: S101 - begin comes first
            packets = self._encoder.encode(item)
            if self._pace is not None:
                self._pace.keep()
            yield from self._new_notices()
            yield Encoded(item, packets)

    def finish(self, *, is_end: bool = True) -> Generator[Encoded | Notice, None, None]:
        """Empty the encoder, if there is one; see ``Encoder.flush``."""
        if self._encoder is None:
            return
        try:
            packets = self._encoder.flush(is_end=is_end)
            yield from self._new_notices()
            yield Encoded(None, packets)
        finally:
            self.close()

    def _open(self, first: PreparedFrame) -> Generator[StreamParameters | Encoded | Notice, None, None]:
        if self._next is None:
            return
        coding, target = self._next
        # Live streams wait for nothing.
        self._pace = None if target.source is None else Pace(thread_budget())
        encoder = coding.open(first, target)
        yield from self.finish(is_end=False)
        self._next, self._encoder, self._num_told = None, encoder, 0
        yield encoder.parameters
        yield from self._new_notices()

    def _new_notices(self) -> Generator[Notice, None, None]:
        """Tell what only this frame shows."""
        assert self._encoder is not None  # noqa: S101 - only called with one
        notices: list[Any] = self._encoder.notices[self._num_told :]
        self._num_told += len(notices)
        yield from map(Notice, notices)

    def close(self) -> None:
        """Stop what the encoder still does."""
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None
