"""The folder that the studio was started in: what may be read, and where what is dropped on the page goes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Literal

from semvid.batch.sources import VIDEO_SUFFIXES
from semvid.core.closing import Closing
from semvid.core.errors import InputError, InputMissingError, OutputError
from semvid.core.records import dataclass
from semvid.core.text import counted, encodable, reason, visible
from semvid.media.stills.picture_file import READABLE_SUFFIXES

WORK = ".semvid"
"""In the folder: what the studio itself writes. A folder whose name begins with a dot is not listed."""
_DROPPED = "dropped"
MOST_DROPPED_BYTES = 2 * 2**30
"""Of one file that is dropped on the page. What is larger is on this machine already: name its folder."""
MOST_ENTRIES = 2000
"""Of one folder that are listed."""
_MOST_PATH = 4096
_MOST_NAME_BYTES = 180
_MOST_STEM_BYTES = 80
_SPARED_BYTES = 2**30
"""That stay free on the disk."""

Kind = Literal["folder", "video", "still"]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something in the folder that can be chosen."""

    name: str
    path: str
    """From the folder of the studio, with ``/`` between names."""
    kind: Kind
    bytes: int
    """0 of a folder."""


class Root:
    """A folder, and everything in it, but nothing else.

    Links are followed as long as they stay inside. Nothing is written but below ``work``.

    Args:
        folder: The folder.
        files: Only these files of it are shown and opened; none = all.

    Raises:
        InputError: It is no folder, or a file is not in it.
    """

    def __init__(self, folder: Path, files: Sequence[Path] = ()) -> None:
        if not folder.is_dir():
            raise InputMissingError(f"{folder} is not a folder; name one, or files")
        self.folder = Path(os.path.realpath(folder))
        self._files = [self._inside(Path(os.path.realpath(one)), str(one)) for one in files]

    @property
    def work(self) -> Path:
        """Where the studio keeps maps and what was dropped; it need not exist yet."""
        return self.folder / WORK

    def make_work(self, name: str) -> Path:
        """Return a folder below ``work``, made if need be.

        Raises:
            OutputError: It cannot be made, or leads out of the folder.
        """
        made = self.work / name
        # Its files are ours to remove: a link inside the folder may lead to those of somebody else.
        if Path(os.path.realpath(made)) != made:
            raise OutputError(f"{made} leads elsewhere; remove that link")
        try:
            made.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{made} cannot be made: {reason(error)}; start semvid studio in a folder you can write to"
            ) from error
        return made

    def resolve(self, path: str) -> Path:
        """Return the file or folder of a path that somebody asks for.

        Args:
            path: From the folder, or absolute; empty = the folder.

        Raises:
            InputError: It is not in the folder, by its name or because a link leads out.
            InputMissingError: There is no such thing.
        """
        if len(path) > _MOST_PATH or "\0" in path:
            raise InputError(f"the path has more than {_MOST_PATH} characters or a null; check it")
        if encodable(path) != path:
            raise InputError(f"{visible(path)} has half a character; name what is in the list of the folder")
        if ".." in PurePosixPath(path.replace("\\", "/")).parts:
            raise InputError(f"{visible(path)} goes back by '..'; name what is in the folder by its own path")
        found = self._inside(Path(os.path.realpath(self.folder / path)), path)
        if self._files and found not in (*self._files, self.folder) and not found.is_relative_to(self.work):
            raise InputError(f"{visible(path)} is not one of the files that semvid studio was started with")
        try:
            is_there = found.exists()
        except OSError as error:
            # Names may be longer than the disk takes, and folders closed to us.
            raise InputError(f"{visible(path)} cannot be found: {reason(error)}; check the path") from error
        if not is_there:
            raise InputMissingError(f"{visible(path)} does not exist; look again, it may have been moved")
        return found

    def _inside(self, found: Path, told: str) -> Path:
        if not found.is_relative_to(self.folder):
            raise InputError(
                f"{visible(told)} is not in the folder that semvid studio was started with; start it with "
                "that folder, or drop the file on the page"
            )
        return found

    def shown(self, path: Path) -> str:
        """Return a path in the folder as ``Entry.path`` has it."""
        shown = path.relative_to(self.folder).as_posix()
        return "" if shown == "." else shown

    def list(self, path: str = "") -> list[Entry]:
        """Return what can be chosen in a folder: folders first, then files, by name.

        Names that begin with a dot are left out, but for the folder of what was dropped, which comes first,
        and so is what a link brings from elsewhere.

        Args:
            path: As for ``resolve``.

        Raises:
            InputError: It is no folder of ours, or cannot be read.
        """
        folder = self.resolve(path)
        if not folder.is_dir():
            raise InputError(f"{visible(path)} is not a folder; open it as a video")
        dropped = self._dropped() if folder == self.folder else ()
        if self._files and folder == self.folder:
            return [*dropped, *(one for one in map(self._entry, self._files) if one)]
        try:
            paths = sorted(folder.iterdir(), key=lambda one: (one.name.casefold(), one.name))
        except OSError as error:
            raise InputError(f"{visible(path)} cannot be read: {reason(error)}") from error
        entries = [self._entry(one) for one in paths if not one.name.startswith(".")]
        found = [one for one in entries if one]
        return [*dropped, *sorted(found, key=lambda one: one.kind != "folder")[:MOST_ENTRIES]]

    def _dropped(self) -> tuple[Entry, ...]:
        """Return the folder of what was dropped, if there is anything: its name is hidden otherwise."""
        folder = self.work / _DROPPED
        entry = self._entry(folder) if folder.is_dir() else None
        return (entry,) if entry is not None and any(folder.iterdir()) else ()

    def _entry(self, path: Path) -> Entry | None:
        if not Path(os.path.realpath(path)).is_relative_to(self.folder):
            return None
        with suppress(OSError, UnicodeEncodeError):
            # Names that are not UTF-8 cannot be sent back.
            shown = self.shown(path)
            shown.encode()
            if path.is_dir():
                return Entry(path.name, shown, "folder", 0)
            kind = kind_of(path.name)
            if kind is not None and path.is_file():
                return Entry(path.name, shown, kind, path.stat().st_size)
        return None

    def begin_drop(self, name: str) -> Drop:
        """Begin to take a file that was dropped on the page.

        Args:
            name: As its owner calls it, without folders.

        Raises:
            InputError: The name is not that of a video or picture.
            OutputError: It cannot be written.
        """
        check_dropped_name(name)
        return Drop(self.make_work(_DROPPED), name)


