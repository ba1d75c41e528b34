"""Finds what there is to compress: files, folders, patterns, and lists of them."""

from __future__ import annotations

import csv
import glob
import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path, PurePath

from semvid.core.checked import Malformed, parse_json
from semvid.core.errors import ConfigError, InputError, InputMissingError
from semvid.core.records import dataclass
from semvid.core.text import reason
from semvid.media.folders import KEPT_MARK, walk
from semvid.media.stills.picture_file import READABLE_SUFFIXES

VIDEO_SUFFIXES = frozenset({
    ".3gp", ".asf", ".avi", ".divx", ".dv", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg",
    ".mts", ".mxf", ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
})  # fmt: skip
"""Names of files in folders that are taken for videos end in one of these."""
_SUFFIXES = VIDEO_SUFFIXES | READABLE_SUFFIXES
_SOURCE = "source"
"""The column, or key, of a list that names the file; all others are options."""
_LARGEST_LIST = 64 * 2**20
_WILD = frozenset("*?[")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to compress."""

    path: Path
    folder: PurePath
    """Where its output goes, below the folder of all outputs."""
    options: Mapping[str, str]
    """Its own options, by the names of the command line's without dashes in front."""
    place: str = ""
    """What named it, for messages: a line of a list; empty = the command line."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What was named and cannot be taken."""

    path: Path
    message: str


@dataclass(slots=True)
class FoundSources:
    """What there is to compress."""

    sources: list[Source] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    """Folders that cannot be read, and what is no file."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Files in folders whose names are neither of videos nor of pictures, by suffix."""

    def tell(self, path: Path, message: str) -> None:
        """Note a fault."""
        self.faults.append(Fault(path, message))


def find_sources(names: Sequence[str], left_out: Sequence[Path] = ()) -> FoundSources:
    """List files in the order of the names, by name in each folder; one that is named twice is taken once.

    Args:
        names: Files, which are taken whatever they are called; folders, of which videos and pictures are
            taken, with those in their folders, but not what is hidden; patterns (``clips/**/*.mov``); and
            lists: ``@FILE``, with a name on each line, or a table ``@FILE.csv`` or objects ``@FILE.jsonl``
            whose ``source`` is the name and all else are options. Names in a list count from its folder.
        left_out: Folders that are not looked into.

    Raises:
        InputError: There is nothing to compress, a file is missing, or a list cannot be read.
    """
    if not names:
        raise InputError("there is no source; give videos, pictures, or folders of them")
    found = FoundSources()
    by_place: dict[str, Source] = {}
    seen = {os.path.realpath(one) for one in left_out}
    is_alone = len(names) == 1
    for name in names:
        for one in _expanded(name, found, seen, is_alone=is_alone):
            by_place.setdefault(os.path.realpath(one.path), one)
    found.sources = list(by_place.values())
    if not found.sources and not found.faults:
        first = " and ".join(names[:2]) + (" and others" if len(names) > 2 else "")
        raise InputError(f"{first}: no video and no picture was found; give files, or folders that hold some")
    return found


def left_out_of(output: Path | None, trash: Path | None) -> list[Path]:
    """Return the folders that a batch does not look into: those that it writes to itself."""
    return [one for one in (output, trash) if one is not None]


def _expanded(name: str, found: FoundSources, seen: set[str], *, is_alone: bool) -> Iterator[Source]:
    path = Path(name)
    if name.startswith("@") and not path.exists():
        yield from _listed(Path(name[1:]), found, seen)
    elif path.is_dir():
        # What is called . or .. has its name elsewhere.
        below = PurePath() if is_alone else PurePath(os.path.basename(os.path.abspath(path)))
        yield from _in_folder(path, below, found, seen)
    elif path.exists() or not _WILD & set(name):
        if not path.exists():
            raise InputMissingError(f"{path} does not exist; check the path")
        yield Source(path, PurePath(), {})
    else:
        yield from _matching(name, found, seen)


def _in_folder(folder: Path, below: PurePath, found: FoundSources, seen: set[str]) -> Iterator[Source]:
    for path in walk(folder, seen, _SUFFIXES, found.passed_over, found.tell):
        yield Source(path, below / path.parent.relative_to(folder), {})


