"""Where results go: refused early if they cannot, and under their name only when they are whole."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from semvid.errors import OutputError, OutputExistsError


def check_place(output: Path, source: Path | None, *, overwrite: bool, option: str = "-o") -> None:
    """Refuse an output that cannot or must not be written, before any work is done.

    Args:
        output: Where to write.
        source: The input, which it must not be.
        overwrite: Whether an existing file may be replaced.
        option: What names the output on the command line, for messages.

    Raises:
        OutputExistsError: It exists and ``overwrite`` is false.
        OutputError: It is the input, is no regular file, or its folder is missing or read-only.
    """
    folder = output.parent
    if not folder.is_dir():
        raise OutputError(f"the folder {folder} does not exist; create it or choose another {option}")
    if output.is_dir():
        raise OutputError(f"{output} is a folder; name a file in it with {option}")
    if output.exists():
        if source is not None and source.exists() and output.samefile(source):
            raise OutputError(f"{output} is the input itself; choose another name with {option}")
        if not output.is_file():
            raise OutputError(f"{output} is not a regular file; choose another {option}")
        if not overwrite:
            raise OutputExistsError(f"{output} exists; pass -y to overwrite it or choose another {option}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"the folder {folder} is not writable; choose another {option}")


def temporary_beside(output: Path) -> Path:
    """Create an empty file to write to, in the folder of ``output``, with its suffix.

    Raises:
        OutputError: It cannot be created.
    """
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{output.stem}.", suffix=f".part{output.suffix}", dir=output.parent
        )
        os.close(handle)
    except OSError as error:
        raise OutputError(f"{output} cannot be created: {error.strerror or error}") from error
    return Path(name)


def publish(temporary: Path, output: Path) -> int:
    """Give a finished file its name, atomically; returns its size in bytes.

    Raises:
        OSError: The disk is full or failing.
    """
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.chmod(_default_mode())
    size = temporary.stat().st_size
    temporary.replace(output)
    return size


def write_whole(output: Path, data: bytes) -> int:
    """Write a file that appears under its name only when it is complete; returns its size in bytes.

    Raises:
        OutputError: It cannot be written; nothing is left behind.
    """
    temporary = temporary_beside(output)
    try:
        temporary.write_bytes(data)
        return publish(temporary, output)
    except OSError as error:
        raise OutputError(
            f"{output} cannot be written: {error.strerror or error}; nothing was left behind"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _default_mode() -> int:
    """Permissions a plainly created file gets (mkstemp makes them private)."""
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
