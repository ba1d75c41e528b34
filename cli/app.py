"""The commands of the ``semvid`` program."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

import semvid
from semvid.cli.values import read_plainly
from semvid.core.errors import ConfigError

_NAMES = (
    "compress",
    "batch",
    "jobs",
    "image",
    "maps",
    "compare",
    "bench",
    "overlay",
    "report",
    "stream",
    "studio",
    "devices",
    "profiles",
    "config",
    "doctor",
)
_EXIT_INTERRUPTED = 130

# The root of typer's usage errors; newer releases have no public name for it.
usage_error: Any = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")

_EPILOG = (
    "Exit codes: 0 done, 1 other, 2 wrong option, 3 input, 4 output, 5 map or boxes, 6 encoder, "
    "7 network, 130, 143 or 129 ended by Ctrl-C, SIGTERM or SIGHUP."
)

_STYLE: Mapping[str, Any] = {
    "add_completion": False, "pretty_exceptions_enable": False, "rich_markup_mode": "rich",
}  # fmt: skip


class _Commands(Mapping[str, Any]):
    """The commands by name. Each is a module of its name, loaded when the command is asked for."""

    def __getitem__(self, name: str) -> Any:
        return load(name)

    def __iter__(self) -> Iterator[str]:
        return iter(_NAMES)

    def __len__(self) -> int:
        return len(_NAMES)


@cache
def load(name: str) -> Any:
    """Load a command of the program.

    Raises:
        KeyError: There is none of this name.
    """
    if name not in _NAMES:
        raise KeyError(name)
    from semvid.cli.defaults import give_defaults

    # Where a command has many options, its annotations are no texts: typer would compile each five times.
    alone = typer.Typer(**_STYLE)
    module = import_module(f"semvid.cli.{name}")
    alone.command(name, cls=getattr(module, "KIND", None), epilog=_EPILOG)(module.command)
    command = typer.main.get_command(alone)
    read_plainly(command, module.command)
    give_defaults(command, name, _NAMES)
    return command


def names() -> tuple[str, ...]:
    """The commands, in the order of ``semvid --help``."""
    return _NAMES


class _Group(TyperGroup):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.commands = cast(Any, _Commands())
        read_plainly(self, _semvid)


app = typer.Typer(**_STYLE, cls=_Group, no_args_is_help=True, epilog=_EPILOG)


# A context that parses resiliently only looks for what could complete a line.
def _print_version(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        print(f"semvid {semvid.__version__}")
        raise typer.Exit


def _install_completion(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from semvid.cli import completion

        print(completion.install())
        raise typer.Exit


def _show_completion(context: typer.Context, wanted: bool) -> None:
    if wanted and not context.resilient_parsing:
        from semvid.cli import completion

        print(completion.script())
        raise typer.Exit


@app.callback()
def _semvid(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
    install_completion: Annotated[bool, typer.Option(
        "--install-completion", callback=_install_completion, is_eager=True,
        help="Have Tab complete commands and options in this shell: bash, zsh, fish or PowerShell.",
    )] = False,
    show_completion: Annotated[bool, typer.Option(
        "--show-completion", callback=_show_completion, is_eager=True,
        help="Print the script that does it, to put it elsewhere.",
    )] = False,
) -> None:  # fmt: skip
    """Compress video by meaning: bits go where people look, and every ordinary player plays the result."""


def run_app() -> int:
    """Run the command that the command line names; returns the exit code.

    Raises:
        KeyboardInterrupt: A signal arrived.
        SemvidError: The command line is wrong; see also ``semvid.core.errors``.
    """
    if "_SEMVID_COMPLETE" in os.environ:
        from typer._completion_classes import completion_init

        completion_init()
    try:
        code = app(prog_name="semvid", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except usage_error as error:
        from semvid.cli.advice import explain

        raise ConfigError(explain(error, sys.argv[1:], _NAMES)) from error
    # Typer itself turns an interrupt into this code.
    if code == _EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    return code or 0