def _matching(pattern: str, found: FoundSources, seen: set[str]) -> Iterator[Source]:
    """Yield what a pattern matches; the structure below its first wild part is kept."""
    parts = Path(pattern).parts
    fixed = Path(*parts[: next(index for index, one in enumerate(parts) if _WILD & set(one))])
    matched = sorted(map(Path, glob.glob(pattern, recursive=True)))
    if not matched:
        raise InputMissingError(f"{pattern} matches nothing; check the pattern")
    for path in matched:
        if path.is_file():
            # Outputs may lie among the sources.
            is_left_out = any(
                os.path.realpath(one) in seen or (one / KEPT_MARK).exists() for one in path.parents
            )
            if not is_left_out:
                yield Source(path, path.parent.relative_to(fixed), {})


def _listed(path: Path, found: FoundSources, seen: set[str]) -> Iterator[Source]:
    for line, options in _lines(path):
        place = f"{path}, line {line}"
        name = options.pop(_SOURCE, "").strip()
        if not name:
            raise InputError(f"{place} names no `{_SOURCE}`; give one, or remove the line")
        file = path.parent / name
        if not file.exists():
            raise InputMissingError(f"{place}: {file} does not exist; names count from the list's folder")
        taken = _in_folder(file, PurePath(), found, seen) if file.is_dir() else [
            Source(file, PurePath(name).parent if not PurePath(name).is_absolute() else PurePath(), {})
        ]  # fmt: skip
        for one in taken:
            # What leads out of the list's folder stays out of the outputs' names.
            inside = PurePath(*(part for part in one.folder.parts if part not in {"..", "."}))
            yield Source(one.path, inside, options, place)


def _lines(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the number of each line of a list, and what is on it."""
    try:
        if path.stat().st_size > _LARGEST_LIST:
            raise InputError(f"{path} has more than {_LARGEST_LIST >> 20} MiB, the most of a list; divide it")
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputMissingError(f"the list {path} does not exist; check the path") from error
    except OSError as error:
        raise InputError(f"the list {path} cannot be read: {reason(error)}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"the list {path} is no text in UTF-8; save it as such") from error
    suffix = path.suffix.lower()
    if suffix == ".csv":
        yield from _rows(path, text)
    elif suffix in {".jsonl", ".ndjson"}:
        yield from _objects(path, text)
    else:
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip() and not line.lstrip().startswith("#"):
                yield number, {_SOURCE: line}


def _rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [one.strip() for one in next(reader, [])]
        if _SOURCE not in header:
            raise InputError(f"{path} has no column `{_SOURCE}` in its first line; name the columns there")
        for row in reader:
            if not any(one.strip() for one in row):
                continue
            if len(row) != len(header):
                raise InputError(
                    f"{path}, line {reader.line_num} has {len(row)} fields, and the first line names "
                    f"{len(header)}; give as many"
                )
            named = zip(header, row, strict=True)
            yield reader.line_num, {key: one.strip() for key, one in named if key and one.strip()}
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num} is no row of a table: {reason(error)}") from error


def _objects(path: Path, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = parse_json(line, has_names=True).mapping()
        except Malformed as error:
            raise InputError(f"{path}, line {number}: {error}; give an object on each line") from error
        options = {}
        for key, value in record.items():
            if isinstance(value, dict | list):
                raise InputError(
                    f"{path}, line {number}: `{key}` is no plain value; give text, a number, or true"
                )
            if value is not None and value is not False:
                options[key] = "" if value is True else str(value)
        yield number, options


def check_output_folder(output: Path, sources: Sequence[str]) -> None:
    """Refuse a folder of outputs that is a file, or one of the sources.

    Raises:
        ConfigError: It is.
    """
    if output.exists() and not output.is_dir():
        raise ConfigError(f"{output} is a file; give a folder as `output`")
    if any(os.path.realpath(one) == os.path.realpath(output) for one in sources):
        raise ConfigError(f"{output} is a source itself; choose another folder as `output`")
