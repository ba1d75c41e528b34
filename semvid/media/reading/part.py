"""Finds the part of a file that an edit leaves, from its packets: nothing is decoded."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from itertools import chain, islice
from typing import Any

from av import Packet

from semvid.core.config import EditConfig
from semvid.core.errors import InputError
from semvid.core.types import Span, VideoInfo
from semvid.media.probe import open_packets
from semvid.media.reading.entry import MOST_REORDERED, is_indexed
from semvid.media.reading.packets import PacketReader


def edited(info: VideoInfo, edit: EditConfig) -> VideoInfo:
    """Return what holds of a part of a video; ``info`` is of the whole. Pictures are not looked at.

    Raises:
        InputError: No frame is left.
    """
    if edit.is_all:
        return info
    found = _edited(info, edit, info.path.stat().st_mtime_ns if info.path.exists() else 0)
    if (rate := edit.asked_rate) is None:
        return found
    from semvid.media.frame_grid import finer

    base = finer(found.time_base, rate)
    factor = round(found.time_base / base)
    return replace(found, frame_rate=rate, time_base=base, clock_factor=factor, num_frames_from_header=None)


@lru_cache(maxsize=16)
def _edited(info: VideoInfo, edit: EditConfig, _changed: int) -> VideoInfo:
    asked, until = edit.window
    base = info.time_base
    info = replace(info, edit=edit)
    if asked == 0 and until is None:
        return info
    shift, first, last = _first_shown(info, math.ceil(asked / base))
    info = replace(info, clock_shift=shift)
    start = 0 if asked == 0 else first
    end = None if until is None else math.ceil(until / base)
    if edit.duration is not None and start is not None and until is not None:
        end = start + math.ceil((until - asked) / base)
    if first is None or start is None or (end is not None and end <= first):
        stop = "the end" if end is None else f"{float(end * base):g} s"
        raise InputError(
            f"{info.path} has no frame from {float(asked):g} s to {stop}; the last one before is shown at "
            f"{float(last * base):g} s: give another `start`, `end` or `duration`"
        )
    duration = info.duration_seconds
    if duration is not None:
        duration = max((duration if end is None else min(end * base, duration)) - start * base, Fraction(0))
    return replace(info, part=Span(start, end), duration_seconds=duration, num_frames_from_header=None)


def _first_shown(info: VideoInfo, start: int) -> tuple[Fraction, int | None, int]:
    """Return the shift of the clock of all streams, and when the first frame at ``start`` or later is shown.

    None if there is none; and when the last of those before is shown.
    """
    with open_packets(info.path) as container:
        stream = container.streams[info.stream_index]
        reader = PacketReader(container, stream, None)
        packets = reader.read()
        opening = list(islice(packets, 1))
        shift = reader.clock.start_shift
        if start and is_indexed(info):
            container.seek(max(start - round(shift / info.time_base), 0), stream=stream)
            sought = PacketReader(container, stream, (), shift=shift).read()
            first, last, is_sure = _scan(sought, stream.index, start)
            if is_sure:
                return shift, first, last
        elif start:
            return shift, *_scan(chain(opening, packets), stream.index, start)[:2]
    if not start:
        return shift, 0, 0
    # Some files with fragments are sought beyond.
    with open_packets(info.path) as container:
        stream = container.streams[info.stream_index]
        read = PacketReader(container, stream, (), shift=shift).read()
        return shift, *_scan(read, stream.index, start)[:2]


def _scan(packets: Iterable[Packet[Any]], index: int, start: int) -> tuple[int | None, int, bool]:
    """Return when the first frame at ``start`` or later is shown, the last before, and whether that is sure.

    It is not if all frames there are come later: some may have been passed over.
    """
    first, last, num_behind, is_sure = None, 0, 0, False
    for packet in packets:
        if packet.stream.index != index or packet.pts is None or packet.is_discard:
            continue
        if packet.pts >= start:
            first = packet.pts if first is None else min(first, packet.pts)
        else:
            last, is_sure = max(last, packet.pts), True
        is_sure |= packet.pts == start
        num_behind += first is not None
        # Frames that are decoded later may be shown earlier, and some containers do not tell when.
        if first is not None and (num_behind > MOST_REORDERED or (packet.dts or first - 1) >= first):
            break
    return first, last, is_sure
