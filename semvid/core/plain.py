"""Turns settings and the like into plain JSON values and back, strictly: errors name the place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from semvid.core.errors import ConfigError
from semvid.core.frozen import FrozenMapping
from semvid.core.setting_types import hints_of, shown
from semvid.core.settings import fit

_KIND = "kind"
"""Key that tells which of several classes a value is of."""
_Class = TypeVar("_Class")


def to_plain(settings: Any) -> dict[str, Any]:
    """Turn settings, or another dataclass of such values, into what JSON knows; ``from_plain`` reads it."""
    hints = hints_of(type(settings))
    return {one.name: _plain(getattr(settings, one.name), hints[one.name]) for one in fields(settings)}


def from_plain(kind: type[_Class], record: Any, place: str) -> _Class:
    """Read what ``to_plain`` made; what is not there has its default.

    Args:
        kind: Of the settings.
        record: As a parser of JSON gave it.
        place: What to call it in messages.

    Raises:
        ConfigError: It is no object, has an unknown key or lacks one, or a value is wrong or out of range.
    """
    if not isinstance(record, Mapping):
        raise ConfigError(f"{place} is {shown(record)}; give an object with keys")
    known = {one.name: one for one in fields(cast(Any, kind))}
    hints = hints_of(kind)
    for name in record:
        if name not in known:
            raise ConfigError(f"{place}.{name} is unknown; known are {', '.join(known)}")
    for name, one in known.items():
        if name not in record and one.default is MISSING:
            raise ConfigError(f"{place}.{name} is missing")
    given = {name: _read(one, hints[name], f"{place}.{name}") for name, one in record.items()}
    try:
        return kind(**given)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error


def without_folders(settings: _Class) -> _Class:
    """Return the same settings with file names without their folders, which would reveal who ran it."""
    values = {one.name: getattr(settings, one.name) for one in fields(cast(Any, settings))}
    changes = {name: _without_folders(value) for name, value in values.items()}
    return cast(_Class, replace(cast(Any, settings), **changes))


def _without_folders(value: Any) -> Any:
    if isinstance(value, Path):
        return Path(value.name)
    if isinstance(value, tuple):
        return tuple(map(_without_folders, value))
    return without_folders(value) if is_dataclass(value) else value


def _plain(value: Any, hint: Any) -> Any:
    if is_dataclass(value):
        tag = {_KIND: type(value).__name__.lower()} if len(_classes(hint)) > 1 else {}
        return tag | to_plain(value)
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, tuple):
        return [to_plain(one) if is_dataclass(one) else one for one in value]
    return str(value) if isinstance(value, Path) else value


def _read(value: Any, hint: Any, place: str) -> Any:
    classes, origin, args = _classes(hint), get_origin(hint), get_args(hint)
    if origin is tuple and is_dataclass(args[0]) and isinstance(value, list):
        return tuple(_read(one, args[0], f"{place}[{index}]") for index, one in enumerate(value))
    if origin is Mapping and is_dataclass(args[1]) and isinstance(value, Mapping):
        return FrozenMapping({key: _read(one, args[1], f"{place}.{key}") for key, one in value.items()})
    if not classes or (value is None and NoneType in args):
        return fit(value, hint, "", place)
    (kind, *others), record = classes.values(), value
    if others and isinstance(value, Mapping):
        kind = classes.get(str(value.get(_KIND)), NoneType)
        if kind is NoneType:
            raise ConfigError(
                f"{place}.{_KIND} is {shown(value.get(_KIND))}; choose one of {', '.join(classes)}"
            )
        record = {name: one for name, one in value.items() if name != _KIND}
    return from_plain(kind, record, place)


def _classes(hint: Any) -> dict[str, Any]:
    """Return the classes of settings a field can hold, by what tells them apart."""
    kinds: tuple[Any, ...] = get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)
    return {cast(Any, one).__name__.lower(): one for one in kinds if is_dataclass(one)}
