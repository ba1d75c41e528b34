"""Huffman codes of a picture's own, and symbols packed with them: ITU-T T.81, Annexes C and K.2.

A symbol is kept as one number: bits 24 and up are its table, bits 16 to 23 the symbol, the rest the bits that
follow its code, as many as the low four bits of the symbol say.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.compiled import compiled

EntryArray = NDArray[np.int32]
"""``(n,)`` symbols with their tables and the bits that follow."""
CodeArray = NDArray[np.int64]
"""``(tables, 256)``."""
_LONGEST, _LONGEST_TREE = 16, 32
"""Bits of a code, at most, in a file and before it is shortened for one."""


def count_entries(entries: EntryArray, num_tables: int) -> CodeArray:
    """Return how often each symbol occurs, ``(num_tables, 256)``."""
    counts = np.zeros((num_tables, 256), np.int64)
    _count(entries, len(entries), counts)
    return counts


def code_lengths(counts: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the best code for ``(256,)`` counts, as a file describes it, found as libjpeg finds it.

    Returns:
        ``(17,)`` how many codes have each length, from 0 bits, and ``(n,)`` the symbols, shortest first.
    """
    # One symbol more, so that no code is all ones; it is taken out again.
    left = np.append(counts, 1)
    lengths = np.zeros(257, np.int64)
    _merge(left, lengths, np.full(257, -1, np.int64))
    num_codes = np.bincount(lengths, minlength=_LONGEST_TREE + 1)
    num_codes[0] = 0
    _shorten(num_codes)
    order = np.argsort(lengths[:256], kind="stable")
    return num_codes[: _LONGEST + 1], order[lengths[order] > 0]


@compiled("i4* i8 i8*")
def _count(entries: EntryArray, num_entries: int, counts: CodeArray) -> None:
    for index in range(num_entries):
        counts[entries[index] >> 16] += 1


@compiled("i8* i8* i8*")
def _merge(left: NDArray[np.int64], lengths: NDArray[np.int64], following: NDArray[np.int64]) -> None:
    """Merge the two rarest symbols until all are one: Figure K.1. ``left`` are counts, ``following`` -1."""
    while True:
        rarest, second = -1, -1
        for symbol in range(257):
            if left[symbol] == 0:
                continue
            if rarest < 0 or left[symbol] <= left[rarest]:
                rarest, second = symbol, rarest
            elif second < 0 or left[symbol] <= left[second]:
                second = symbol
        if second < 0:
            break
        left[rarest] += left[second]
        left[second] = 0
        last = _lengthen(rarest, lengths, following)
        following[last] = second
        _lengthen(second, lengths, following)


def _lengthen(symbol: int, lengths: NDArray[np.int64], following: NDArray[np.int64]) -> int:
    lengths[symbol] += 1
    while following[symbol] >= 0:
        symbol = following[symbol]
        lengths[symbol] += 1
    return symbol


def _shorten(num_codes: NDArray[np.int64]) -> None:
    """Leave no code longer than 16 bits, and take out the symbol that was one too many: Figure K.3."""
    for bits in range(_LONGEST_TREE, _LONGEST, -1):
        while num_codes[bits] > 0:
            shorter = bits - 2
            while num_codes[shorter] == 0:
                shorter -= 1
            num_codes[bits] -= 2
            num_codes[bits - 1] += 1
            num_codes[shorter + 1] += 2
            num_codes[shorter] -= 1
    num_codes[np.flatnonzero(num_codes)[-1]] -= 1


@compiled("i4* i8 i8* i8* u1* -> i8")
def pack(
    entries: EntryArray, num_entries: int, codes: CodeArray, lengths: CodeArray, packed: NDArray[np.uint8]
) -> int:
    """Write symbols as bits, with a 0 behind every byte of ones.

    Args:
        entries: The symbols.
        num_entries: How many there are.
        codes: ``(tables * 256,)`` of each table and symbol, with zeros for the bits that follow.
        lengths: Likewise, of the codes and of what follows, in bits.
        packed: Where to; twice as large as the bits need.

    Returns:
        How many bytes were written.
    """
    waiting, num_waiting, place = 0, 0, 0
    for number in range(num_entries):
        entry = entries[number]
        index = entry >> 16
        length = lengths[index]
        # At most 31 bits wait, and a code and what follows are 31 at most.
        waiting = waiting << length | codes[index] | entry & 0xFFFF
        num_waiting += length
        if num_waiting < 32:
            continue
        num_waiting -= 32
        four = waiting >> num_waiting
        waiting &= (1 << num_waiting) - 1
        for shift in range(24, -1, -8):
            byte = four >> shift & 0xFF
            packed[place] = byte
            place += 1
            if byte == 0xFF:
                packed[place] = 0
                place += 1
    while num_waiting >= 8:
        num_waiting -= 8
        byte = waiting >> num_waiting & 0xFF
        packed[place] = byte
        place += 1
        if byte == 0xFF:
            packed[place] = 0
            place += 1
    waiting &= (1 << num_waiting) - 1
    if num_waiting > 0:
        byte = (waiting + 1 << 8 - num_waiting) - 1
        packed[place] = byte
        place += 1
        if byte == 0xFF:
            packed[place] = 0
            place += 1
    return place
