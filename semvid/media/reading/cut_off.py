"""Detects truncated files by an incomplete last element. Nothing is guessed.

FFmpeg reads up to the end silently, and durations in headers are too coarse for the last half second.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from semvid.media.ebml import CLUSTER, CRC, EBML, INFO, SEGMENT, TRACKS, VOID, elements_of_file

_IN_SEGMENT = frozenset({0x114D9B74, INFO, TRACKS, 0x1C53BB6B, 0x1043A770, 0x1254C367, 0x1941A469})
_IN_CLUSTER = frozenset({0xE7, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, 0x5854})
_KNOWN = _IN_SEGMENT | _IN_CLUSTER | {SEGMENT, CLUSTER, EBML, VOID, CRC}
_MOST_ELEMENTS = 200_000
"""Bytes examined where sizes are unknown, which takes a second; longer files are not judged."""

_SYNC, _PACKET = 0x47, 188
_LEADS = {188: 0, 192: 4, 204: 0}
"""Bytes from one packet to the next, and before the packet itself."""
_TAIL_BYTES = 1 << 20
_FEWEST_PACKETS = 5
"""In a row that make a grid."""
_PICTURE_OR_SOUND = frozenset({0xBD, 0xFD, *range(0xC0, 0xF0)})


def is_cut_off(path: Path, container: str) -> bool:
    """Return whether a file certainly ends too early; false also if that cannot be known.

    ``container`` has FFmpeg's names of its format.
    """
    names = container.split(",")
    with path.open("rb") as file:
        if "matroska" in names:
            return _is_matroska_cut(file)
        if "mpegts" in names:
            return _is_transport_cut(file)
    return False


def _is_matroska_cut(file: BinaryIO) -> bool:
    size = file.seek(0, io.SEEK_END)
    for one in islice(elements_of_file(file), _MOST_ELEMENTS):
        if one.name not in _KNOWN:
            return False
        if one.end is not None and one.end > size:
            return True
    return False


def _is_transport_cut(file: BinaryIO) -> bool:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(size - _TAIL_BYTES, 0))
    tail = file.read()
    for step, lead in _LEADS.items():
        for left in range(step):
            end = len(tail) - left
            if _is_grid(tail, end, step, lead):
                half = tail[end:]
                is_half = lead < left < lead + _PACKET and half[lead] == _SYNC
                packets = (tail[at + lead :][:_PACKET] for at in range(end % step, end, step))
                return is_half or _is_frame_missing(packets)
    return False


def _is_grid(tail: bytes, end: int, step: int, lead: int) -> bool:
    starts = range(end - step * _FEWEST_PACKETS, end, step)
    return starts[0] >= 0 and all(tail[one + lead] == _SYNC for one in starts)


def _is_frame_missing(packets: Iterable[bytes]) -> bool:
    """Return whether the last frame of a stream is shorter than its header says."""
    missing: dict[int, int] = {}
    counters: dict[int, int] = {}
    for packet in packets:
        if packet[0] != _SYNC or packet[1] & 0x80:
            # Damaged: nothing is known about any stream until its next frame.
            missing.clear()
            continue
        pid, kind, counter = (packet[1] & 0x1F) << 8 | packet[2], packet[3] >> 4, packet[3] & 0x0F
        if not kind & 1:
            continue
        expected, counters[pid] = (counters.get(pid, counter) + 1) % 16, counter
        payload = packet[5 + packet[4] if kind & 2 else 4 :]
        if packet[1] & 0x40:
            missing[pid] = _frame_size(payload) if kind < 4 else 0
        elif pid in missing and counter != expected:
            # Something is repeated or lost in the middle.
            missing[pid] = 0
        missing[pid] = missing.get(pid, 0) - len(payload)
    return any(left > 0 for left in missing.values())


def _frame_size(payload: bytes) -> int:
    """Return the bytes of a frame with its header; 0 = it does not say, as for large pictures."""
    if len(payload) < 6 or payload[:3] != b"\0\0\1" or payload[3] not in _PICTURE_OR_SOUND:
        return 0
    length = int.from_bytes(payload[4:6], "big")
    return length + 6 if length else 0
