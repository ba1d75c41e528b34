"""Decode bytes that should be text: within limits, from any operating system."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import BinaryIO

from semvid.core.checked import Malformed

_BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


def read_text(file: BinaryIO, most_bytes: int) -> str:
    """Read a small text file as a whole. See ``decoded``.

    Raises:
        Malformed: It is longer than ``most_bytes``, or no text.
        OSError: It cannot be read.
    """
    data = file.read(most_bytes + 1)
    if len(data) > most_bytes:
        raise Malformed(f"it is longer than {most_bytes} bytes")
    return decoded(data)


def decoded(data: bytes) -> str:
    """Decode UTF-8, or what a byte order mark at the beginning says, which is left out.

    Raises:
        Malformed: It is not such text.
    """
    mark, encoding = _encoding_of(data)
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not {encoding.upper()} text (byte {error.start + len(mark)})") from error


def read_lines(file: BinaryIO, most_bytes: int) -> Iterator[str]:
    """Yield line after line, without its end; ends may be those of Unix or of Windows. See ``decoded``.

    Args:
        file: May be of any length: no more than a line is in memory.
        most_bytes: The longest line there may be.

    Raises:
        Malformed: A line is longer, or no text.
        OSError: It cannot be read.
    """
    head = file.read(max(map(len, _BYTE_ORDER_MARKS)))
    mark, encoding = _encoding_of(head)
    end = "\n".encode(encoding)
    rest, is_last = head[len(mark) :], False
    while not is_last:
        more = file.read(2**16)
        is_last = not more
        *lines, rest = _split(rest + more, end)
        if is_last and rest:
            lines.append(rest)
        for line in lines:
            if len(line) > most_bytes:
                break
            try:
                yield line.decode(encoding).removesuffix("\r")
            except UnicodeDecodeError as error:
                raise Malformed(
                    f"it is not {encoding.upper()} text (byte {error.start} of the line)"
                ) from error
        else:
            if len(rest) <= most_bytes:
                continue
        raise Malformed(f"the line is longer than {most_bytes} bytes")


def _split(data: bytes, end: bytes) -> list[bytes]:
    if len(end) == 1:
        return data.split(end)
    # Where a character takes two bytes, the end of a line begins at an even place.
    pairs = len(data) // 2 * 2
    cuts = [place for place in range(0, pairs, 2) if data[place : place + 2] == end]
    starts = [0, *[cut + 2 for cut in cuts]]
    return [data[start:stop] for start, stop in zip(starts, [*cuts, len(data)], strict=True)]


def _encoding_of(data: bytes) -> tuple[bytes, str]:
    return next(
        ((mark, name) for mark, name in _BYTE_ORDER_MARKS.items() if data.startswith(mark)), (b"", "utf-8")
    )
