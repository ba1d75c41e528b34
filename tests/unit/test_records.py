"""Records do what standard dataclasses do."""

import copy
import dataclasses
import inspect
import pickle
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, asdict, field, fields, replace

import numpy as np
import pytest

from semvid.core import records

KINDS = [
    {"frozen": True, "slots": True}, {"frozen": True}, {}, {"slots": True}, {"frozen": True, "eq": False},
    {"frozen": True, "slots": True, "kw_only": True},
]  # fmt: skip


def made(dataclass, options):
    class Base:
        """A base."""

        a: int
        b: str = "x"

        def __post_init__(self) -> None:
            if self.a < 0:
                raise ValueError(self.a)

    base = dataclass(**options)(Base)

    class Thing(base):
        c: Mapping[str, int] = field(default_factory=dict)
        d: object = field(default=None, repr=False, compare=False)

        def __repr__(self) -> str:
            return f"<{self.a}>"

    class Pair:
        left: float
        right: tuple[int, ...] = ()

    class Alone:
        values: object

    return tuple(map(dataclass(**options), (Thing, Pair, Alone))), base


def facts(dataclass, options):
    (thing, pair, alone), base = made(dataclass, options)
    array = np.zeros(3)
    one, same, other = thing(a=1), thing(a=1, d=object()), thing(a=2, b="y", c={"k": 1})
    result = [
        repr(one), repr(base(a=3)), repr(pair(left=1.5)), one == same, one == other, one == base(a=1), asdict(other),
        replace(one, a=5).a, [each.name for each in fields(thing)], str(inspect.signature(thing)), one.c is not same.c,
        thing.__match_args__, hasattr(one, "__dict__"), copy.copy(other).a, pair(left=1.0) == pair(left=1.0),
        thing.__init__.__qualname__, alone(values=array) == alone(values=array),
    ]  # fmt: skip
    for action in (
        lambda: thing(a=-1), thing, lambda: setattr(one, "a", 3), lambda: delattr(one, "b"), lambda: thing(1, 2, 3, 4, 5),
        lambda: hash(pair(left=1.0)) == hash(pair(left=1.0)), lambda: hash(one), lambda: hash(pair(left=1.0)) == hash((1.0, ())),
    ):  # fmt: skip
        try:
            action()
            result.append("fine")
        except Exception as error:  # noqa: BLE001 - compared
            result.append(type(error).__name__)
    return result


@pytest.mark.parametrize("options", KINDS, ids=str)
def test_they_are_like_the_standards(options):
    assert facts(records.dataclass, options) == facts(dataclasses.dataclass, options)


@records.dataclass(frozen=True, slots=True)
class Point:
    """A point."""

    x: int
    y: int = 0


def test_they_can_be_pickled_hashed_and_are_frozen():
    point = Point(1, 2)
    assert pickle.loads(pickle.dumps(point)) == point  # noqa: S301 - made here
    assert copy.deepcopy(point) == point
    assert {point: 1}[Point(1, 2)] == 1
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'x'"):
        point.x = 3
    assert repr(point) == "Point(x=1, y=2)"


def test_only_the_constructor_is_compiled(monkeypatch):
    """That is what takes the time."""
    compiled = []
    usual = dataclasses._create_fn if hasattr(dataclasses, "_create_fn") else None
    if usual is None:
        pytest.skip("this Python compiles them otherwise")
    monkeypatch.setattr(
        dataclasses,
        "_create_fn",
        lambda name, *rest, **more: compiled.append(name) or usual(name, *rest, **more),
    )
    made(records.dataclass, {"frozen": True, "slots": True})
    assert compiled == []
