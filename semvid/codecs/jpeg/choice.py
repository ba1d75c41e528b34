"""Choose quantized coefficients: least weighted squared error for the bits, block by block.

Per block the cost is ``weight * squared error + price * bits``. A path through the scan that visits the
coefficients kept is found by dynamic programming, after K. Ramchandran and M. Vetterli, "Rate-Distortion
Optimal Fast Thresholding with Complete JPEG/MPEG Decoder Compatibility", IEEE Trans. Image Processing, 1994.
A kept coefficient may also take the largest level of any shorter size: within one size all levels cost the
same bits, so nothing else can be best. A block of which nothing but DC is kept shows as a tile; its error may
count for more than the sum of squares. DC, coded as differences, is chosen by a second path, through the
blocks. Bits are those of the Huffman symbols a picture really uses, so the choice is made twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from operator import call
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.compiled import compiled
from semvid.core.records import dataclass

if TYPE_CHECKING:
    from semvid.core.types import FloatArray

END_OF_BLOCK, _SIXTEEN_ZEROS = 0x00, 0xF0
"""Symbols of AC: bits 4 to 7 are a run of zeros, bits 0 to 3 the size of the level behind it in bits."""
_NUM_AC, _NUM_DC = 256, 12
_FEWEST_BITS, _MOST_BITS = 1.0, 16.0
"""Of a Huffman code, ITU-T T.81, Annex C."""
_UNSEEN = 0.05
"""Count of a symbol that was never used."""
_DC_SPAN = 3
"""A DC level is chosen among the nearest one and so many on either side."""
_DC_STATES = 2 * _DC_SPAN + 1
LARGEST, _LARGEST_DC = 1023, 1023
"""Of levels in baseline JPEG; one less than the negative for DC."""
SIZES = np.array([number.bit_length() for number in range(2048)], np.int64)
"""Bits of levels and of differences of DC, without their signs."""
LevelArray = NDArray[np.int16]
"""``(n, 64)`` multiples of the quantizer's steps, in zigzag order."""
CountArray = NDArray[np.float64]
Each = Callable[..., Iterable[Any]]
"""``map``, or that of threads."""
_BAND = 1 << 14
"""Blocks whose AC is chosen at a time."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How often the Huffman symbols of a component occur."""

    ac: CountArray
    """``(256,)``, by run and size."""
    dc: CountArray
    """``(12,)``, by size."""


@dataclass(frozen=True, slots=True)
class Prices:
    """Squared error that is worth a bit in each of ``n`` blocks, in squared sample levels, > 0."""

    ac: FloatArray
    """``(n,)``, for AC coefficients."""
    dc: FloatArray
    """``(n,)``, for DC."""


def typical_counts() -> Counts:
    """Return how often symbols occur in photographs, roughly: what the first choice is made with."""
    run, size = np.divmod(np.arange(_NUM_AC), 16)
    ac = np.where((size > 0) & (size <= 10), 1000 * np.exp2(-1.2 * size - 0.35 * run), 0)
    ac[END_OF_BLOCK], ac[_SIXTEEN_ZEROS] = 700, 1
    return Counts(ac, np.exp2(-np.abs(np.arange(_NUM_DC) - 2.5)))


def symbol_bits(counts: CountArray) -> FloatArray:
    """Return the bits of every symbol with the magnitude bits that follow it.

    Args:
        counts: ``(256,)`` AC or ``(12,)`` DC counts; the size is in the low four bits of the index.

    Returns:
        Float32, same shape. A Huffman code is within a few hundredths of a bit of the entropy here.
    """
    smoothed = counts + _UNSEEN
    bits = np.clip(-np.log2(smoothed / smoothed.sum()), _FEWEST_BITS, _MOST_BITS)
    return np.asarray(bits + np.arange(len(counts)) % 16, np.float32)


def round_levels(coefficients: FloatArray, steps: FloatArray) -> LevelArray:
    """Round every coefficient to the nearest level, as plain encoders do."""
    levels: LevelArray = np.rint(coefficients / steps).astype(np.int16)
    return levels


