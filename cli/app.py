"""The commands of the ``semvid`` program."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

import semvid
from semvid.cli import compare, compress, devices, doctor, image, maps, overlay, report, stream
from semvid.cli.advice import explain
from semvid.core.errors import ConfigError

_EXIT_INTERRUPTED = 130

# The root of typer's usage errors; newer releases have no public name for it.
_UsageError: Any = next(one for one in typer.BadParameter.__mro__ if one.__name__ == "ClickException")

_EPILOG = (
    "Exit codes: 0 done, 1 other, 2 wrong option, 3 input, 4 output, 5 map or boxes, 6 encoder, "
    "7 network, 130, 143 or 129 ended by Ctrl-C, SIGTERM or SIGHUP."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    epilog=_EPILOG,
)
app.command("compress", epilog=_EPILOG)(compress.command)
app.command("image", epilog=_EPILOG)(image.command)
app.command("maps", epilog=_EPILOG)(maps.command)
app.command("compare", epilog=_EPILOG)(compare.command)
app.command("overlay", epilog=_EPILOG)(overlay.command)
app.command("report", epilog=_EPILOG)(report.command)
app.command("stream", epilog=_EPILOG)(stream.command)
app.command("devices", epilog=_EPILOG)(devices.command)
app.command("doctor", epilog=_EPILOG)(doctor.command)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"semvid {semvid.__version__}")
        raise typer.Exit


@app.callback()
def _semvid(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Compress video by meaning: bits go where people look, and every ordinary player plays the result."""


def run_app() -> int:
    """Run the command that the command line names; returns the exit code.

    Raises:
        KeyboardInterrupt: A signal arrived.
        SemvidError: The command line is wrong; see also ``semvid.core.errors``.
    """
    try:
        code = app(prog_name="semvid", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except _UsageError as error:
        commands = [str(one.name) for one in app.registered_commands]
        raise ConfigError(explain(error, sys.argv[1:], commands)) from error
    # Typer itself turns an interrupt into this code.
    if code == _EXIT_INTERRUPTED:
        raise KeyboardInterrupt
    return code or 0
