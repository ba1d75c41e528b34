"""Finds where to begin decoding a part of a video, so that its frames equal those of the whole video.

A key frame will do if it comes out of a fresh decoder by itself, coded without others (after those of "intra
refresh" a decoder shows nothing for a while), and if the packets up to there tell one time each: else
frames would be shown at another time than in the whole video.

Files whose index is to be trusted are sought. All others are read from the beginning, which takes a
thousandth of the time that decoding does: only so their clocks' jumps and wraps are seen. What a sought file
has long before the part is not looked at, so if its timestamps go back or repeat there, that is not known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import field
from fractions import Fraction
from typing import Any

from av import Packet
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.stream import VideoStream

from semvid.core.errors import InputError
from semvid.core.records import dataclass
from semvid.core.types import Span, VideoInfo
from semvid.media.ebml import SEGMENT, elements_of_file
from semvid.media.probe import decoder_of, open_video
from semvid.media.reading.packets import PacketReader

_INTERLEAVED = Fraction(2)
"""Seconds by which sound may lie before the picture it belongs to in a sought file."""
_ATTEMPTS = 4
MOST_REORDERED = 32
"""Packets until a decoder on one thread gives the first picture back, at most."""
_CODED_ALONE = {PictureType.NONE, PictureType.I}


@dataclass(frozen=True, slots=True)
class Entry:
    """Where a decoder begins."""

    seek_to: int | None = None
    """In the time base of the video, on the file's own clock; None = the file is read from its beginning."""
    num_passed: int = 0
    """Packets of the video from there on that are not decoded."""


@dataclass
class _Scan:
    """What is known from the video's packets."""

    is_regular: bool = True
    """Whether each has its own time."""
    is_met: bool = False
    """Some are of the part."""
    num_before: int = 0
    """Before the last key frame that is shown no later than the part begins."""
    opening: list[Packet[Any]] = field(default_factory=list)
    """That key frame and some after it, empty = there is none."""
    first: int = 0
    last: int = 0
    """When the first is decoded, and when the last is shown."""


def find_entry(
    info: VideoInfo,
    others: Collection[int] | None,
    span: Span,
    start: int,
    shift: Fraction,
    *,
    may_seek: bool = True,
) -> Entry | None:
    """Return where to begin decoding; None = at the first packet.

    Args:
        info: Of the video.
        others: Streams that are read beside it; None = all.
        span: The part.
        start: From when on frames are wanted, no later than the part begins.
        shift: Seconds by which the file's clock is moved at its beginning.
        may_seek: Nothing long before the part is needed.

    Raises:
        InputError: No frame is in the part.
    """
    if not may_seek or not is_indexed(info):
        return _try_entry(info, others, span, start, None, shift)[0]
    ticks = round(shift / info.file_time_base)
    margin = round(_INTERLEAVED / info.file_time_base) if others is None or others else 0
    target = start - margin
    for _ in range(_ATTEMPTS):
        if target <= 0:
            break
        entry, scan = _try_entry(info, others, span, start, target - ticks, shift)
        if entry is not None or not scan.is_regular:
            return entry
        key = scan.opening[0] if scan.opening else None
        target = min(scan.first, target) - 1 if key is None else (key.dts or key.pts or 0) - margin - 1
    return None


def _try_entry(
    info: VideoInfo,
    others: Collection[int] | None,
    span: Span,
    start: int,
    seek_to: int | None,
    shift: Fraction,
) -> tuple[Entry | None, _Scan]:
    container, stream, _ = open_video(info.path)
    with container:
        if seek_to is not None:
            try:
                container.seek(seek_to, stream=stream)
            except FFmpegError:
                return None, _Scan(is_regular=False)
        packets = PacketReader(container, stream, others, shift=shift).read()
        scan = _scan((one for one in packets if one.stream.index == stream.index), span, start)
        if scan.is_regular and not scan.is_met:
            raise no_frames(info, span, scan.last * info.file_time_base)
        if not scan.is_regular or not scan.opening or not _comes_out_alone(stream, info, scan.opening):
            return None, scan
    return Entry(seek_to, scan.num_before), scan


def _scan(packets: Iterable[Packet[Any]], span: Span, start: int) -> _Scan:
    scan, times = _Scan(), set[int]()
    for number, packet in enumerate(packets):
        if packet.pts is None or packet.pts in times:
            scan.is_regular = False
            return scan
        times.add(packet.pts)
        decoded = packet.pts if packet.dts is None else packet.dts
        scan.first = decoded if number == 0 else scan.first
        scan.last = max(scan.last, packet.pts)
        if packet.is_keyframe and packet.pts <= start and not packet.is_discard:
            scan.num_before, scan.opening = number, [packet]
        elif 0 < len(scan.opening) < MOST_REORDERED:
            scan.opening.append(packet)
        scan.is_met |= packet.pts in span
        is_behind = scan.is_met or (span.end is not None and decoded >= span.end)
        is_found = packet.dts is not None and packet.dts > start and len(scan.opening) == MOST_REORDERED
        if is_behind and is_found:
            break
    return scan


def _comes_out_alone(stream: VideoStream, info: VideoInfo, opening: Sequence[Packet[Any]]) -> bool:
    """Tell whether a decoder that begins with a key frame shows it, and it was coded without others."""
    decoder, key = decoder_of(stream, info), opening[0].pts
    # More threads would need more packets.
    decoder.thread_count = 1
    for packet in (*opening, None):
        try:
            pictures = decoder.decode(packet)
        except FFmpegError:
            # What is shown before the key frame may need what comes before it.
            continue
        for picture in pictures:
            if picture.pts is None or key is None or picture.pts > key:
                return False
            if picture.pts == key:
                return picture.pict_type in _CODED_ALONE and not picture.is_corrupt
    return False


def no_frames(info: VideoInfo, span: Span, last: Fraction) -> InputError:
    """Return the error for a part without frames.

    ``last`` is when the last frame is shown, in seconds, as far as the video was read.
    """
    start, end = (None if one is None else float(one * info.file_time_base) for one in (span.start, span.end))
    until = "the end" if end is None else f"{end:g} s"
    return InputError(
        f"{info.path} has no frame from {start:g} s to {until} ({span}, in units of "
        f"{info.file_time_base} s); its last one is shown at {float(last):g} s"
    )


def is_indexed(info: VideoInfo) -> bool:
    """Return whether a file can be sought, and its clock does not restart."""
    kinds = info.container.split(",")
    if "matroska" not in kinds:
        return "mov" in kinds
    # Files that were joined as they are have a segment each, and those that were never closed do not say how
    # long theirs is.
    with info.path.open("rb") as file:
        segment = next((one for one in elements_of_file(file) if one.name == SEGMENT), None)
    return segment is not None and segment.end is not None and info.size_bytes <= segment.end
