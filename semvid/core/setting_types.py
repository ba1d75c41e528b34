"""What a setting takes: in its annotation, and in words, for messages and for ``help()``."""

from __future__ import annotations

import ast
import inspect
import reprlib
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache, partial
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin
from typing import get_type_hints as type_hints

from semvid.core.errors import ConfigError
from semvid.core.records import dataclass
from semvid.core.text import setting

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Limits:
    """The range of a number, as part of its annotation: ``Annotated[float, Limits(0, 1)]``."""

    low: float
    high: float
    also: float | None = None
    """One value outside the range that is allowed too."""

    def __str__(self) -> str:
        apart = "" if self.also is None else f", or {self.also:g}"
        return f"{number(self.low)} to {number(self.high)}{apart}"

    def check(self, name: str, value: float) -> None:
        """Raise ConfigError if the value lies outside."""
        if value != self.also and not self.low <= value <= self.high:
            raise ConfigError(f"{setting(name, number(value))} is out of range; it must be {self}")


@dataclass(frozen=True, slots=True)
class Named:
    """What error messages call a field, as part of its annotation; otherwise its name."""

    option: str


hints_of: Callable[[Any], Mapping[str, Any]] = cache(partial(type_hints, include_extras=True))
"""Returns the types of all fields of a class, with their ``Limits``."""


_NOUNS: Mapping[Any, str] = {
    bool: "truth value", int: "whole number", float: "number", str: "text", Path: "path", tuple: "tuple",
    frozenset: "set",
}  # fmt: skip
_PHRASES: Mapping[Any, str] = {NoneType: "None", bool: "True or False", str: "text"}


def noun(hint: Any) -> str:
    """What a type is, in a word."""
    if get_origin(hint) in {Union, UnionType}:
        return " or ".join(noun(one) for one in get_args(hint) if one is not NoneType)
    return _NOUNS.get(get_origin(hint) or hint) or ("mapping" if get_origin(hint) else hint.__name__)


def described(hint: Any) -> str:
    """What a type takes, in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return " from ".join([described(args[0]), *(str(one) for one in args[1:] if isinstance(one, Limits))])
    if origin in {Union, UnionType}:
        return " or ".join(described(one) for one in args)
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin is None:
        name = noun(hint)
        return _PHRASES.get(hint, f"{'an' if name[0] in 'AEIO' else 'a'} {name}")
    first, count = described(args[0]), "" if args[-1] is Ellipsis else f" of {len(args)}"
    kinds = {tuple: f"a tuple{count}, each {first}", frozenset: f"a set of {first}"}
    return kinds.get(origin) or f"a mapping from {first} to {described(args[1])}"


def shown(value: Any) -> str:
    """A value of any kind and size in a few words."""
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def number(value: float) -> str:
    """A number of any size in a few characters."""
    if isinstance(value, float):
        return f"{value:g}"
    # Python refuses to write down integers of more than 4300 digits.
    return str(value) if abs(value) < 10**30 else "of more than 30 digits"


class FieldDocs:
    """Documentation of a class, with the strings below its fields."""

    def __init__(self, summary: str) -> None:
        self._summary = summary

    def __get__(self, instance: object, owner: type) -> str:
        hints = hints_of(owner)
        documented = {
            name: text for one in reversed(owner.__mro__) for name, text in _field_docs(one).items()
        }
        lines = [inspect.cleandoc(self._summary), "", "Attributes:"]
        for field in fields(owner):
            said = [documented.get(field.name, ""), f"{_capital(described(hints[field.name]))}."]
            entry = f"{field.name}: {' '.join(filter(None, said))}{_default(field)}"
            lines += textwrap.wrap(entry, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)
        return "\n".join(lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _default(field: Field[Any]) -> str:
    default = field.default
    if default is MISSING:
        return ""
    is_usual = is_dataclass(default) and all(
        getattr(default, one.name) == one.default for one in fields(default)
    )
    return f" Default: {type(default).__name__}()." if is_usual else f" Default: {default!r}."


@cache
def _field_docs(cls: type) -> Mapping[str, str]:
    """The strings below the fields of a class, by field; none where there are no sources."""
    try:
        body = _class_bodies(cls.__module__).get(cls.__name__, ())
    except (OSError, TypeError):
        return {}
    return {
        field.target.id: " ".join(text.value.value.split())
        for field, text in zip(body, list(body)[1:], strict=False)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }


@cache
def _class_bodies(module: str) -> Mapping[str, Iterable[ast.stmt]]:
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {one.name: one.body for one in tree.body if isinstance(one, ast.ClassDef)}
