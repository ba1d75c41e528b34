"""The streams beside the video where only a part of a file is wanted: what is kept of them, and when."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from av import Packet
from av.stream import Stream

from semvid.core.types import VideoInfo
from semvid.media.edit import part_of_file
from semvid.media.probe import is_cover_art

_LEAD_IN = Fraction(1, 10)
"""Seconds of sound before the part that decoders may need: Opus asks for 80 ms, MP3 looks back as far."""
_ALONE = ("pcm_", "flac", "alac", "adpcm_")
"""Sound whose packets need no others."""


class Window:
    """Moves packets of other streams to the clock of a part, which begins at 0, and finds those outside.

    Args:
        info: Of the edited video.
    """

    def __init__(self, info: VideoInfo) -> None:
        part = part_of_file(info)
        self.start = part.start * info.file_time_base
        self.end = None if part.end is None else part.end * info.file_time_base
        self._begun: set[int] = set()

    @property
    def length(self) -> Fraction | None:
        """Of the part, in seconds; None = it has no end of its own."""
        return None if self.end is None else self.end - self.start

    def takes(self, packet: Packet[Any]) -> bool:
        """Move a packet; False = it is not of the part.

        Sound that is heard in the part is kept, with what its decoder needs before: times may be negative. A
        text is cut to what is shown of it. Other video begins with a key frame. Covers have no time.
        """
        stream, base = packet.stream, packet.time_base
        if is_cover_art(stream) or not base:
            return True
        when = packet.pts if packet.pts is not None else packet.dts
        start = (when or 0) * base
        end = start + (packet.duration or 0) * base
        if self.end is not None and start >= self.end:
            return False
        if stream.type == "audio":
            if end <= self.start - lead_in_of(stream):
                return False
        elif stream.type == "subtitle":
            if start < self.start and end <= self.start:
                return False
        elif start < self.start or (stream.type == "video" and not self._begins(packet)):
            return False
        ticks = round(self.start / base)
        packet.pts = None if packet.pts is None else packet.pts - ticks
        packet.dts = None if packet.dts is None else packet.dts - ticks
        if stream.type == "subtitle":
            self._cut(packet, base)
        return True

    def _begins(self, packet: Packet[Any]) -> bool:
        if packet.is_keyframe:
            self._begun.add(packet.stream.index)
        return packet.stream.index in self._begun

    def _cut(self, packet: Packet[Any], base: Fraction) -> None:
        if packet.pts is None:
            return
        end = packet.pts + (packet.duration or 0)
        if self.length is not None:
            end = min(end, round(self.length / base))
        packet.pts = max(packet.pts, 0)
        packet.dts = packet.pts
        packet.duration = max(end - packet.pts, 0)

    def chapters(self, chapters: list[Any]) -> list[Any]:
        """Return chapters of the file, as PyAV has them, cut to the part."""
        kept = []
        for one in chapters:
            base = one["time_base"]
            shift = round(self.start / base)
            start, end = max(one["start"] - shift, 0), one["end"] - shift
            if self.length is not None:
                end = min(end, round(self.length / base))
            if end > start:
                kept.append({**one, "start": start, "end": end})
        return kept


def lead_in_of(stream: Stream) -> Fraction:
    """Return how many seconds of sound before a packet its decoder may need."""
    return Fraction(0) if stream.codec_context.codec.canonical_name.startswith(_ALONE) else _LEAD_IN
