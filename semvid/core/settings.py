"""Settings that check themselves: frozen dataclasses whose fields keep to their types and limits.

A field's annotation is the one place that says what it takes, its docstring the one place that says what it
means. ``help()`` shows both.
"""

from __future__ import annotations

import ast
import inspect
import math
import os
import reprlib
import sys
import textwrap
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, cast, dataclass_transform, get_args, get_origin
from typing import get_type_hints as type_hints

from semvid.core.errors import ConfigError
from semvid.core.text import setting

_WIDTH = 100
_Class = TypeVar("_Class")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a number must lie in, as part of its annotation: ``Annotated[float, Limits(0, 1)]``."""

    low: float
    high: float
    also: float | None = None
    """One value outside that is allowed too."""

    def __str__(self) -> str:
        apart = "" if self.also is None else f", or {self.also:g}"
        return f"{_number(self.low)} to {_number(self.high)}{apart}"

    def check(self, name: str, value: float) -> None:
        """Raise ConfigError if the value lies outside."""
        if value != self.also and not self.low <= value <= self.high:
            raise ConfigError(f"{setting(name, _number(value))} is out of range; it must lie in {self}")


class Settings:
    """Base of all settings. Rules between fields go to ``__post_init__``, after this one's."""

    __slots__ = ()

    def __post_init__(self) -> None:
        """Bring every field to its type.

        Raises:
            ConfigError: A value is of another type, unknown, or out of range.
        """
        # mypy takes a class of dataclasses for one that cannot be hashed.
        kind: Any = type(self)
        hints = _hints(kind)
        for field in fields(self):  # type: ignore[arg-type]
            place = f"{kind.__name__}.{field.name}"
            fitted = _fit(getattr(self, field.name), hints[field.name], field.name, place)
            object.__setattr__(self, field.name, fitted)


@dataclass_transform(frozen_default=True)
def settings(cls: type[_Class]) -> type[_Class]:
    """Make a subclass of ``Settings`` a frozen dataclass whose documentation lists its fields."""
    made = dataclass(frozen=True, slots=True)(cls)
    # A class looks a descriptor's value up: sources are read when somebody asks, not at start-up.
    made.__doc__ = cast(str, _FieldDocs(made.__doc__ or ""))
    return made


def or_default(given: _Class | None, kind: type[_Class]) -> _Class:
    """Return the settings that a caller gave, or the defaults if there are none.

    Raises:
        ConfigError: They are of another kind.
    """
    if given is None:
        return kind()
    if not isinstance(given, kind):
        raise ConfigError(f"config is {_shown(given)}; give {_described(kind)} or None")
    return given


@cache
def _hints(cls: type) -> Mapping[str, Any]:
    return type_hints(cls, include_extras=True)


def _fit(value: Any, hint: Any, name: str, place: str, whole: Any = None) -> Any:
    """Return the value as the type says, or raise ConfigError.

    Args:
        value: Given by a caller.
        hint: The type, with ``Limits``.
        name: Of the field, for limits.
        place: ``Class.field``, for types.
        whole: The type that ``hint`` is part of, for its description; None = it stands alone.
    """
    whole = whole or hint
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        fitted = _fit(value, args[0], name, place, whole)
        for limits in args[1:]:
            if isinstance(limits, Limits):
                limits.check(name, fitted)
        return fitted
    if origin in {Union, UnionType}:
        (kind,) = (one for one in args if one is not NoneType)
        return None if value is None else _fit(value, kind, name, place, whole)
    if origin is Literal:
        if not (isinstance(value, str) and value in args):
            shown = value if isinstance(value, str) else _shown(value)
            choice = f"choose one of {', '.join(args)}" if len(args) > 1 else f"the only choice is {args[0]}"
            raise ConfigError(f"{setting(name, shown)} is unknown; {choice}")
        return str(value)
    scalar = _SCALARS.get(hint)
    if scalar is not None:
        fitted = scalar(value)
    elif origin is not None:
        fitted = _collected(value, origin, args, name, place)
    else:
        fitted = value if isinstance(value, hint) else None
    if fitted is None:
        raise ConfigError(f"{place} is {_shown(value)}, which is no {_noun(hint)}; give {_described(whole)}")
    return fitted


