"""Levels to the symbols of a baseline scan: ITU-T T.81, Annex F."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.choice import SIZES, LevelArray
from semvid.codecs.jpeg.compiled import compiled
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
    # Always three, so that the loops are compiled once; of grey, two are not looked at.
    three = (*levels, *levels, *levels)[:3]
    quarters = tuple(one.view(np.int64) for one in three)
    count = _baseline(three, quarters, shapes, across, down, entries)
    return entries[:count]


@compiled
def _baseline(
    levels: tuple[LevelArray, ...],
    quarters: tuple[NDArray[np.int64], ...],
    shapes: NDArray[np.int64],
    across: int,
    down: int,
    entries: EntryArray,
) -> int:
    before = np.zeros(3, np.int64)
    count = 0
    for top in range(0, shapes[0, 0], 1 << down):
        for left in range(0, shapes[0, 1], 1 << across):
            for component in range(len(shapes)):
                rows, cols = shapes[component, 0], shapes[component, 1]
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


@compiled
def _block(
    levels: LevelArray,
    quarters: NDArray[np.int64],
    block: int,
    before: NDArray[np.int64],
    component: int,
    entries: EntryArray,
    count: int,
) -> int:
    """Add the symbols of a block.

    ``quarters`` are the levels, four in one number, and ``before`` the DC coded last, by component.
    """
    table = min(component, 1) << 1
    entries[count] = table << 24 | _sized(levels[block, 0] - before[component])
    before[component] = levels[block, 0]
    count += 1
    last = 0
    for quarter in range(16):
        if quarters[block, quarter] == 0:
            continue
        for i in range(max(4 * quarter, 1), 4 * quarter + 4):
            level = levels[block, i]
            if level == 0:
                continue
            run = i - last - 1
            while run > 15:
                entries[count] = table + 1 << 24 | 0xF0 << 16
                count += 1
                run -= 16
            entries[count] = table + 1 << 24 | run << 20 | _sized(int(level))
            count += 1
            last = i
    if last < 63:
        entries[count] = table + 1 << 24
        count += 1
    return count


@compiled
def _sized(value: int) -> int:
    """Return the size of a value, shifted by 16, and the bits that tell it among those of this size."""
    size = SIZES[abs(value)]
    # Arithmetic: the sign of a number fills it.
    return int(size << 16 | value + (value >> 31 & (1 << size) - 1))