def choose_levels(
    coefficients: FloatArray,
    steps: FloatArray,
    weights: FloatArray,
    prices: Prices,
    scan: NDArray[np.int64],
    counts: Counts,
    rounds: int = 2,
    emptiness: float = 0,
    each: Each = map,
) -> tuple[LevelArray, Counts]:
    """Choose the levels of one component.

    Args:
        coefficients: ``(n, 64)`` float32 from ``to_blocks``.
        steps: ``(64,)`` float32 quantizer steps.
        weights: ``(64,)`` float32 of squared errors in the coefficients of every block, > 0.
        prices: What a bit is worth.
        scan: ``(n,)`` the order in which blocks are coded.
        counts: Symbol counts to begin with.
        rounds: How often the choice is made, each time with the counts of the one before.
        emptiness: Where no AC coefficient is kept, the share of the error in those that could have been, at
            least half a step large, that counts once more.
        each: Does the parts of this that do not depend on each other, as ``map`` does or at the same time.

    Returns:
        ``(n, 64)`` int16 levels in zigzag order, and the counts of their symbols.
    """
    steps = steps.astype(np.float32, copy=False)
    ac_price, dc_price = prices.ac.astype(np.float32), (prices.dc / weights[0]).astype(np.float32)
    num_blocks = len(coefficients)
    levels = np.empty(coefficients.shape, np.int16)

    def choose_dc(bits: FloatArray) -> CountArray:
        counts = np.zeros(_NUM_DC)
        came_from = np.empty((num_blocks, _DC_STATES), np.int8)
        _choose_dc(
            coefficients, steps[0], dc_price, scan, num_blocks, bits, float(bits.max() - bits.min()), levels,
            counts, came_from, np.empty(_DC_STATES), np.empty(_DC_STATES), np.empty(2 * _DC_STATES),
        )  # fmt: skip
        return counts

    def choose_ac(end_bits: float, by_run: CountArray, margin: float, first: int) -> CountArray:
        counts = np.zeros(_NUM_AC)
        some = slice(first, min(first + _BAND, num_blocks))
        _choose_ac(
            coefficients[some], some.stop - first, steps, weights, ac_price[some], end_bits, emptiness,
            by_run, margin, levels[some], counts, np.empty(64), *np.empty((4, 64), np.int64),
        )  # fmt: skip
        return counts

    for _ in range(rounds):
        ac_bits = symbol_bits(counts.ac)
        of_band = partial(choose_ac, ac_bits[END_OF_BLOCK], *bits_by_run(ac_bits))
        jobs = [partial(of_band, first) for first in range(0, num_blocks, _BAND)]
        dc, *ac = each(call, [partial(choose_dc, symbol_bits(counts.dc)), *jobs])
        counts = Counts(np.sum(ac, axis=0), dc)
    return levels, counts


@compiled("f4* f4 f4* i8* i8 f4* f8 i2* f8* i1* f8* f8* f8*")
def _choose_dc(  # noqa: PLR0912 - one loop, compiled whole
    coefficients: FloatArray,
    step: float,
    price: FloatArray,
    scan: NDArray[np.int64],
    num_blocks: int,
    bits: FloatArray,
    spread: float,
    levels: LevelArray,
    counts: CountArray,
    came_from: NDArray[np.int8],
    cost: CountArray,
    before: CountArray,
    of_step: CountArray,
) -> None:
    """Fill ``levels[:, 0]`` by the cheapest path through all blocks, add to ``counts``.

    A level is left out whose error is larger than the nearest one's by more than the bits of the two
    differences it is part of could make good; ``spread`` is how far ``bits`` of one lie apart.
    """
    for state in range(_DC_STATES):
        before[state] = 0
    # Of the block before; the first is told from 0.
    middle_before, lowest_before, highest_before = _DC_SPAN, -_DC_SPAN, -_DC_SPAN
    for position in range(num_blocks):
        value, worth = coefficients[64 * scan[position]], price[scan[position]]
        worth_after = price[scan[position + 1]] if position + 1 < num_blocks else worth
        middle = _nearest_dc(value, step)
        least = (value - middle * step) ** 2 + spread * (worth + worth_after)
        lowest, highest = 0, 0
        while lowest > -_DC_SPAN and middle + lowest > -_LARGEST_DC - 1:
            if (value - (middle + lowest - 1) * step) ** 2 > least:
                break
            lowest -= 1
        while highest < _DC_SPAN and middle + highest < _LARGEST_DC:
            if (value - (middle + highest + 1) * step) ** 2 > least:
                break
            highest += 1
        apart = middle - middle_before
        for further in range(lowest - highest_before, highest - lowest_before + 1):
            of_step[further + 2 * _DC_SPAN] = worth * bits[SIZES[abs(apart + further)]]
        for state in range(lowest, highest + 1):
            level = middle + state
            cheapest, cheapest_from = np.inf, 0
            for last in range(lowest_before, highest_before + 1):
                total = before[last + _DC_SPAN] + of_step[state - last + 2 * _DC_SPAN]
                if total < cheapest:
                    cheapest, cheapest_from = total, last
            cost[state + _DC_SPAN] = cheapest + (value - level * step) ** 2
            came_from[position * _DC_STATES + state + _DC_SPAN] = cheapest_from
        before, cost = cost, before
        middle_before, lowest_before, highest_before = middle, lowest, highest
    state = lowest_before
    for other in range(lowest_before, highest_before + 1):
        if before[other + _DC_SPAN] < before[state + _DC_SPAN]:
            state = other
    for position in range(num_blocks - 1, -1, -1):
        block = scan[position]
        levels[64 * block] = _nearest_dc(coefficients[64 * block], step) + state
        state = came_from[position * _DC_STATES + state + _DC_SPAN]
    predicted = 0
    for position in range(num_blocks):
        level = int(levels[64 * scan[position]])
        counts[SIZES[abs(level - predicted)]] += 1
        predicted = level


