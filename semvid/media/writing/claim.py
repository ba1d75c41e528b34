"""The right to write to one name: held by one run until it ends, together with its unfinished files."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from semvid.core.errors import OutputError, OutputExistsError, SemvidError
from semvid.core.interrupts import finished_step, shielded
from semvid.core.text import reason
from semvid.media.writing.lock import lock, remove, stem_for, sweep, unlock

_LONGEST_SUFFIX = 16
_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK, errno.EACCES}


@contextlib.contextmanager
def writing(output: Path) -> Iterator[None]:
    """Turn errors of the system and of FFmpeg in the block into an ``OutputError`` that names the output."""
    try:
        yield
    except SemvidError:
        raise
    except Exception as error:
        # Loaded for long where one of its errors is raised.
        from av.error import FFmpegError

        if not isinstance(error, OSError | FFmpegError):
            raise
        raise OutputError(f"{output} cannot be written: {reason(error)}; nothing was left behind") from error


class _State:
    """State of the process."""

    held: ClassVar[set[Claim]] = set()
    num_claimed = num_published = 0


class Claim:
    """Reserves an output for this run. A context manager: what was not published is removed at the end.

    Args:
        output: Where to write. If it is a link, its target is replaced, and the link stays.
        overwrite: Whether an existing output may be replaced.
        is_scratch: Nothing will be published.

    Raises:
        OutputExistsError: It exists, and ``overwrite`` is false.
        OutputError: Another run is writing to this name, or it cannot be written to.
    """

    def __init__(self, output: Path, *, overwrite: bool, is_scratch: bool = False) -> None:
        self.output = output
        self.overwrite = overwrite
        self.target = final_target(output)
        self._stem = stem_for(self.target)
        self._temporaries: list[Path] = []
        self._lock: int | None = None
        with shielded():
            _State.held.add(self)
            _State.num_claimed += not is_scratch
            try:
                with writing(output):
                    self._lock = self._acquire()
                    if self._lock is not None:
                        sweep(self.target.parent, self._stem)
                    if self.target.is_file() and not overwrite:
                        raise _appeared(output)
            except BaseException:
                self.release()
                raise

    def __enter__(self) -> Claim:
        return self

    def __exit__(self, *error: object) -> None:
        finished_step(self.release)

    def temporary(self) -> Path:
        """Create an empty file to write to, beside the output and with its suffix.

        Raises:
            OutputError: It cannot be created.
        """
        suffix = self.target.suffix
        path = self._new(f".part{suffix if len(suffix) <= _LONGEST_SUFFIX else ''}")
        with writing(self.output):
            _create(path)
        return path

    def temporary_folder(self) -> Path:
        """Create an empty folder to write to, beside the output.

        Raises:
            OutputError: It cannot be created.
        """
        path = self._new(".part")
        with writing(self.output):
            path.mkdir()
        return path

    def left_aside(self) -> list[Path]:
        """Return the old folder that a run had moved aside when it died while replacing it."""
        return sorted(self.target.parent.glob(f"{self._stem}-*.old"))

    def aside(self) -> Path:
        """Return a free name beside the output, to which a folder is moved while it is replaced."""
        return self.target.with_name(f"{self._stem}-{secrets.token_hex(4)}.old")

    def publish(self, temporary: Path, *, is_last: bool = True) -> int:
        """Give a finished file its name, atomically; returns its size in bytes.

        Args:
            temporary: The file.
            is_last: False = the output will be replaced by one that holds more.

        Raises:
            OutputExistsError: Something of that name appeared meanwhile; it stays as it is.
            OSError: The disk is full or failing.
        """
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        size = temporary.stat().st_size
        with shielded():
            if self.overwrite:
                with contextlib.suppress(OSError):
                    # Keep the permissions: whoever restricted the old file wants the new one restricted too.
                    temporary.chmod(stat.S_IMODE(self.target.stat().st_mode))
                temporary.replace(self.target)
            else:
                try:
                    move_to_free_name(temporary, self.target)
                except FileExistsError as error:
                    raise _appeared(self.output) from error
            if is_last:
                self.count_as_published()
        return size

    def count_as_published(self) -> None:
        """The output has its name."""
        _State.num_published += 1

    def write(self, data: bytes, *, is_last: bool = True) -> int:
        """Write the whole output; returns its size in bytes.

        Args:
            data: All of it.
            is_last: As for ``publish``.

        Raises:
            OutputError: It cannot be written; nothing is left behind.
        """
        with writing(self.output):
            temporary = self.temporary()
            temporary.write_bytes(data)
            return self.publish(temporary, is_last=is_last)

    def release(self) -> None:
        """Remove what was not published, and let others write here."""
        for path in self._temporaries:
            remove(path)
        if self._lock is not None:
            unlock(self._lock, self.target.with_name(f"{self._stem}.lock"))
            self._lock = None
        _State.held.discard(self)

    def _new(self, suffix: str) -> Path:
        path = self.target.with_name(f"{self._stem}-{secrets.token_hex(4)}{suffix}")
        self._temporaries.append(path)
        return path

    def _acquire(self) -> int | None:
        try:
            return lock(self.target.with_name(f"{self._stem}.lock"))
        except BlockingIOError as error:
            raise OutputError(
                f"{self.output} is being written by another run of semvid; "
                "wait for it, or choose another name"
            ) from error


def all_is_published() -> bool:
    """Return whether this process has claimed something, and finished all of it."""
    return 0 < _State.num_claimed <= _State.num_published


@contextlib.contextmanager
def more_to_come() -> Iterator[None]:
    """Until the end of the block, what was published is not all: more files will be written."""
    _State.num_claimed += 1
    yield
    _State.num_published += 1


def release_all() -> None:
    """Release everything this process still holds, before it ends."""
    for claim in tuple(_State.held):
        claim.release()


def final_target(output: Path) -> Path:
    """Return the file a name stands for, whether it exists or not: links are followed.

    Raises:
        OutputError: The links form a circle.
    """
    if not output.is_symlink():
        return output
    target = Path(os.path.realpath(output))
    if target.is_symlink():
        raise OutputError(f"{output} is a link that leads to itself; choose another name")
    return target


def take_free_name(path: Path) -> None:
    """Create an empty file of a name that must be free.

    Raises:
        OutputExistsError: It is taken.
        OutputError: It cannot be created.
    """
    with writing(path):
        try:
            _create(path)
        except FileExistsError as error:
            raise _appeared(path) from error


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))


def move_to_free_name(source: Path, target: Path) -> None:
    """Rename a file unless the new name is taken.

    Raises:
        FileExistsError: It is taken.
    """
    if sys.platform == "win32":
        source.rename(target)
        return
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # No hard links on this file system: an empty file holds the name until the next step.
        _create(target)
        source.replace(target)
    else:
        source.unlink()


def _appeared(output: Path) -> OutputExistsError:
    return OutputExistsError(f"{output} exists; pass `overwrite=True` to overwrite it or choose another name")
