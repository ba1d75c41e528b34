"""Finds the pictures of files and folders, and the name of each output."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from pathlib import Path

from semvid.core.errors import ConfigError, InputError, InputMissingError, OutputError
from semvid.core.records import dataclass
from semvid.core.results import ImageFailure
from semvid.core.text import counted
from semvid.media.folders import walk
from semvid.media.stills.picture_file import READABLE_SUFFIXES

JPEG_SUFFIXES = (".jpg", ".jpeg")


@dataclass(frozen=True, slots=True)
class Still:
    """A picture to compress."""

    source: Path
    output: Path


@dataclass(slots=True)
class Found:
    """What there is to do."""

    stills: list[Still] = field(default_factory=list)
    unreadable: list[ImageFailure] = field(default_factory=list)
    """Folders that cannot be entered, and what is named like a picture but is no file."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Files whose names are not of pictures, by suffix."""
    notices: list[str] = field(default_factory=list)

    def tell(self, path: Path, message: str) -> None:
        """Note what cannot be read."""
        self.unreadable.append(ImageFailure(path, message))


@dataclass(frozen=True, slots=True)
class _Named:
    """A source, and where its output goes."""

    source: Path
    folder: Path
    ending: str

    def output(self, *, is_full: bool = False) -> Path:
        """Return the output, with the source's own ending in its name or not."""
        return self.folder / f"{self.source.name if is_full else self.source.stem}{self.ending}"


def find_stills(sources: Sequence[Path], output: Path | None) -> Found:
    """List the pictures in the order of the sources, by name in each folder.

    Args:
        sources: Files, which are taken whatever their names are, and folders, of which all pictures are taken
            but hidden ones, and those in ``output``.
        output: A folder, which need not exist. The structure of a folder is kept; of several, under their
            names. None = beside each source: ``NAME.semvid.jpg``, or a folder ``NAME.semvid``.

    Raises:
        InputError: There is no picture, or a source is missing.
        OutputError: The output is no folder, or one of the sources.
        ConfigError: Two outputs would have the same name.
    """
    if not sources:
        raise InputError("there is no source; give a picture or a folder of pictures")
    if output is not None:
        _check_folder(output, sources)
    found = Found()
    named: dict[Path, _Named] = {}
    for one in _named(sources, output, found):
        named.setdefault(Path(os.path.realpath(one.source)), one)
    if not named and not found.unreadable:
        first = " and ".join(map(str, sources[:2])) + (" and others" if len(sources) > 2 else "")
        raise InputError(f"{first}: no picture was found; give pictures, or folders with pictures")
    found.stills = _outputs(list(named.values()), found.notices)
    for still in found.stills:
        if Path(os.path.realpath(still.output)) in named:
            raise OutputError(f"{still.output} is one of the sources; choose another `output`")
    return found


def _check_folder(output: Path, sources: Sequence[Path]) -> None:
    if output.exists() and not output.is_dir():
        raise OutputError(f"{output} is a file; give a folder as `output` for several pictures")
    if not output.exists() and output.suffix.lower() in JPEG_SUFFIXES:
        raise OutputError(
            f"{output} names one picture; give a folder as `output` for several pictures, or for a folder"
        )
    for source in sources:
        if source.is_dir() and os.path.realpath(source) == os.path.realpath(output):
            raise OutputError(f"{output} is a source itself; choose another folder as `output`")


def _named(sources: Sequence[Path], output: Path | None, found: Found) -> Iterator[_Named]:
    for source in sources:
        if not source.exists():
            raise InputMissingError(f"{source} does not exist; check the path")
        if not source.is_dir():
            ending = ".semvid.jpg" if output is None else ".jpg"
            yield _Named(source, source.parent if output is None else output, ending)
            continue
        # What is called . or .. has its name elsewhere.
        whole = Path(os.path.abspath(source))
        if output is None:
            target = (source if source.name not in {"", ".."} else whole).with_name(f"{whole.name}.semvid")
        else:
            target = output if len(sources) == 1 else output / whole.name
        left_out = {os.path.realpath(output or target)}
        for path in walk(source, left_out, READABLE_SUFFIXES, found.passed_over, found.tell):
            yield _Named(path, target / path.parent.relative_to(source), ".jpg")


def _outputs(named: list[_Named], notices: list[str]) -> list[Still]:
    """Name the outputs: where two pictures differ by their endings alone, the endings stay in the names."""
    # Some systems do not tell upper case from lower case.
    taken = Counter(_key(one.output()) for one in named)
    stills, longer = [], []
    for one in named:
        is_full = taken[_key(one.output())] > 1 and one.source.suffix != ".jpg"
        still = Still(one.source, one.output(is_full=is_full))
        stills.append(still)
        longer += [still.output.name] if is_full else []
    _check_names(stills)
    if longer:
        names = counted(len(longer), "output has", "outputs have")
        notices.append(
            f"{names} the source's ending in the name too, as in {longer[0]}: another picture in the folder "
            "has the same name"
        )
    return stills


def _check_names(stills: Iterable[Still]) -> None:
    by_name: dict[str, Still] = {}
    for one in stills:
        other = by_name.setdefault(_key(one.output), one)
        if other is not one:
            raise ConfigError(
                f"{other.source} and {one.source} would both become {one.output}; rename one, or compress "
                "them into two folders"
            )


def _key(path: Path) -> str:
    return os.path.abspath(path).casefold()
