"""Options that a list of files gives to one of them, in addition to those of the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, cast

from semvid.cli.many import Wishes
from semvid.cli.options import taken_config
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError, SemvidError
from semvid.core.text import visible

_OF_ALL = frozenset({
    "output", "yes", "json", "threads", "no-preview", "allow-protocols", "help",
    *(one.name.replace("_", "-") for one in fields(Wishes)),
})  # fmt: skip
"""They are for the whole batch, and one file cannot have others."""


def read_listed(given: Mapping[str, str], place: str) -> CompressConfig:
    """Read the options that a list gives to one file.

    Args:
        given: They, without dashes in front; a switch has no text, or ``true``.
        place: The line of the list, for messages.

    Raises:
        ConfigError: One is unknown, wrong, or for all files.
    """
    from semvid.cli.advice import explain, option_advice
    from semvid.cli.app import app, load, usage_error
    from semvid.cli.defaults import options_of

    command = load(sys.argv[1])
    options = options_of(command)
    flags = []
    for key, value in given.items():
        if key in _OF_ALL:
            raise ConfigError(
                f"{place}: `{key}` is for the whole batch, not for one file; remove it from the list"
            )
        if key not in options:
            spelled = [one for each in command.params for one in (*each.opts, *each.secondary_opts)]
            advice = option_advice(f"--{key}", spelled, ()) or f"see 'semvid {sys.argv[1]} --help'"
            raise ConfigError(f"{place}: `{visible(key)}` is no option; {advice}")
        flags.append(_flag(key, value, options[key], place))
    arguments = with_flags(sys.argv[1:], flags, command)
    try:
        with taken_config() as taken:
            app(arguments, prog_name="semvid", standalone_mode=False)
    except usage_error as error:
        raise ConfigError(f"{place}: {explain(error, arguments, ())}") from error
    except SemvidError as error:
        raise ConfigError(f"{place}: {error}") from error
    # Lists are of videos.
    assert taken  # noqa: S101 - the command has run
    return cast(CompressConfig, taken[0])


def _flag(key: str, value: str, option: Any, place: str) -> str:
    is_switch = getattr(option, "is_flag", False)
    if is_switch and value.lower() not in {"", "true"}:
        raise ConfigError(f"{place}: `{key}` is {visible(value)}, and can only be true; else leave it out")
    if not (is_switch or value):
        raise ConfigError(f"{place}: `{key}` has no value; give one, or leave it out")
    # With the sign, no text can be taken for another option, or for a source.
    return f"--{key}" if is_switch else f"--{key}={value}"


def with_flags(arguments: Sequence[str], flags: Sequence[str], command: Any) -> list[str]:
    """Add options to a command line, after its own: the last of them win.

    Args:
        arguments: The command line. What follows ``--`` are sources, unless that is the value of an option.
        flags: What to add.
        command: Typer's.
    """
    with_value = {one for each in command.params if not getattr(each, "is_flag", False) for one in each.opts}
    end = next(
        (
            place
            for place, one in enumerate(arguments)
            if one == "--" and arguments[place - 1] not in with_value
        ),
        len(arguments),
    )
    return [*arguments[:end], *flags, *arguments[end:]]
