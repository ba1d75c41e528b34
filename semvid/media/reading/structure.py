"""Finds places where the pieces of a container do not follow one another, as they do where bytes were lost.

FFmpeg looks for the next piece that makes sense, and says nothing; whole seconds may be missing between.
Nothing is decoded, and only heads of pieces are read.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple, cast

from semvid.media.ebml import CLUSTER, EBML, SEGMENT, element_at

_BUFFER = 1 << 14
"""Bytes; heads are small, and what lies between is passed over."""
_LONGEST_HEAD = 16
_IN_CLUSTER = frozenset({0xE7, 0xA7, 0xAB, 0xA3, 0xA0, 0xAF, 0x5854, 0xEC, 0xBF})
_AFTER_CLUSTER = frozenset(
    {0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B, 0x1043A770, 0x1254C367, 0x1941A469, CLUSTER}
)
_FIRST = frozenset({EBML, SEGMENT})
_FLV_KINDS = frozenset({8, 9, 18})

State = Literal["whole", "cut off", "broken"]


def structure_of(path: Path, container: str) -> State:
    """Say whether the pieces of a file follow one another to its end.

    Args:
        path: The file.
        container: FFmpeg's names of its format; files of those that are not known here are whole.

    Returns:
        ``cut off`` if the last piece reaches beyond the end, ``broken`` if something else is between two.
    """
    status = path.stat()
    return _structure_of(path, container, status.st_size, status.st_mtime_ns)


@lru_cache(maxsize=64)
def _structure_of(path: Path, container: str, size: int, _changed: int) -> State:
    names = container.split(",")
    with path.open("rb", buffering=_BUFFER) as file:
        if "matroska" in names:
            return _matroska(file, size)
        if "mov" in names:
            return _fragments(file, size)
        if "avi" in names:
            return _avi(file, size)
        if "flv" in names:
            return _flv(file, size)
    return "whole"


def _at(file: BinaryIO, position: int) -> bytes:
    file.seek(position)
    return file.read(_LONGEST_HEAD)


def _is_empty(file: BinaryIO, start: int) -> bool:
    """Return whether only zeros follow: some tools leave them behind what they write."""
    file.seek(start)
    while data := file.read(1 << 20):
        if any(data):
            return False
    return True


class _Level(NamedTuple):
    """An element whose children are read."""

    name: int
    end: int
    """If it does not tell its size: of what it is in."""
    is_sized: bool


def _matroska(file: BinaryIO, size: int) -> State:
    position, levels = 0, list[_Level]()
    while position < size:
        while levels and levels[-1].is_sized and levels[-1].end == position:
            levels.pop()
        one = element_at(_at(file, position), 0, position)
        if one is None:
            is_open = not levels or not levels[-1].is_sized
            return "whole" if position and is_open and _is_empty(file, position) else "broken"
        if levels and levels[-1].name == CLUSTER and one.name not in _IN_CLUSTER:
            if levels[-1].is_sized or one.name not in _AFTER_CLUSTER | _FIRST:
                return "broken"
            levels.pop()
        if levels and one.name in _FIRST and not levels[-1].is_sized:
            levels.pop()
        limit = levels[-1].end if levels else size
        if one.end is not None and one.end > limit:
            return "cut off" if limit == size else "broken"
        if one.name in {SEGMENT, CLUSTER}:
            levels.append(_Level(one.name, limit if one.end is None else one.end, one.end is not None))
            position = one.content
        elif one.end is None:
            return "broken"
        else:
            position = one.end
    return "whole"


def _fragments(file: BinaryIO, size: int) -> State:
    """Follow the boxes of MP4 if there are fragments; else an index tells where everything is."""
    position, has_fragments, state = 0, False, "whole"
    while position + 8 <= size:
        data = _at(file, position)
        length, name = struct.unpack_from(">I4s", data)
        if length == 1 and len(data) == _LONGEST_HEAD:
            (length,) = struct.unpack_from(">Q", data, 8)
        length = length or size - position
        if length < 8 or not name.isalnum():
            state = "whole" if _is_empty(file, position) else "broken"
            break
        has_fragments |= name == b"moof"
        position += length
    if position > size:
        state = "cut off"
    return cast(State, state) if has_fragments else "whole"


def _avi(file: BinaryIO, size: int) -> State:
    """Follow the chunks in the lists of packets; elsewhere much is odd in files that play well."""
    position, end = 12, 0
    """``end`` is that of the list that is read; 0 = none is."""
    while position + 8 <= size:
        name, length = struct.unpack_from("<4sI", _at(file, position))
        kind = _at(file, position)[8:12]
        if name == b"RIFF" or (name == b"LIST" and kind in {b"movi", b"rec "}):
            if kind == b"movi":
                end = min(position + 8 + length, size)
            position += 12
            continue
        if end and not name.isalnum():
            return "whole" if position >= end or _is_empty(file, position) else "broken"
        position += 8 + length
        # Some writers leave out the byte that makes lengths even.
        if length % 2 and not _at(file, position)[:4].isalnum():
            position += 1
        if end and position >= end:
            if position > size:
                return "cut off"
            end = 0
    return "whole"


def _flv(file: BinaryIO, size: int) -> State:
    position = int.from_bytes(_at(file, 0)[5:9], "big") + 4
    while position + 11 <= size:
        data = _at(file, position)
        if data[0] & 0x1F not in _FLV_KINDS:
            return "whole" if _is_empty(file, position) else "broken"
        position += 11 + int.from_bytes(data[1:4], "big") + 4
    return "cut off" if position > size + 4 or not _is_empty(file, position) else "whole"
