"""Reads values of options that need no parser: names, paths, and numbers as Python reads them.

Recent releases of typer read each value with pydantic, even those of options that were not given. Loading it
takes a tenth of the time until the first frame is encoded. Values that both read alike are read here; typer
still gets all others, and has the words for what is wrong. Limits are for the library to check: options here
have none of typer's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

_READ_HERE = (str, Path, int, float, bool)


class _NotPlain(Exception):  # noqa: N818 - it never leaves this module
    """A value is for typer to read."""


def read_plainly(command: Any, function: Callable[..., object]) -> None:
    """Have a command read plain values by itself.

    Args:
        command: Typer's.
        function: What it calls; its annotations say what the values are.
    """
    kinds = get_type_hints(function)
    for parameter in command.params:
        _read_here(parameter, kinds.get(parameter.name))
    make_help = command.get_help_option

    def help_option(context: Any) -> Any:
        option = make_help(context)
        if option is not None:
            _read_here(option, bool)
        return option

    command.get_help_option = help_option


def _read_here(parameter: Any, kind: Any) -> None:
    parameter.process_value = partial(_processed, parameter, parameter.process_value, _without_none(kind))


def _processed(parameter: Any, usual: Callable[[Any, Any], Any], kind: Any, context: Any, given: Any) -> Any:
    """Do what ``process_value`` of a parameter does."""
    is_many = parameter.nargs != 1 or getattr(parameter, "multiple", False)
    if given is None or (is_many and not given):
        if parameter.required:
            return usual(context, given)
        value: Any = () if is_many else None
    else:
        try:
            value = _values(given, kind) if is_many else _value(given, kind)
        except (_NotPlain, ValueError):
            return usual(context, given)
    return value if parameter.callback is None else parameter.callback(context, parameter, value)


def _values(given: Any, kind: Any) -> list[Any]:
    if get_origin(kind) is not list or not isinstance(given, (list, tuple)):
        raise _NotPlain
    return [_value(one, get_args(kind)[0]) for one in given]


def _value(given: Any, kind: Any) -> Any:
    if kind not in _READ_HERE:
        raise _NotPlain
    if isinstance(given, kind):
        return given
    if not isinstance(given, str) or kind is bool:
        raise _NotPlain
    return kind(given)


def _without_none(kind: Any) -> Any:
    """Return ``T`` of ``T | None``, and anything else as it is."""
    some = [one for one in get_args(kind) if one is not NoneType]
    is_optional = len(some) == 1 and NoneType in get_args(kind)
    return some[0] if is_optional else kind
