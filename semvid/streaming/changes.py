"""Notices about a running live stream: sources, sinks and maps that are lost and come back."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from semvid.core.events import Notice
from semvid.streaming.ends import FrameSource, PacketTaker
from semvid.streaming.mapper import LiveMapper
from semvid.streaming.stream import LiveStream


class Changes:
    """Reports when the source, a sink or the maps are lost or come back."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}
        self._has_told_of_maps = self._is_stuck = False
        self._num_remarks = 0

    def of(
        self, reader: FrameSource, sinks: Sequence[PacketTaker], stream: LiveStream
    ) -> Generator[Notice, None, None]:
        """Yield what is new since the last call."""
        yield from self._of_maps(stream.mapper)
        yield from map(Notice, stream.take_remarks())
        remarks = reader.remarks[self._num_remarks :]
        self._num_remarks += len(remarks)
        yield from map(Notice, remarks)
        ends: list[tuple[str, FrameSource | PacketTaker]] = [("the source", reader)]
        ends += [(sink.name, sink) for sink in sinks]
        goes_on = any(one.state != "closed" for one in sinks)
        for index, (name, one) in enumerate(ends):
            before, self._known[index] = self._known.get(index), one.state
            if one.state == "lost" and before != "lost":
                why = f": {one.last_error}" if one.last_error else ""
                yield Notice(f"{name} is lost{why}; reconnecting")
            elif before == "lost" and one.state in {"playing", "open"}:
                yield Notice(f"{name} is back")
            elif before != "closed" and one.state == "closed" and one.last_error and goes_on:
                yield Notice(f"{one.last_error}; the stream goes on without it")

    def _of_maps(self, maps: LiveMapper) -> Generator[Notice, None, None]:
        if maps.failure and not self._has_told_of_maps:
            self._has_told_of_maps = True
            yield Notice(f"a map could not be made: {maps.failure}; semvid tries again with the next frames")
        if maps.is_stuck != self._is_stuck:
            self._is_stuck = not self._is_stuck
            if self._is_stuck:
                yield Notice("the source of the maps does not answer; the stream goes on with the last map")
            else:
                yield Notice("the source of the maps answers again")
