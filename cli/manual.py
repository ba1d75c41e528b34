"""All commands and their options as data, and the man page that is made of them.

python -m semvid.cli.manual > semvid.1
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

import semvid
from semvid.cli.app import app, load, names


@dataclass(frozen=True)
class Entry:
    """An argument or an option."""

    names: str
    """With its placeholder, as in ``-o, --output FILE``."""
    text: str
    """What ``--help`` says, its default included."""


@dataclass(frozen=True)
class Manual:
    """What ``semvid COMMAND --help`` shows."""

    name: str
    usage: str
    text: str
    """Paragraphs with an empty line between them."""
    groups: tuple[tuple[str, tuple[Entry, ...]], ...]
    """Titles, and what is below them, in the order of ``--help``."""


def read_all() -> tuple[Manual, ...]:
    """Read all commands, in the order of ``semvid --help``."""
    return tuple(_read_command(load(name), name) for name in names())


def exit_codes() -> str:
    """The line below each help text."""
    return str(app.info.epilog)


def read_program() -> Manual:
    """Read the program itself: what there is before a command."""
    return _read_command(typer.main.get_command(app), "")


def _read_command(command: Any, name: str) -> Manual:
    context = command.context_class(command, info_name=f"semvid {name}".strip())
    groups: dict[str, list[Entry]] = {"Arguments": [], "Options": []}
    for one in command.params:
        record = None if getattr(one, "hidden", False) else one.get_help_record(context)
        if record is not None:
            usual = "Arguments" if one.param_type_name == "argument" else "Options"
            title = getattr(one, "rich_help_panel", None) or usual
            groups.setdefault(title, []).append(Entry(*(str(text) for text in record)))
    filled = tuple((title, tuple(entries)) for title, entries in groups.items() if entries)
    usage = command.get_usage(context).removeprefix("Usage: ")
    return Manual(name, " ".join(usage.split()), command.help.strip(), filled)


def man_page() -> str:
    """The page ``semvid(1)`` in the language of man, which ``man -l`` shows."""
    program = read_program()
    lines = [
        f'.TH SEMVID 1 "" "semvid {semvid.__version__}" "User commands"',
        ".SH NAME",
        "semvid \\- compress video by meaning",
        ".SH SYNOPSIS",
        ".B " + _roff(program.usage),
        ".SH DESCRIPTION",
        *_paragraphs(program.text),
        *_options(program),
    ]
    for one in read_all():
        lines += [f'.SH "SEMVID {one.name.upper()}"', ".B " + _roff(one.usage)]
        lines += [*_paragraphs(one.text), *_options(one)]
    lines += [".SH EXIT STATUS", _roff(exit_codes().removeprefix("Exit codes: "))]
    return "\n".join(lines) + "\n"


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.split("\n\n"):
        yield from (".PP", _roff(" ".join(paragraph.split())))


def _options(manual: Manual) -> Iterator[str]:
    for title, entries in manual.groups:
        yield f'.SS "{title}"'
        for entry in entries:
            yield from (".TP", ".B " + _roff(entry.names), _roff(entry.text))


def _roff(text: str) -> str:
    # A dash would be a hyphen, and a dot or an apostrophe at the beginning of a line a request.
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped


if __name__ == "__main__":
    print(man_page(), end="")
