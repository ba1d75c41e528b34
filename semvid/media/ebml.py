"""Reads and makes elements of EBML, of which Matroska is made."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

EBML, SEGMENT, CLUSTER, INFO, TRACKS = 0x1A45DFA3, 0x18538067, 0x1F43B675, 0x1549A966, 0x1654AE6B
TRACK, VOID, CRC = 0xAE, 0xEC, 0xBF
_LONGEST_HEAD = 12
"""Bytes of a name and a size."""


class Element(NamedTuple):
    """Where an element lies in its file or buffer."""

    name: int
    content: int
    """Where its content starts."""
    end: int | None
    """None = until something follows that cannot be in it."""


def element_at(data: bytes, start: int = 0, offset: int = 0) -> Element | None:
    """Read name and size of the element at ``start`` in a buffer; None = there is none.

    ``offset`` is where the buffer begins in the file that the result is about.
    """
    name, after_name = _number(data, start, keeps_mark=True)
    size, content = _number(data, after_name)
    if name is None or size is None or after_name - start > 4:
        return None
    is_unknown = size == (1 << 7 * (content - after_name)) - 1
    return Element(name, offset + content, None if is_unknown else offset + content + size)


def _number(data: bytes, start: int, *, keeps_mark: bool = False) -> tuple[int | None, int]:
    """Read a number whose first set bit tells its length, and where it ends; None = there is none."""
    if not 0 <= start < len(data) or not data[start]:
        return None, -1
    end = start + 9 - data[start].bit_length()
    value = int.from_bytes(data[start:end], "big")
    if end > len(data):
        return None, -1
    return value if keeps_mark else value & ((1 << 7 * (end - start)) - 1), end


def children(data: bytes) -> list[tuple[int, bytes]]:
    """Return name and content of all elements in the content of another one."""
    found, start = [], 0
    while (one := element_at(data, start)) is not None and one.end is not None:
        found.append((one.name, data[one.content : one.end]))
        start = one.end
    return found


def elements_of_file(file: BinaryIO, inside: int | None = None) -> Iterator[Element]:
    """Yield the elements of a file from its beginning on.

    Children of those of unknown size follow as if they were neighbours, and of those named ``inside``.
    """
    position = 0
    while True:
        file.seek(position)
        one = element_at(file.read(_LONGEST_HEAD), 0, position)
        if one is None:
            return
        yield one
        position = one.content if one.end is None or one.name == inside else one.end


def element(name: int, content: bytes) -> bytes:
    """Make an element, with the shortest size that fits."""
    size = len(content)
    width = next(one for one in range(1, 9) if size < (1 << 7 * one) - 1)
    return number(name) + ((1 << 7 * width) | size).to_bytes(width, "big") + content


def void(size: int) -> bytes:
    """Make an element of this many bytes, at least 2, that says nothing."""
    width = 1 if size <= 128 else 8
    left = size - 1 - width
    return number(VOID) + ((1 << 7 * width) | left).to_bytes(width, "big") + bytes(left)


def number(value: int) -> bytes:
    """Return a number that is not negative, in as few bytes as it needs."""
    return value.to_bytes(max((value.bit_length() + 7) // 8, 1), "big")
