"""Packs files into one archive while it is sent, without a copy on the disk or in memory."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from semvid.core.text import encodable

_BYTES_AT_ONCE = 2**18
_UNSAFE = re.compile(r'[\\:*?"<>|\x00-\x1f\x7f]')
"""In names of files on Windows."""


class _Pipe(io.RawIOBase):
    """Keeps what is written until it is taken. It cannot seek, so sizes follow the files in the archive."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._waiting += part
        return len(part)

    def taken(self) -> bytes:
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


def packed(files: Iterable[Path]) -> Iterator[bytes]:
    """Yield a ZIP archive of files piece by piece, without compressing them: JPEGs do not get smaller.

    Args:
        files: They are in one folder of the archive; those of the same name get a number.

    Raises:
        OSError: One cannot be read (any more); the archive breaks off there.
    """
    files, pipe = [*files], _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as archive:
        for path, name in zip(files, unique_names(files), strict=True):
            told = zipfile.ZipInfo.from_file(path, name, strict_timestamps=False)
            with path.open("rb") as file, archive.open(told, "w", force_zip64=True) as entry:
                while data := file.read(_BYTES_AT_ONCE):
                    entry.write(data)
                    yield pipe.taken()
    yield pipe.taken()


def unique_names(files: Sequence[Path]) -> list[str]:
    """Return a name for each file; no two are the same, also where capitals do not count.

    What would be a folder or a drive where the archive is unpacked, or is no character, is replaced.
    """
    names: list[str] = []
    taken: set[str] = set()
    for path in files:
        name, number = PurePosixPath(_UNSAFE.sub("_", encodable(path.name))), 1
        told = name.name
        while told.casefold() in taken:
            number += 1
            told = f"{name.stem}-{number}{name.suffix}"
        taken.add(told.casefold())
        names.append(told)
    return names
