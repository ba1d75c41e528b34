"""Outputs: refused early if they cannot be written, and named only when they are complete."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from av.container import OutputContainer
from av.error import FFmpegError

from semvid.core.errors import OutputError, OutputExistsError
from semvid.core.interrupts import finished_step
from semvid.core.text import reason
from semvid.media.names import ffmpeg_name
from semvid.media.writing.claim import Claim, final_target


def check_place(output: Path, source: Path | None, *, overwrite: bool, option: str = "output") -> None:
    """Refuse an output that cannot or must not be written, before any work is done.

    Args:
        output: Where to write.
        source: The input, which it must not be.
        overwrite: Whether an existing file may be replaced.
        option: The option that names it, for messages.

    Raises:
        OutputExistsError: It exists and ``overwrite`` is false.
        OutputError: It is the input, is not a regular file, or its folder is missing or read-only.
    """
    option = f"`{option}`"
    try:
        _check(output, source, overwrite=overwrite, option=option)
    except OSError as error:
        if isinstance(error, OutputError):
            raise
        # A name that is too long, a folder that may not be entered.
        raise OutputError(f"{output} cannot be written: {reason(error)}; choose another {option}") from error


def _check(output: Path, source: Path | None, *, overwrite: bool, option: str) -> None:
    if not output.parent.is_dir():
        raise OutputError(f"the folder {output.parent} does not exist; create it or choose another {option}")
    target = final_target(output)
    folder = target.parent
    if not folder.is_dir():
        raise OutputError(f"{output} is a link into {folder}, which does not exist; choose another {option}")
    try:
        # Not exists(): to newer Pythons a name that is too long is one that does not exist.
        mode = target.stat().st_mode
    except FileNotFoundError:
        mode = None
    if mode is not None:
        if stat.S_ISDIR(mode):
            raise OutputError(f"{output} is a folder; name a file in it with {option}")
        if source is not None and source.exists() and target.samefile(source):
            raise OutputError(f"{output} is the input itself; choose another name with {option}")
        if not stat.S_ISREG(mode):
            raise OutputError(f"{output} is not a regular file; choose another {option}")
        if not overwrite:
            remedy = f"pass `overwrite=True` to overwrite it or choose another {option}"
            raise OutputExistsError(f"{output} exists; {remedy}")
    if not os.access(folder, os.W_OK):
        raise OutputError(f"the folder {folder} is not writable; choose another {option}")


def write_whole(output: Path, data: bytes, *, overwrite: bool) -> int:
    """Write a file that gets its name only when it is complete; returns its size in bytes.

    Raises:
        OutputError: It cannot be written; nothing is left behind.
    """
    with Claim(output, overwrite=overwrite) as claim:
        return claim.write(data)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Yield a folder for intermediate files; it is removed at the end, or by a later run if this one dies.

    Raises:
        OutputError: It cannot be created.
    """
    name = Path(tempfile.gettempdir()) / f"scratch-{secrets.token_hex(8)}"
    with Claim(name, overwrite=False, is_scratch=True) as claim:
        yield claim.temporary_folder()


class UnfinishedContainer:
    """A context manager: leaving it before the claim is published removes the temporary file.

    Args:
        output: Where to write.
        opened: Opens the container of the name it gets.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputError: Another run is writing to this name, or it cannot be written to.
    """

    def __init__(self, output: Path, opened: Callable[[str], OutputContainer], *, overwrite: bool) -> None:
        self.output = output
        self._claim = Claim(output, overwrite=overwrite)
        try:
            self._temporary = self._claim.temporary()
            self.container = opened(ffmpeg_name(self._temporary))
        except BaseException:
            self._claim.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            finished_step(self.container.close)
        except (FFmpegError, OSError):
            if error is None:
                raise
        finally:
            finished_step(self._claim.release)
