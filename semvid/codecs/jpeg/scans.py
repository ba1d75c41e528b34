"""Levels to the symbols of a baseline scan: ITU-T T.81, Annex F."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.choice import SIZES, LevelArray
from semvid.codecs.jpeg.compiled import addresses, compiled
from semvid.codecs.jpeg.huffman import EntryArray

_MOST_OTHERS = 5
"""Symbols of a block that are no levels of AC: DC, the end, and 16 zeros up to three times."""


def baseline_entries(
    levels: list[LevelArray], shapes: NDArray[np.int64], across: int, down: int
) -> EntryArray:
    """Return the symbols of the one scan of a baseline file.

    Args:
        levels: ``(rows * cols, 64)`` in zigzag order for Y, or Y, Cb and Cr.
        shapes: ``(components, 2)`` rows and columns of blocks of each.
        across: Binary logarithm of the luma blocks side by side in a minimum coded unit.
        down: Binary logarithm of those below each other in one.

    Returns:
        Tables are 0 for DC and 1 for AC of luma, 2 and 3 for those of chroma.
    """
    rows, cols = shapes[0]
    num_blocks = -(-rows >> down) * -(-cols >> across) * ((1 << across + down) + len(levels) - 1)
    most = int(num_blocks) * _MOST_OTHERS + sum(np.count_nonzero(one) for one in levels)
    entries = np.empty(most, np.int32)
    count = _baseline(
        addresses(levels), addresses(levels), shapes, len(levels), across, down, np.zeros(3, np.int64),
        entries,
    )  # fmt: skip
    return entries[:count]


@compiled("i2** i8** i8* i8 i8 i8 i8* i4* -> i8")
def _baseline(
    levels: NDArray[np.intp],
    quarters: NDArray[np.intp],
    shapes: NDArray[np.int64],
    num_components: int,
    across: int,
    down: int,
    before: NDArray[np.int64],
    entries: EntryArray,
) -> int:
    """Add the symbols of all blocks; return how many there are.

    ``quarters`` are the levels, four in one number, and ``before`` the DC coded last, by component.
    """
    count = 0
    for top in range(0, shapes[0], 1 << down):
        for left in range(0, shapes[1], 1 << across):
            for component in range(num_components):
                rows, cols = shapes[2 * component], shapes[2 * component + 1]
                is_luma = component == 0
                for unit in range(1 << across + down if is_luma else 1):
                    row = top + (unit >> across) if is_luma else top >> down
                    col = left + (unit & (1 << across) - 1) if is_luma else left >> across
                    if row < rows and col < cols:
                        block = row * cols + col
                        count = _block(
                            levels[component], quarters[component], block, before, component, entries, count
                        )
                    else:
                        # Only fills up: as the block before it, and flat.
                        entries[count], entries[count + 1] = 0, 1 << 24
                        count += 2
    return count


def _block(
    levels: LevelArray,
    quarters: NDArray[np.int64],
    block: int,
    before: NDArray[np.int64],
    component: int,
    entries: EntryArray,
    count: int,
) -> int:
    """Add the symbols of a block; return the new count."""
    table = min(component, 1) << 1
    first = 64 * block
    entries[count] = table << 24 | _sized(levels[first] - before[component])
    before[component] = levels[first]
    count += 1
    last = 0
    for quarter in range(16):
        if quarters[16 * block + quarter] == 0:
            continue
        for i in range(max(4 * quarter, 1), 4 * quarter + 4):
            level = int(levels[first + i])
            if level == 0:
                continue
            run = i - last - 1
            while run > 15:
                entries[count] = table + 1 << 24 | 0xF0 << 16
                count += 1
                run -= 16
            entries[count] = table + 1 << 24 | run << 20 | _sized(level)
            count += 1
            last = i
    if last < 63:
        entries[count] = table + 1 << 24
        count += 1
    return count


def _sized(value: int) -> int:
    """Return the size of a value, shifted by 16, and the bits that tell it among those of this size."""
    size = SIZES[abs(value)]
    # Arithmetic: the sign of a number fills it.
    return int(size << 16 | value + (value >> 31 & (1 << size) - 1))
