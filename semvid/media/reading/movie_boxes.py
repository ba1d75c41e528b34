"""Reads the boxes of an MP4 or QuickTime file, for what FFmpeg does not pass on from its header."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

from semvid.core.records import dataclass

_MOST_EDITS = 1 << 16
_NOTHING = -1
"""Media time of an edit that shows nothing for a while."""


@dataclass(frozen=True, slots=True)
class Edit:
    """A line of a track's edit list: what is shown next."""

    seconds: Fraction
    """Duration; 0 = to the end."""
    tick: Fraction
    """Unit to which ``seconds`` is rounded."""
    is_empty: bool
    """Nothing is shown."""


def boxes(file: BinaryIO, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Yield names of boxes, and where their content starts and ends."""
    while start + 8 <= end:
        file.seek(start)
        size, name = struct.unpack(">I4s", file.read(8))
        head = 8
        if size == 1:
            wide = file.read(8)
            if len(wide) < 8:
                return
            (size,), head = struct.unpack(">Q", wide), 16
        size = size or end - start
        if size < head or start + size > end:
            return
        yield name, start + head, start + size
        start += size


def read_edits(path: Path, track: int) -> list[Edit] | None:
    """Return the edit list of a track, which is FFmpeg's ``id`` of a stream; empty = it has none.

    None = the header is not there to be read, as where it is compressed.
    """
    with path.open("rb") as file:
        file.seek(0, 2)
        for name, start, end in boxes(file, 0, file.tell()):
            if name != b"moov":
                continue
            scale = 1
            for inner, first, last in boxes(file, start, end):
                if inner == b"mvhd":
                    version, content = _full_box(file, first, last)
                    scale = max(struct.unpack_from(">I", content, 16 if version else 8)[0], 1)
                if inner == b"trak" and _number(file, first, last) == track:
                    return _edits(file, first, last, scale)
    return None


def _number(file: BinaryIO, start: int, end: int) -> int | None:
    for name, first, last in boxes(file, start, end):
        if name == b"tkhd":
            version, content = _full_box(file, first, last)
            return int.from_bytes(content[16:20] if version else content[8:12], "big")
    return None


def _edits(file: BinaryIO, start: int, end: int, scale: int) -> list[Edit]:
    lists = (
        inner
        for name, first, last in boxes(file, start, end)
        if name == b"edts"
        for inner in boxes(file, first, last)
        if inner[0] == b"elst"
    )
    for _, first, last in lists:
        version, content = _full_box(file, first, last)
        entry = struct.Struct(">QqI" if version else ">IiI")
        (count,) = struct.unpack_from(">I", content)
        whole = min(count, _MOST_EDITS, (len(content) - 4) // entry.size)
        lines = entry.iter_unpack(content[4 : 4 + whole * entry.size])
        return [Edit(Fraction(length, scale), Fraction(1, scale), at == _NOTHING) for length, at, _ in lines]
    return []


def _full_box(file: BinaryIO, start: int, end: int) -> tuple[int, bytes]:
    """Return the version of a box and what follows its flags, with zeros for what a short one lacks."""
    file.seek(start)
    data = file.read(min(end - start, 4 + 4 + _MOST_EDITS * 20))
    return (data[0] if data else 0), data[4:] + bytes(max(24 - len(data), 0))
