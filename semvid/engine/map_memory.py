"""The maps of a run in memory, for other runs over the same frames."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from semvid.core.types import AnalysedFrame, FloatArray, Frame, Span
from semvid.engine.stages import Items, Stage

MOST_BYTES = 256 * 2**20
"""Those of the usual network for some eight thousand frames."""


class MapMemory:
    """Keeps the maps that one run makes, and gives them to the frames of the next.

    Args:
        most_bytes: It keeps none where all take more; None = it keeps all.

    Attributes:
        notices: Sentences about the maps.
        is_complete: It has the maps of all frames.
        has_network: A network made them.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self._most_bytes, self._num_bytes = most_bytes, 0
        self._maps: dict[int, tuple[FloatArray, bool]] = {}
        self.notices: Sequence[str] = ()
        self.is_complete = self.has_network = False

    @classmethod
    def of(cls, maps: Iterable[tuple[int, FloatArray]]) -> MapMemory:
        """Return one that has the maps of frames by their ``pts``; it knows of no cuts."""
        memory = cls()
        memory._maps = {pts: (importance, False) for pts, importance in maps}
        memory.is_complete = True
        return memory

    def keep(self, span: Span) -> Stage:
        """Return a stage that keeps the maps of frames in a span, and passes everything on."""

        def run(items: Items) -> Items:
            for item in items:
                if isinstance(item, AnalysedFrame) and item.importance is not None:
                    self._add(item, item.importance, span)
                yield item

        return run

    def _add(self, one: AnalysedFrame, importance: FloatArray, span: Span) -> None:
        if one.frame.pts not in span or not self._fits:
            return
        self._num_bytes += importance.nbytes
        self._maps[one.frame.pts] = importance, one.is_cut
        if not self._fits:
            self._maps.clear()

    @property
    def _fits(self) -> bool:
        return self._most_bytes is None or self._num_bytes <= self._most_bytes

    def finish(self, notices: Sequence[str], *, has_network: bool) -> None:
        """Call it after the last frame."""
        self.notices, self.has_network, self.is_complete = tuple(notices), has_network, self._fits

    def attach(self, items: Items) -> Items:
        """Give frames their maps; those outside of the span get none."""
        for item in items:
            if isinstance(item, Frame):
                importance, is_cut = self._maps.get(item.pts, (None, False))
                yield AnalysedFrame(item, importance, is_cut)
            else:
                yield item
