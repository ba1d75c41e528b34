"""Changes EXIF in place: what stays keeps its offset, since makers' notes hold offsets too."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image

ORIENTATION, COLOUR_SPACE = 0x0112, 0xA001
EXIF, INTEROPERABILITY = 0x8769, 0xA005
WIDTH, HEIGHT = 0xA002, 0xA003
_POINTERS = frozenset({EXIF, INTEROPERABILITY})
_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
"""Of one value, by its type."""
_SHORT, _LONG = 3, 4
_ENTRY = 12
_MOST_DIRECTORIES = 16


class DamagedExifError(ValueError):
    """Its directories cannot be followed."""


class ExifEditor:
    """EXIF that is changed without moving anything.

    Args:
        exif: A TIFF structure, without the ``Exif`` before it.

    Raises:
        DamagedExifError: Its directories cannot be followed.
    """

    def __init__(self, exif: bytes) -> None:
        self._data = bytearray(exif)
        self._order = "<" if exif[:2] == b"II" else ">"
        self._directories = [*self._find(self._number("I", 4))]

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def remove(self, tag: int, *, is_directory: bool = False) -> None:
        """Remove a tag wherever it is, and overwrite its value; of a directory, all of its values too."""
        for directory in self._directories:
            while (entry := self._entry(directory, tag)) is not None:
                if is_directory:
                    inner = self._number("I", entry + 8)
                    for one in self._entries(inner):
                        self._blank(one)
                    self._zero(inner, 2 + _ENTRY * self._count(inner) + 4)
                self._blank(entry)
                # The entries behind it move up, and with them the offset of the next directory.
                end = directory + 2 + _ENTRY * self._count(directory) + 4
                rest = self._data[entry + _ENTRY : end]
                struct.pack_into(f"{self._order}H", self._data, directory, self._count(directory) - 1)
                self._data[entry:end] = rest.ljust(end - entry, b"\0")

    def value(self, tag: int) -> bytes:
        """Return the bytes of a tag's value; empty = it is not there."""
        found = (self._entry(one, tag) for one in self._directories)
        entry = next((one for one in found if one is not None), None)
        if entry is None:
            return b""
        start, size = self._place(entry)
        return bytes(self._data[start : start + size])

    def set_number(self, tag: int, number: int) -> None:
        """Change the value of a tag that holds one whole number; others stay as they are."""
        for directory in self._directories:
            entry = self._entry(directory, tag)
            if entry is None or self._number("I", entry + 4) != 1:
                continue
            kind = {_SHORT: "H", _LONG: "I"}.get(self._number("H", entry + 2))
            if kind is not None:
                struct.pack_into(f"{self._order}{kind}", self._data, entry + 8, number)

    def _find(self, first: int) -> Iterator[int]:
        waiting, seen = [first], set[int]()
        while waiting:
            directory = waiting.pop(0)
            if not directory or directory in seen:
                continue
            if len(seen) == _MOST_DIRECTORIES:
                raise DamagedExifError
            seen.add(directory)
            for entry in self._entries(directory):
                if self._number("H", entry) in _POINTERS:
                    waiting.append(self._number("I", entry + 8))
            waiting.append(self._number("I", directory + 2 + _ENTRY * self._count(directory)))
            yield directory

    def _entry(self, directory: int, tag: int) -> int | None:
        return next((one for one in self._entries(directory) if self._number("H", one) == tag), None)

    def _entries(self, directory: int) -> list[int]:
        """Return where the entries of a directory are."""
        return [directory + 2 + _ENTRY * number for number in range(self._count(directory))]

    def _count(self, directory: int) -> int:
        return self._number("H", directory)

    def _blank(self, entry: int) -> None:
        start, size = self._place(entry)
        self._zero(start, size)

    def _place(self, entry: int) -> tuple[int, int]:
        """Return where the value of an entry is, and its bytes."""
        size = _BYTES.get(self._number("H", entry + 2), 1) * self._number("I", entry + 4)
        start = entry + 8 if size <= 4 else self._number("I", entry + 8)
        return start, size

    def _zero(self, start: int, size: int) -> None:
        if start + size > len(self._data):
            raise DamagedExifError
        self._data[start : start + size] = bytes(size)

    def _number(self, kind: str, place: int) -> int:
        try:
            return int(struct.unpack_from(self._order + kind, self._data, place)[0])
        except struct.error as error:
            raise DamagedExifError from error


def appearance_of(exif: bytes, orientation: int) -> bytes:
    """Return EXIF with nothing but what changes how a picture looks; empty if nothing does.

    That is the orientation, and the mark by which cameras tell Adobe RGB without a profile.
    """
    kept = Image.Exif()
    if orientation != 1:
        kept[ORIENTATION] = orientation
    try:
        editor = ExifEditor(exif) if exif else None
    except DamagedExifError:
        editor = None
    # "R03" stands in the first entry of the directory of interoperability.
    if editor is not None and _marks_adobe_rgb(editor):
        kept[EXIF] = {COLOUR_SPACE: 0xFFFF, INTEROPERABILITY: {1: "R03"}}
    return kept.tobytes().removeprefix(b"Exif\0\0") if len(kept) else b""


def _marks_adobe_rgb(editor: ExifEditor) -> bool:
    return editor.value(COLOUR_SPACE) == b"\xff\xff" and editor.value(1)[:3] == b"R03"
