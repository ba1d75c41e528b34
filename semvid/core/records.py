"""Dataclasses that load in a fifth of the time: a run loads over a hundred, of half a millisecond each.

The standard library compiles six functions for each frozen dataclass. Here only ``__init__`` is compiled; the
others look fields up when they are called. All else is the standard's: ``fields``, ``replace`` and ``asdict``
work, and type checkers see its ``dataclass``.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, FrozenInstanceError, fields
from dataclasses import dataclass as _standard
from operator import attrgetter
from reprlib import recursive_repr

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from dataclasses import dataclass as dataclass  # noqa: PLC0414 - so it is exported
    from typing import Any
else:

    def dataclass(cls=None, /, *, frozen=False, slots=False, eq=True, kw_only=False):
        """Do what ``dataclasses.dataclass`` does, which has more options."""

        def make(plain):
            return _made(plain, frozen=frozen, slots=slots, eq=eq, kw_only=kw_only)

        return make if cls is None else make(cls)


class _Made:
    """The default of fields whose default is made anew."""

    def __repr__(self) -> str:
        return "<factory>"


_MADE = _Made()


def _made(plain: Any, *, frozen: bool, slots: bool, eq: bool, kw_only: bool) -> Any:
    # The standard would look up a signature for it.
    plain.__doc__ = plain.__doc__ or plain.__name__
    own = set(vars(plain))
    made = _standard(init=False, repr=False, eq=False, slots=slots, kw_only=kw_only)(plain)
    every = fields(made)
    methods: dict[str, Any] = {"__init__": _init_of(made, every, frozen=frozen), "__repr__": _repr}
    if eq:
        values_of = _getter(one.name for one in every if one.compare)
        methods["__eq__"] = _eq_of(values_of)
        # Python itself sets it to None where a class defines equality alone.
        if vars(plain).get("__hash__") is None:
            own.discard("__hash__")
        hashed = _getter(one.name for one in every if (one.compare if one.hash is None else one.hash))
        methods["__hash__"] = (lambda self: hash(hashed(self))) if frozen else None
    if frozen:
        methods |= {"__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
    if frozen and slots:
        methods |= {"__getstate__": _state, "__setstate__": _set_state}
    for name in methods.keys() - own:
        setattr(made, name, methods[name])
    return made


def _init_of(made: Any, every: Sequence[Field[Any]], *, frozen: bool) -> Callable[..., None]:
    space: dict[str, Any] = {"_set": object.__setattr__, "_MADE": _MADE}
    arguments: dict[bool, list[str]] = {False: [], True: []}
    body = []
    for number, one in enumerate(every):
        name = value = one.name
        argument = name
        if one.default is not MISSING:
            space[f"_default{number}"] = one.default
            argument = f"{name}=_default{number}"
        elif one.default_factory is not MISSING:
            space[f"_make{number}"] = one.default_factory
            argument = f"{name}=_MADE"
            value = f"_make{number}() if {name} is _MADE else {name}"
        arguments[bool(one.kw_only)].append(argument)
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(made, "__post_init__"):
        body.append("self.__post_init__()")
    named = ["*", *arguments[True]] if arguments[True] else []
    head = f"def __init__(self, {', '.join([*arguments[False], *named])}):"
    exec("\n ".join([head, *body, "pass"]), space)  # noqa: S102 - as the standard library does it
    init: Callable[..., None] = space["__init__"]
    init.__qualname__, init.__module__ = f"{made.__qualname__}.__init__", made.__module__
    init.__annotations__ = {**{one.name: one.type for one in every}, "return": None}
    return init


def _getter(names: Iterable[str]) -> Callable[[object], object]:
    """Return what gets these values as a tuple."""
    listed = tuple(names)
    if len(listed) > 1:
        return attrgetter(*listed)
    return lambda self: tuple(getattr(self, one) for one in listed)


def _eq_of(values_of: Callable[[object], object]) -> Callable[[object, object], bool]:
    def __eq__(self: object, other: object) -> bool:  # noqa: N807 - the standard's name
        if type(other) is not type(self):
            return NotImplemented
        return values_of(self) == values_of(other)

    return __eq__


@recursive_repr()
def _repr(self: Any) -> str:
    shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.repr)
    return f"{type(self).__qualname__}({', '.join(shown)})"


def _refuse_to_set(self: object, name: str, value: object) -> None:
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, one.name) for one in fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for one, value in zip(fields(self), state, strict=True):
        # It may be frozen.
        object.__setattr__(self, one.name, value)
