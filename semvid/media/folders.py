"""Lists the files in a folder and those in it, each once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from semvid.core.text import reason

KEPT_MARK = ".semvid-kept"
"""A folder with a file of this name holds originals whose place outputs have taken."""


def walk(
    folder: Path,
    seen: set[str],
    suffixes: frozenset[str],
    passed_over: Counter[str],
    tell: Callable[[Path, str], None],
) -> Iterator[Path]:
    """Yield files by name; one that is reached on two ways, or through a circle of links, once.

    Args:
        folder: Where to look; hidden files and folders in it are left out, and folders of kept originals.
        seen: Real paths of folders that are left out; those that are entered are added.
        suffixes: In which names must end, in lower case.
        passed_over: Counts the suffixes of other files.
        tell: Called with a folder that cannot be entered, or what is no file, and a sentence.
    """
    place = os.path.realpath(folder)
    if place in seen:
        return
    seen.add(place)
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        tell(folder, f"the folder {folder} cannot be read: {reason(error)}; check its permissions")
        return
    for path in entries:
        if path.name.startswith("."):
            continue
        if path.is_dir() and (path / KEPT_MARK).exists():
            continue
        if path.is_dir():
            yield from walk(path, seen, suffixes, passed_over, tell)
        elif path.suffix.lower() not in suffixes:
            passed_over[path.suffix.lower()] += 1
        elif path.is_file():
            yield path
        elif path.is_symlink() and not path.exists():
            tell(path, f"{path} links to what does not exist; mend the link, or remove it")
        else:
            tell(path, f"{path} is a pipe or a device, not a file; save it in a file first")
