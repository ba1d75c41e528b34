"""Tells whether a file is still the one that was seen, without reading all of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from semvid.core.errors import InputError, InputMissingError
from semvid.core.records import dataclass
from semvid.core.text import reason

_ENDS = 1 << 20
"""Bytes that are read at each end. Headers and indices of videos lie there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a file was when it was looked at."""

    size: int
    """Bytes."""
    mtime_ns: int
    """When it was changed, in nanoseconds of the system's clock."""
    digest: str
    """SHA-256 of the size, the first MiB and the last, in hexadecimal."""

    def is_content_of(self, other: Identity) -> bool:
        """Whether both are of the same content, as far as its ends and size tell."""
        return (self.size, self.digest) == (other.size, other.digest)


def identify(path: Path, known: Identity | None = None) -> Identity:
    """Look at a file.

    Args:
        path: The file.
        known: What it was before: if size and time are the same, its ends are not read again.

    Raises:
        InputMissingError: It does not exist.
        InputError: It cannot be read.
    """
    try:
        status = path.stat()
        if known is not None and (status.st_size, status.st_mtime_ns) == (known.size, known.mtime_ns):
            return known
        return Identity(status.st_size, status.st_mtime_ns, _digest(path, status.st_size))
    except FileNotFoundError as error:
        raise InputMissingError(f"{path} does not exist; check the path") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from error


def _digest(path: Path, size: int) -> str:
    digest = hashlib.sha256(size.to_bytes(8, "little"))
    with path.open("rb") as file:
        digest.update(file.read(_ENDS))
        if size > _ENDS:
            file.seek(max(size - _ENDS, _ENDS))
            digest.update(file.read(_ENDS))
    return digest.hexdigest()
