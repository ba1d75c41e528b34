"""Sets up completion by Tab in the user's shell."""

from __future__ import annotations

import os

import shellingham
from typer import _completion_shared

from semvid.core.errors import ConfigError

VARIABLE = "_SEMVID_COMPLETE"
"""Set by the shell when it asks: typer answers in ``cli.app``."""
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def install() -> str:
    """Set completion up for the shell that started the program; returns what to tell.

    Raises:
        ConfigError: The shell is unknown, or its files cannot be written.
    """
    shell = _shell("install")
    try:
        _, path = _completion_shared.install(shell, "semvid", VARIABLE)
    except OSError as error:
        raise ConfigError(
            f"completion cannot be set up for {shell}: {error.strerror}: {error.filename}"
        ) from error
    return f"completion for {shell} is in {path}; it works in the next terminal"


def script() -> str:
    """Return the script that does it, for the shell that started the program.

    Raises:
        ConfigError: The shell is unknown.
    """
    return _completion_shared.get_completion_script(
        prog_name="semvid", complete_var=VARIABLE, shell=_shell("show")
    )


def _shell(verb: str) -> str:
    try:
        found = str(shellingham.detect_shell()[0])
    except shellingham.ShellDetectionFailure:
        found = os.path.basename(os.environ.get("SHELL", ""))
    if found not in SHELLS:
        raise ConfigError(
            f"--{verb}-completion knows {', '.join(SHELLS)}, and not {found or 'what started this'}; "
            "start semvid from one of them"
        )
    return found
