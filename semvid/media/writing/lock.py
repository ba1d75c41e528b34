"""Locks beside outputs, and the left-overs of runs that died.

Until an output is complete, ``.semvid-HASH.lock`` and the unfinished ``.semvid-HASH-RANDOM.part`` are beside
it. The system releases the lock when its process dies, however it dies. So files without a held lock are
left-overs, and the next run that writes to that folder removes them.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

_OURS = re.compile(r"\.semvid-(?P<hash>[0-9a-f]{16})(?:\.lock|-[0-9a-f]{8}\.(?:part|old)(?:\.[^.]{1,16})?)")
# Network and FUSE file systems without locks; nothing that lies there is known to be a left-over.
_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EINVAL}


def stem_for(target: Path) -> str:
    """Return the prefix of all names of files beside an output."""
    # On these systems names do not distinguish case.
    name = target.name.casefold() if sys.platform in {"win32", "darwin"} else target.name
    return f".semvid-{hashlib.sha256(os.fsencode(name)).hexdigest()[:16]}"


def lock(path: Path) -> int | None:
    """Lock a file that is made for it; None where the file system has no locks.

    Raises:
        BlockingIOError: Another process holds it.
    """
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        try:
            if sys.platform == "win32":
                msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            if error.errno in _NO_LOCKS:
                with contextlib.suppress(OSError):
                    path.unlink()
                return None
            raise BlockingIOError(error.errno, "locked") from error
        # The previous holder may have removed the file between our two steps.
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), path.lstat()):
                return handle
        os.close(handle)


def unlock(handle: int, path: Path) -> None:
    """Give a lock back, and remove its file."""
    if sys.platform == "win32":
        # An open file cannot be removed there, and one that another process has opened since need not be.
        os.close(handle)
        with contextlib.suppress(OSError):
            path.unlink()
        return
    with contextlib.suppress(OSError):
        path.unlink()
    os.close(handle)


def sweep(folder: Path, own_stem: str) -> None:
    """Remove the left-overs in a folder of runs that died."""
    found: dict[str, list[str]] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if match := _OURS.fullmatch(entry.name):
                found.setdefault(match["hash"], []).append(entry.name)
    for key, names in found.items():
        path = folder / f".semvid-{key}.lock"
        handle = None
        if path.stem != own_stem:
            try:
                handle = lock(path)
            except OSError:
                # Alive, or another user's.
                continue
            if handle is None:
                continue
        for name in names:
            if ".part" in name:
                remove(folder / name)
        if handle is not None:
            unlock(handle, path)


def remove(path: Path) -> None:
    """Remove a file or a folder; what resists stays."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        shutil.rmtree(path, ignore_errors=True)
