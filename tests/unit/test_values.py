"""Values of options are read here as typer reads them, and what is wrong is told in its words."""

import shlex
from importlib import import_module
from pathlib import Path
from typing import Annotated, get_type_hints

import pytest
import typer  # noqa: TID251 - it reads the others

from semvid.cli.app import app
from semvid.cli.values import read_plainly

LINES = [
    "in.mp4",
    "in.mp4 --ratio 1.5 --count 3 --name x --flag --folder a/b",
    "in.mp4 --ratio nan --count -2",
    "in.mp4 --ratio 1e400",
    "in.mp4 --words a --words b --paths c --paths d",
    "in.mp4 --count 1.0",
    "in.mp4 --count 1_000",
    "in.mp4 --ratio '' --name ''",
    "in.mp4 --count three",
    "in.mp4 --ratio wide",
    "in.mp4 --shout quietly",
    "",
]


def upper(text):
    return None if text is None else text.upper()


def command(
    source: Annotated[Path, typer.Argument()],
    folder: Path = Path("here"),
    ratio: float | None = None,
    count: int = 7,
    name: str | None = None,
    words: list[str] | None = None,
    paths: list[Path] | None = None,
    flag: Annotated[bool, typer.Option("--flag")] = False,
    shout: Annotated[str | None, typer.Option(callback=upper)] = None,
) -> None:
    typer.echo(repr((source, folder, ratio, count, name, list(words or ()), list(paths or ()), flag, shout)))


def outcome(line, capsys, *, is_read_here):
    alone = typer.Typer(add_completion=False)
    alone.command()(command)
    made = typer.main.get_command(alone)
    if is_read_here:
        read_plainly(made, command)
    try:
        made.main(shlex.split(line), prog_name="it", standalone_mode=False)
    except Exception as error:  # noqa: BLE001 - typer's own have no public name
        return type(error).__name__, error.format_message()
    return capsys.readouterr().out


@pytest.mark.parametrize("line", LINES)
def test_values_are_those_that_typer_reads(line, capsys):
    usual = outcome(line, capsys, is_read_here=False)
    assert usual
    assert outcome(line, capsys, is_read_here=True) == usual


@pytest.mark.parametrize("name", list(typer.main.get_command(app).commands))
def test_commands_leave_limits_to_the_library(name):
    """What is read here has none of typer's."""
    function = import_module(f"semvid.cli.{name}").command
    for hint in get_type_hints(function, include_extras=True).values():
        for told in getattr(hint, "__metadata__", ()):
            own = (
                "min",
                "max",
                "parser",
                "click_type",
                "exists",
                "resolve_path",
                "path_type",
                "mode",
                "formats",
            )
            assert not any(getattr(told, one, None) for one in own)
