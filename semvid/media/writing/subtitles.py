"""Converts text subtitles for another container."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

from av import Packet
from av.container import OutputContainer
from av.error import FFmpegError
from av.subtitles.stream import SubtitleStream
from av.subtitles.subtitle import AssSubtitle, SubtitleSet

from semvid.core.records import dataclass
from semvid.core.text import Loss, counted
from semvid.media.writing.container_trial import global_header

_MILLISECOND = Fraction(1, 1000)
_USUAL_SHOWN_MS = 5000
"""Where the source does not say, and nothing follows."""
_UNKNOWN_END = 2**32 - 1
_FIELDS_BEFORE_TEXT = 8


@dataclass(frozen=True, slots=True)
class _Cue:
    start: int
    """In milliseconds, as ``end``."""
    end: int | None
    texts: tuple[str, ...]
    """Texts with ASS markup."""

    def beside(self, other: _Cue) -> _Cue:
        """Give it the end of one that begins with it, if it has none, as of two together in MP4."""
        return replace(self, end=other.end) if self.end is None and self.start == other.start else self

    def ending_by(self, now: int) -> _Cue:
        """Give it an end, if it has none and another one begins now."""
        if self.end is not None or now <= self.start:
            return self
        return replace(self, end=min(now, self.start + _USUAL_SHOWN_MS))


class SubtitleConverter:
    """Turns packets of text into those of another format, for an output that has not been started."""

    def __init__(self, container: OutputContainer, source: SubtitleStream, encoder: str) -> None:
        self._source = source
        source.codec_context.open(strict=False)
        self.stream = cast(SubtitleStream, container.add_stream(encoder))
        self._context = self.stream.codec_context
        self._context.subtitle_header = source.codec_context.subtitle_header
        self.stream.time_base = self._context.time_base = _MILLISECOND
        global_header(self.stream)
        self._can_overlap = encoder != "mov_text"
        self._waiting: list[_Cue] = []
        self._num_bad_packets = 0

    def convert(self, packet: Packet[Any]) -> list[Packet[Any]]:
        """Return the packets that a packet of the source completes."""
        try:
            found = self._source.codec_context.decode2(packet)
        except FFmpegError:
            self._num_bad_packets += 1
            return []
        texts = tuple(
            one.ass.decode("utf-8", "replace").split(",", _FIELDS_BEFORE_TEXT)[-1]
            for one in found or ()
            if isinstance(one, AssSubtitle)
        )
        pts = packet.pts if packet.pts is not None else packet.dts
        if found is None or not any(texts) or pts is None:
            return []
        start = round(pts * packet.time_base / _MILLISECOND)
        shown = round((packet.duration or 0) * packet.time_base / _MILLISECOND)
        if not shown and 0 < found.end_display_time < _UNKNOWN_END:
            shown = found.end_display_time
        cue = _Cue(start, start + shown if shown else None, texts)
        ready = self._until(start)
        self._waiting = [one.beside(cue) for one in self._waiting] + [cue]
        return [self._coded(one) for one in ready]

    def finish(self) -> list[Packet[Any]]:
        """Return the remaining packets."""
        ends = [one.start + _USUAL_SHOWN_MS if one.end is None else one.end for one in self._waiting]
        return [self._coded(one) for one in self._until(max(ends, default=0) + 1)]

    @property
    def notices(self) -> list[str]:
        """A sentence for what went wrong."""
        if not self._num_bad_packets:
            return []
        name = self._source.codec_context.codec.canonical_name
        return [
            Loss(
                f"stream {self._source.index} (subtitle, {name}) is damaged: "
                f"{counted(self._num_bad_packets, 'packet')} could not be decoded"
            )
        ]

    def _until(self, now: int) -> list[_Cue]:
        """Remove and return what can be written when the next cue begins at ``now``."""
        self._waiting = [one.ending_by(now) for one in self._waiting]
        if self._can_overlap:
            ready = [one for one in self._waiting if one.end is not None]
            self._waiting = [one for one in self._waiting if one.end is None]
            return ready
        return self._without_overlap(now)

    def _without_overlap(self, now: int) -> list[_Cue]:
        """Where one text follows another: those shown together become one, again at every change."""
        ready = []
        while self._waiting:
            start = min(one.start for one in self._waiting)
            if start >= now:
                break
            shown = [one for one in self._waiting if one.start == start]
            ends = [one.end for one in shown if one.end is not None]
            later = [one.start for one in self._waiting if one.start > start]
            end = min([*ends, *later, now])
            ready.append(_Cue(start, end, tuple(text for one in shown for text in one.texts)))
            rest = [_Cue(end, one.end, one.texts) for one in shown if one.end is None or one.end > end]
            self._waiting = rest + [one for one in self._waiting if one.start > start]
        return ready

    def _coded(self, cue: _Cue) -> Packet[Any]:
        shown = (cue.end or cue.start) - cue.start
        text = "{\\r}\\N".join(cue.texts)
        packet = self._context.encode_subtitle(
            SubtitleSet.create(f"0,0,Default,,0,0,0,,{text}".encode(), 0, max(shown, 0))
        )
        packet.pts = packet.dts = cue.start
        packet.duration = shown
        packet.time_base, packet.stream = _MILLISECOND, self.stream
        return packet
