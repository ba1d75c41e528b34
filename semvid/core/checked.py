"""Parse untrusted text, JSON and TOML: within limits, and with every value checked.

A ``Field`` is a value and its place in the file; its methods hand out what was meant or raise ``Malformed``,
one line that names place, value and limit. Readers add the file's name and the remedy.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from fractions import Fraction
from typing import Any, NoReturn

from semvid.core.text import counted

_MOST_DEPTH = 32
"""Levels of nesting. semvid's own files have six; Python's parsers fail somewhere beyond a thousand."""
_MOST_CONTAINERS = 2**20
"""Lists and objects in one text: each takes some 60 bytes of memory and may take two in the file."""
_MOST_DIGITS = 18
"""Digits of a whole number that always fits in 64 bits. Longer ones take Python ever longer to parse."""
_SHOWN = 40
"""Characters of a wrong value in a message."""

# A string may lack its end: else each quote of a broken file would be followed to the end of the file.
_STRING_OR_BRACKET = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"?|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile("\\\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_FRACTION = re.compile(rf"([0-9]{{1,{_MOST_DIGITS}}})(?:/([0-9]{{1,{_MOST_DIGITS}}}))?")


class Malformed(ValueError):  # noqa: N818 - never shown: readers turn it into an error of theirs
    """Something that was read is not what it should be. The message is one line."""


class Field:
    """A value and its place.

    Args:
        value: As a parser gave it.
        place: What to call it in messages, as in ``box[2]``; empty = the whole.
    """

    def __init__(self, value: Any, place: str = "") -> None:
        self.value = value
        self.place = place

    def fail(self, expected: str) -> NoReturn:
        """Raise Malformed: the value is not ``expected``."""
        raise Malformed(f"{self.place or 'it'} is {shown(self.value)}, not {expected}")

    def get(self, key: str) -> Field:
        """Return the value of a key."""
        field = self.find(key)
        if field is None:
            raise Malformed(f"{self._inner(key)} is missing")
        return field

    def find(self, key: str) -> Field | None:
        """Return the value of a key; None if there is none, or null."""
        value = self.mapping().get(key)
        return None if value is None else Field(value, self._inner(key))

    def mapping(self) -> dict[str, Any]:
        """Return the keys and their values."""
        if not isinstance(self.value, dict):
            self.fail("an object with keys")
        return self.value

    def known(self, *keys: str) -> Field:
        """Return this field if it has no other keys than these."""
        for key in self.mapping():
            if key not in keys:
                raise Malformed(f"{shown(self._inner(key))} is unknown; known are {', '.join(keys)}")
        return self

    def items(self, *, least: int = 0, most: int = _MOST_CONTAINERS) -> list[Field]:
        """Return the items of a list of ``least`` to ``most``."""
        if not isinstance(self.value, list):
            self.fail("a list")
        if not least <= len(self.value) <= most:
            expected = str(least) if least == most else f"{least} to {most}"
            raise Malformed(
                f"{self.place or 'it'} has {counted(len(self.value), 'item')} instead of {expected}"
            )
        return [Field(one, f"{self.place}[{index}]") for index, one in enumerate(self.value)]

    def number(self, low: float = -math.inf, high: float = math.inf) -> float:
        """Return a number in ``low..high``."""
        # To Python True is a number; to a file it is not.
        is_number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        if not (is_number and low <= self.value <= high):
            self.fail("a number" if high == math.inf else f"a number from {low:g} to {high:g}")
        return float(self.value)

    def whole(self, low: int, high: int) -> int:
        """Return a whole number in ``low..high``."""
        value = self.value
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            self.fail(f"a whole number from {low} to {high}")
        return int(value)

    def flag(self) -> bool:
        """Return true or false."""
        if not isinstance(self.value, bool):
            self.fail("true or false")
        return self.value

    def text(self, most: int = 200) -> str:
        """Return text of ``most`` characters at most."""
        if not isinstance(self.value, str) or len(self.value) > most:
            self.fail(f"text of at most {most} characters")
        return self.value

    def fraction(self) -> Fraction:
        """Return a fraction above 0 that is written as text, such as ``"1/12800"``."""
        match = _FRACTION.fullmatch(self.value) if isinstance(self.value, str) else None
        if match is None or not int(match[1]) or (match[2] and not int(match[2])):
            self.fail('a fraction above 0 as text, such as "1/25"')
        return Fraction(int(match[1]), int(match[2] or 1))

    def _inner(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


def shown(value: Any) -> str:
    """Format a value for a message: short, on one line, and without terminal escapes."""
    if isinstance(value, dict | list):
        return "an object with keys" if isinstance(value, dict) else f"a list of {len(value)}"
    if isinstance(value, int) and value.bit_length() > 64:
        return f"a number of more than {_MOST_DIGITS} digits"
    text = json.dumps(value, ensure_ascii=True, default=str) if not isinstance(value, str) else ascii(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def parse_json(text: str, *, has_names: bool = False) -> Field:
    """Parse JSON, more strictly than Python does.

    Args:
        text: The JSON.
        has_names: Allow file names that are not Unicode, as Python represents them.

    Raises:
        Malformed: It is not JSON, is nested too deeply, has a key twice, text that is not Unicode, or numbers
            that are too long or not finite.
    """
    _check_nesting(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed(f"it is not JSON: {error.msg.lower()} (at character {error.pos})") from error
    if not has_names and _SURROGATE.search(text):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Malformed("it has text that is not Unicode (half a surrogate pair)") from error
    return Field(value)


def parse_toml(text: str) -> Field:
    """Parse TOML.

    Raises:
        Malformed: It is not TOML, or is nested too deeply.
    """
    try:
        return Field(tomllib.loads(text, parse_float=_floating))
    except RecursionError as error:
        raise Malformed("it is nested too deeply") from error
    except Malformed:
        raise
    except ValueError as error:
        # Python refuses whole numbers of more than 4,300 digits with an error of another kind.
        raise Malformed(f"it is not TOML: {shown_line(str(error))}") from error


def shown_line(message: str) -> str:
    """Shorten another library's message to one line."""
    line = " ".join(message.split())
    return ascii(line)[1:-1] if len(line) <= 4 * _SHOWN else ascii(line[: 4 * _SHOWN])[1:-1] + "..."


def _check_nesting(text: str) -> None:
    count = text.count("[") + text.count("{")
    if count > _MOST_CONTAINERS:
        raise Malformed(f"it has more than {_MOST_CONTAINERS} lists and objects")
    if count <= _MOST_DEPTH:
        return
    depth = 0
    for match in _STRING_OR_BRACKET.finditer(text):
        found = match[0]
        depth += (found in "[{") - (found in "]}")
        if depth > _MOST_DEPTH:
            raise Malformed(f"it is nested more than {_MOST_DEPTH} levels deep")


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        seen: set[str] = set()
        twin = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise Malformed(f"the key {shown(twin)} comes twice")
    return values


def _whole(text: str) -> int:
    if len(text) > _MOST_DIGITS + 1:
        raise Malformed(f"{shown(text)} has more than {_MOST_DIGITS} digits")
    return int(text)


def _floating(text: str) -> float:
    value = float(text)
    if value - value != 0:
        raise Malformed(f"{shown(text)} is not a number")
    return value


# Made once: making one takes longer than a short line does.
_DECODER = json.JSONDecoder(
    object_pairs_hook=_without_twins, parse_int=_whole, parse_float=_floating, parse_constant=_floating
)
