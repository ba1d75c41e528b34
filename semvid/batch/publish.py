"""Gives a finished output its place, or its source's, and never loses the only copy."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from semvid.batch.jobs.identity import Identity, identify
from semvid.core.errors import InputError, OutputError
from semvid.core.text import reason
from semvid.media.folders import KEPT_MARK


def room_for(source: Path, folder: Path) -> str | None:
    """Return a sentence if a disk has less room than the source takes; None = it has enough."""
    needed = source.stat().st_size
    free = shutil.disk_usage(folder).free
    if free >= needed:
        return None
    return (
        f"{folder} has {free >> 20} MiB free, and {source} takes {needed >> 20}; free some, and have it "
        "tried again"
    )


def publish(work: Path, output: Path, *, may_replace: bool) -> None:
    """Give a finished file its name.

    Args:
        work: The file.
        output: Its name.
        may_replace: Whether something may have that name, which is replaced.

    Raises:
        OutputError: It cannot be.
    """
    if output.exists() and not may_replace:
        raise OutputError(f"{output} appeared meanwhile, and stays; move it away, and have this tried again")
    with _told(output):
        work.replace(output)
        _sync_folder(output.parent)


def replace_source(work: Path, source: Path, output: Path, seen: Identity, trash: Path | None) -> None:
    """Put a finished file in the place of its source; time, permissions and attributes stay.

    Args:
        work: The finished file, on the source's disk.
        source: What it was made of.
        output: The name it gets: the source's, but for its ending.
        seen: What the source was when it was read.
        trash: Where the source is moved to; None = it is removed.

    Raises:
        OutputError: The source has changed since, the trash cannot take it, or a name is taken. Both files
            stay.
    """
    # With its time: of its middle nothing else is known.
    if identify(source) != seen:
        raise OutputError(f"{source} changed while it was compressed, and stays; run the batch again")
    if output != source and output.exists():
        raise OutputError(f"{output} exists, and {source} stays; move one of them away")
    with _told(output):
        _copy_attributes(source, work)
        if trash is not None:
            _keep(source, trash)
        work.replace(output)
        _sync_folder(output.parent)
        if output != source:
            source.unlink()


def finish_replacing(source: Path, output: Path, seen: Identity | None) -> None:
    """Remove a source whose output has its place already, under another name, where that was left undone."""
    with contextlib.suppress(OSError, InputError):
        if source != output and seen is not None and identify(source).is_content_of(seen):
            source.unlink()


def _copy_attributes(source: Path, work: Path) -> None:
    status = source.stat()
    shutil.copystat(source, work)
    if hasattr(os, "chown"):
        # Only root may give files away; others own both.
        with contextlib.suppress(PermissionError):
            os.chown(work, status.st_uid, status.st_gid)
            work.chmod(stat.S_IMODE(status.st_mode))


def _keep(source: Path, trash: Path) -> None:
    """Give a source a second name in the trash, or copy it there; nothing there is written over.

    At no moment is there neither, and several processes may do it at once.
    """
    trash.mkdir(parents=True, exist_ok=True)
    (trash / KEPT_MARK).touch()
    try:
        _named_freely(trash / source.name, lambda kept: os.link(source, kept))
    except OSError:
        # On another disk, or where there are no links. A name is taken only when the copy is complete.
        copy = trash / f".semvid-{secrets.token_hex(8)}{source.suffix}"
        try:
            shutil.copy2(source, copy)
            with copy.open("rb+") as file:
                os.fsync(file.fileno())
            copy.replace(_named_freely(trash / source.name, lambda kept: kept.touch(exist_ok=False)))
        finally:
            copy.unlink(missing_ok=True)
    _sync_folder(trash)


def _named_freely(wanted: Path, take: Callable[[Path], object]) -> Path:
    """Take a name that nobody has, or one like it with a number; ``take`` fails where somebody has it."""
    path, number = wanted, 1
    while True:
        try:
            take(path)
        except FileExistsError:
            number += 1
            path = wanted.with_name(f"{wanted.stem} ({number}){wanted.suffix}")
        else:
            return path


def _sync_folder(folder: Path) -> None:
    """Have the names in a folder survive a power cut, where the system lets us ask for it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _told(output: Path) -> Iterator[None]:
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(f"{output} cannot be put in place: {reason(error)}; the source stays") from error