def _nearest_dc(value: float, step: float) -> int:
    return min(max(int(np.rint(value / step)), -_LARGEST_DC - 1), _LARGEST_DC)


def bits_by_run(bits: FloatArray) -> tuple[NDArray[np.float64], float]:
    """Return the bits of levels by size and run, and by how many a longer run can beat a shorter one.

    It can, since codes are not sorted by run.
    """
    size, run = np.mgrid[0:11, 0:63]
    by_run = bits[(run & 15) << 4 | size].astype(np.float64) + (run >> 4) * np.float64(bits[_SIXTEEN_ZEROS])
    dearest_so_far = np.maximum.accumulate(by_run[1:], axis=1)
    return by_run, float((dearest_so_far - by_run[1:]).max())


@compiled("f4* i8 f4* f4* f4* f4 f8 f8* f8 i2* f8* f8* i8* i8* i8* i8*")
def _choose_ac(  # noqa: PLR0912 - one loop, compiled whole
    coefficients: FloatArray,
    num_blocks: int,
    steps: FloatArray,
    weights: FloatArray,
    price: FloatArray,
    end_bits: float,
    emptiness: float,
    by_run: NDArray[np.float64],
    margin: float,
    levels: LevelArray,
    counts: CountArray,
    node_cost: NDArray[np.float64],
    places: NDArray[np.int64],
    alive: NDArray[np.int64],
    node_from: NDArray[np.int64],
    node_level: NDArray[np.int64],
) -> None:
    """Fill ``levels[:, 1:]``, add to ``counts``. Node 0 is DC; a node is a coefficient that may be kept.

    A node is dropped when a later one is cheaper by more than a longer run could make good. Nodes have places
    in the scan, and the cost of the cheapest way there, less that of zeros everywhere.
    """
    places[0], node_cost[0] = 0, 0.0
    for block in range(num_blocks):
        first, num_nodes = 64 * block, 1
        lost = 0.0
        for i in range(1, 64):
            levels[first + i] = 0
            places[num_nodes] = i
            if abs(coefficients[first + i]) >= 0.5 * steps[i]:
                num_nodes += 1
                lost += weights[i] * coefficients[first + i] * coefficients[first + i]
        worth = price[block]
        num_alive, alive[0] = 1, 0
        best_cost, best_node = worth * end_bits + emptiness * lost, 0
        for number in range(1, num_nodes):
            i = places[number]
            step, weight = steps[i], weights[i]
            magnitude = abs(coefficients[first + i])
            nearest = min(int(magnitude / step + 0.5), LARGEST)
            cheapest, cheapest_from, cheapest_level = np.inf, 0, 0
            size, level = SIZES[nearest], nearest
            while size > 0:
                error = weight * level * step * (level * step - 2.0 * magnitude)
                for index in range(num_alive):
                    node = alive[index]
                    cost = node_cost[node] + error + worth * by_run[63 * size + i - places[node] - 1]
                    if cost < cheapest:
                        cheapest, cheapest_from, cheapest_level = cost, node, level
                size -= 1
                level = (1 << size) - 1
            node_cost[number], node_from[number] = cheapest, cheapest_from
            node_level[number] = cheapest_level
            total = cheapest
            if i < 63:
                total += worth * end_bits
            if total < best_cost:
                best_cost, best_node = total, number
            kept = 0
            for index in range(num_alive):
                if node_cost[alive[index]] <= cheapest + worth * margin:
                    alive[kept] = alive[index]
                    kept += 1
            alive[kept] = number
            num_alive = kept + 1
        if places[best_node] < 63:
            counts[END_OF_BLOCK] += 1
        while best_node > 0:
            i, level = places[best_node], node_level[best_node]
            levels[first + i] = level if coefficients[first + i] > 0 else -level
            best_node = node_from[best_node]
            run = i - places[best_node] - 1
            counts[(run & 15) << 4 | SIZES[level]] += 1
            counts[_SIXTEEN_ZEROS] += run >> 4
