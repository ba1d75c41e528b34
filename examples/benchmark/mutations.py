"""Ways to damage a file, as disks, networks and enemies do."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

_EDGES = (b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff" * 4, b"\xff" * 8, b"\0" * 8, b"\x01")
_WORDS = (
    "nan", "Infinity", "-Infinity", "1e999", "1e-99999999", "-1", "0", "99999999999999999999999", "null",
    "true", '"\\ud800"', "[]", "{}", '""', "[" * 2000, '{"a":' * 2000, "\ufeff", "\0",
    "9" * 5000, "4294967296",
)  # fmt: skip


def _flip_bits(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 3, 20))):
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    return data


def _flip_head(data: bytearray, chance: random.Random) -> bytearray:
    for _ in range(chance.choice((1, 2, 6))):
        data[chance.randrange(min(len(data), 600))] = chance.randrange(256)
    return data


def _put_edge(data: bytearray, chance: random.Random) -> bytearray:
    edge = chance.choice(_EDGES)
    at = chance.randrange(len(data))
    data[at : at + len(edge)] = edge
    return data


def _cut(data: bytearray, chance: random.Random) -> bytearray:
    return data[: chance.randrange(len(data) + 1)]


def _remove(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 4, 100, 5000))]
    return data


def _repeat(data: bytearray, chance: random.Random) -> bytearray:
    at, size = chance.randrange(len(data)), chance.choice((4, 188, 4096))
    return data[:at] + data[at : at + size] * chance.choice((2, 5)) + data[at:]


def _noise(data: bytearray, chance: random.Random) -> bytearray:
    at, size = chance.randrange(len(data)), chance.choice((8, 64, 1000))
    data[at : at + size] = chance.randbytes(size)
    return data


def _append(data: bytearray, chance: random.Random) -> bytearray:
    return data + chance.randbytes(chance.choice((1, 1000)))


def _zero_rest(data: bytearray, chance: random.Random) -> bytearray:
    """What a copy that broke off leaves."""
    at = chance.randrange(len(data))
    data[at:] = bytes(len(data) - at)
    return data


def _change_number(data: bytearray, chance: random.Random) -> bytearray:
    found = list(re.finditer(rb"-?\d+(\.\d+)?(e-?\d+)?", data))
    if not found:
        return _put_word(data, chance)
    one = chance.choice(found)
    return data[: one.start()] + chance.choice(_WORDS).encode("utf-8", "surrogatepass") + data[one.end() :]


def _put_word(data: bytearray, chance: random.Random) -> bytearray:
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.choice(_WORDS).encode("utf-8", "surrogatepass") + data[at:]


def _drop_line(data: bytearray, chance: random.Random) -> bytearray:
    lines = data.splitlines(keepends=True)
    lines.pop(chance.randrange(len(lines)))
    return bytearray(b"".join(lines))


def _swap_quotes(data: bytearray, chance: random.Random) -> bytearray:
    found = [index for index, byte in enumerate(data) if byte in b'"[]{},:=']
    if found:
        data[chance.choice(found)] = chance.choice(b'"[]{},:= ')
    return data


_Way = Callable[[bytearray, random.Random], bytearray]
_BYTES: tuple[_Way, ...] = (
    _flip_bits, _flip_head, _flip_head, _put_edge, _cut, _remove, _repeat, _noise, _append, _zero_rest,
)  # fmt: skip
_TEXT: tuple[_Way, ...] = (_change_number, _change_number, _put_word, _drop_line, _swap_quotes, _cut)


def mutate(data: bytes, chance: random.Random, *, is_text: bool = False) -> bytes:
    """Return the data damaged in one to three ways; it may come out empty."""
    damaged = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        if not damaged:
            break
        ways = _TEXT if is_text and chance.random() < 0.7 else _BYTES
        damaged = chance.choice(ways)(damaged, chance)
    return bytes(damaged)