def _collected(value: Any, origin: Any, args: tuple[Any, ...], name: str, place: str) -> Any:
    """Return tuples, sets and mappings of fitting items; None = it is none."""
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(kinds) == len(value):
            pairs = enumerate(zip(value, kinds, strict=True))
            return tuple(_fit(one, kind, name, f"{place}[{index}]") for index, (one, kind) in pairs)
    if origin is frozenset and isinstance(value, Set | list | tuple):
        return frozenset(_fit(one, args[0], name, place) for one in value)
    if origin is not None and issubclass(origin, Mapping) and isinstance(value, Mapping):
        items = {
            _fit(key, args[0], name, f"a key of {place}"): _fit(
                one, args[1], f"{name}={key}", f"{place}[{key!r}]"
            )
            for key, one in value.items()
        }
        # A copy: what the caller does to his mapping later changes nothing here.
        return MappingProxyType(items)
    return None


def _scalar(value: Any) -> Any:
    """Numbers of numpy and torch as Python's own."""
    return value.item() if getattr(value, "shape", None) == () and hasattr(value, "item") else value


def _as_bool(value: Any) -> bool | None:
    value = _scalar(value)
    return value if isinstance(value, bool) else None


def _as_int(value: Any) -> int | None:
    value = _scalar(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _as_float(value: Any) -> float | None:
    value = _scalar(value)
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _as_text(value: Any) -> str | None:
    return str(value) if isinstance(value, str) else None


def _as_path(value: Any) -> Path | None:
    if isinstance(value, str | os.PathLike):
        path = os.fspath(value)
        return Path(path) if isinstance(path, str) else None
    return None


_SCALARS: Mapping[Any, Callable[[Any], Any]] = {
    bool: _as_bool, int: _as_int, float: _as_float, str: _as_text, Path: _as_path,
}  # fmt: skip
_NOUNS: Mapping[Any, str] = {
    bool: "truth value", int: "whole number", float: "number", str: "text", Path: "path", tuple: "tuple",
    frozenset: "set",
}  # fmt: skip
_PHRASES: Mapping[Any, str] = {NoneType: "None", bool: "True or False", str: "text"}


def _noun(hint: Any) -> str:
    return _NOUNS.get(get_origin(hint) or hint) or ("mapping" if get_origin(hint) else hint.__name__)


def _described(hint: Any) -> str:
    """What a type takes, in words."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return " from ".join(
            [_described(args[0]), *(str(one) for one in args[1:] if isinstance(one, Limits))]
        )
    if origin in {Union, UnionType}:
        return " or ".join(_described(one) for one in args)
    if origin is Literal:
        return " or ".join(map(repr, args))
    if origin is None:
        noun = _noun(hint)
        return _PHRASES.get(hint, f"{'an' if noun[0] in 'AEIO' else 'a'} {noun}")
    first, count = _described(args[0]), "" if args[-1] is Ellipsis else f" of {len(args)}"
    kinds = {tuple: f"a tuple{count}, each {first}", frozenset: f"a set of {first}"}
    return kinds.get(origin) or f"a mapping from {first} to {_described(args[1])}"


def _shown(value: Any) -> str:
    """A value of any kind and size in a few words."""
    return f"{reprlib.repr(value)} ({type(value).__name__})"


def _number(value: float) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    # Python refuses to write down integers of more than 4300 digits.
    return str(value) if abs(value) < 10**30 else "of more than 30 digits"


class _FieldDocs:
    """Documentation of a class, with what it says of its fields below."""

    def __init__(self, summary: str) -> None:
        self._summary = summary

    def __get__(self, instance: object, owner: type) -> str:
        hints = _hints(owner)
        documented = {
            name: text for one in reversed(owner.__mro__) for name, text in _field_docs(one).items()
        }
        lines = [inspect.cleandoc(self._summary), "", "Attributes:"]
        for field in fields(owner):
            said = [documented.get(field.name, ""), f"{_capital(_described(hints[field.name]))}."]
            entry = f"{field.name}: {' '.join(filter(None, said))}{_default(field)}"
            lines += textwrap.wrap(entry, _WIDTH, initial_indent=" " * 4, subsequent_indent=" " * 8)
        return "\n".join(lines)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _default(field: Field[Any]) -> str:
    default = field.default
    if default is MISSING:
        return ""
    return (
        f" Default: {type(default).__name__}()."
        if isinstance(default, Settings)
        else f" Default: {default!r}."
    )


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