def shortened(name: str) -> str:
    """Return the beginning of a file's name, which leaves room for a mark and an ending in names of ours."""
    return os.fsencode(name)[:_MOST_STEM_BYTES].decode(errors="ignore")


def kind_of(name: str) -> Kind | None:
    """Return what a file is, by its name; None = nothing that can be opened."""
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "video"
    return "still" if suffix in READABLE_SUFFIXES else None


def check_dropped_name(name: str) -> None:
    """Make sure that a name is one of a file, and nothing else.

    Raises:
        InputError: It is not.
    """
    shown = visible(name[:80])
    if not name or name.startswith(".") or any(one in name for one in "/\\:\0") or visible(name) != name:
        raise InputError(
            f"'{shown}' is not a name of a file; rename it, without slashes, colons or a dot first"
        )
    if len(name.encode()) > _MOST_NAME_BYTES:
        raise InputError(f"'{shown}...' has more than {_MOST_NAME_BYTES} bytes; shorten the name")
    if kind_of(name) is None:
        raise InputError(f"'{shown}' is neither a video nor a picture by its name; drop another file")


class Drop(Closing):
    """A file that is being dropped: it gets its name when all of it is there, else nothing stays.

    Args:
        folder: Where it goes.
        name: A checked name; a number is added if it is taken.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, PurePosixPath(name)
        self._num_bytes = 0
        self._most = min(MOST_DROPPED_BYTES, shutil.disk_usage(folder).free - _SPARED_BYTES)
        self._part = folder / f".{os.urandom(8).hex()}.part"
        self._file: BinaryIO = self._part.open("xb")

    def expect(self, num_bytes: int) -> None:
        """Make sure that so much may come.

        Raises:
            OutputError: It is more than may be, or than the disk has room for.
        """
        if num_bytes > self._most:
            most = max(self._most, 0) // 2**20
            raise OutputError(
                f"the file has more than {counted(most, 'MiB', 'MiB')}, the most that can be dropped here; "
                "start semvid studio in its folder instead"
            )

    def write(self, data: bytes) -> None:
        """Append what came.

        Raises:
            OutputError: It is more than may be, or the disk is full.
        """
        self._num_bytes += len(data)
        self.expect(self._num_bytes)
        try:
            self._file.write(data)
        except OSError as error:
            raise self._not_kept(error) from error

    def finish(self) -> Path:
        """Give the file its name; return where it is.

        Raises:
            OutputError: The disk is full.
        """
        try:
            # The last of it is written now.
            self._file.close()
        except OSError as error:
            raise self._not_kept(error) from error
        for number in range(1, 10_000):
            more = "" if number == 1 else f"-{number}"
            path = self._folder / f"{self._name.stem}{more}{self._name.suffix}"
            with suppress(FileExistsError):
                # Claims the name first: a rename alone would take another file's place.
                path.open("xb").close()
                os.replace(self._part, path)
                return path
        raise OutputError(f"{self._name} is there ten thousand times; remove some of {self._folder}")

    def _not_kept(self, error: OSError) -> OutputError:
        return OutputError(f"the file cannot be kept: {reason(error)}; make room on the disk")

    def close(self) -> None:
        """Remove what did not get a name."""
        # On a full disk the last of it cannot be written, and need not be.
        with suppress(OSError):
            self._file.close()
        self._part.unlink(missing_ok=True)
