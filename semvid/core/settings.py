"""Settings that check themselves: frozen dataclasses whose fields keep to their types and limits.

A field's annotation is the one place that says what it takes, its docstring the one place that says what it
means. ``help()`` shows both.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Set
from dataclasses import fields
from functools import wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
)

from semvid.core.errors import ConfigError
from semvid.core.frozen import FrozenMapping
from semvid.core.records import dataclass
from semvid.core.setting_types import FieldDocs, Limits, Named, described, hints_of, noun, shown
from semvid.core.text import setting

_Class = TypeVar("_Class")


class Settings:
    """Base of all settings. Rules between fields go to ``__post_init__``, after this one's."""

    __slots__ = ()
    MOVED: ClassVar[Mapping[str, str]] = {}
    """Keywords of earlier versions, and their replacements."""

    def __post_init__(self) -> None:
        """Bring every field to its type.

        Raises:
            ConfigError: A value is of another type, unknown, or out of range.
        """
        hints = hints_of(type(self))
        for field in fields(self):  # type: ignore[arg-type]
            place = f"{type(self).__name__}.{field.name}"
            fitted = fit(getattr(self, field.name), hints[field.name], field.name, place)
            object.__setattr__(self, field.name, fitted)


@dataclass_transform(frozen_default=True)
def settings(cls: type[_Class]) -> type[_Class]:
    """Make a subclass of ``Settings`` a frozen dataclass whose documentation lists its fields."""
    made = dataclass(frozen=True, slots=True)(cls)
    type.__setattr__(made, "__init__", _explaining(made.__init__))
    # A descriptor, so that sources are read when the documentation is asked for, not at start-up.
    made.__doc__ = cast(str, FieldDocs(made.__doc__ or ""))
    return made


def _explaining(init: Callable[..., None]) -> Callable[..., None]:
    @wraps(init)
    def checked(self: Settings, *args: Any, **options: Any) -> None:
        for name in options.keys() & self.MOVED.keys():
            raise ConfigError(
                f"`{name}` is no longer an option of {type(self).__name__}; give `{self.MOVED[name]}`"
            )
        init(self, *args, **options)

    return checked


def or_default(given: _Class | None, kind: type[_Class]) -> _Class:
    """Return the settings that a caller gave, or the defaults if there are none.

    Raises:
        ConfigError: They are of another kind.
    """
    if given is None:
        return kind()
    if not isinstance(given, kind):
        raise ConfigError(f"config is {shown(given)}; give {described(kind)} or None")
    return given


def fit(value: Any, hint: Any, name: str, place: str, whole: Any = None) -> Any:
    """Return the value as the type says, or raise ConfigError.

    Args:
        value: Given by a caller.
        hint: The type, with ``Limits``.
        name: Of the field, for limits; empty = ``place``.
        place: ``Class.field``, for types.
        whole: The type that ``hint`` is part of, for its description; None = it stands alone.
    """
    whole = whole or hint
    origin, args = get_origin(hint), get_args(hint)
    if origin is Annotated:
        notes = args[1:]
        name = name and next((one.option for one in notes if isinstance(one, Named)), name)
        fitted = fit(value, args[0], name, place, whole)
        for limits in notes:
            if isinstance(limits, Limits):
                limits.check(name or place, fitted)
        return fitted
    if origin in {Union, UnionType}:
        if value is None and NoneType in args:
            return None
        kinds = [one for one in args if one is not NoneType]
        # Of several, each is a class of settings.
        if len(kinds) == 1:
            return fit(value, kinds[0], name, place, whole)
        if isinstance(value, tuple(kinds)):
            return value
    if origin is Literal:
        return _chosen(value, args, name or place)
    scalar = _SCALARS.get(hint)
    if scalar is not None:
        fitted = scalar(value)
    elif origin is not None:
        fitted = _collected(value, origin, args, name, place)
    else:
        fitted = value if isinstance(value, hint) else None
    if fitted is None:
        raise ConfigError(f"{place} is {shown(value)}, which is no {noun(hint)}; give {described(whole)}")
    return fitted


def _chosen(value: Any, choices: tuple[str, ...], name: str) -> str:
    if isinstance(value, str) and value in choices:
        return str(value)
    given = value if isinstance(value, str) else shown(value)
    remedy = f"choose one of {', '.join(choices)}" if len(choices) > 1 else f"the only choice is {choices[0]}"
    raise ConfigError(f"{setting(name, given)} is unknown; {remedy}")


def _collected(value: Any, origin: Any, args: tuple[Any, ...], name: str, place: str) -> Any:
    """Return tuples, sets and mappings of fitting items; None = it is none."""
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [args[0]] * len(value) if args[-1] is Ellipsis else list(args)
        if len(kinds) == len(value):
            pairs = enumerate(zip(value, kinds, strict=True))
            return tuple(fit(one, kind, name, f"{place}[{index}]") for index, (one, kind) in pairs)
    if origin is frozenset and isinstance(value, Set | list | tuple):
        return frozenset(fit(one, args[0], name, place) for one in value)
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping):
        items = {
            fit(key, args[0], name, f"a key of {place}"): fit(
                one, args[1], name and f"{name}={key}", f"{place}[{key!r}]"
            )
            for key, one in value.items()
        }
        # A copy: later changes to the caller's mapping have no effect here.
        return FrozenMapping(items)
    return None


def _scalar(value: Any) -> Any:
    """Convert numbers of numpy and torch to Python's own."""
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
