"""Choose quantized coefficients: least weighted squared error for the bits, block by block.

Per block the cost is ``weight * squared error + price * bits``. A path through the scan that visits the
coefficients kept is found by dynamic programming, after K. Ramchandran and M. Vetterli, "Rate-Distortion
Optimal Fast Thresholding with Complete JPEG/MPEG Decoder Compatibility", IEEE Trans. Image Processing, 1994.
A kept coefficient may also take the largest level of any shorter size: within one size all levels cost the
same bits, so nothing else can be best. DC, coded as differences, is chosen by a second path, through the
blocks. Bits are those of the Huffman symbols a picture really uses, so the choice is made twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from semvid.core.types import FloatArray

_END_OF_BLOCK, _SIXTEEN_ZEROS = 0x00, 0xF0
"""Symbols of AC: bits 4 to 7 are a run of zeros, bits 0 to 3 the size of the level behind it in bits."""
_NUM_AC, _NUM_DC = 256, 12
_FEWEST_BITS, _MOST_BITS = 1.0, 16.0
"""Of a Huffman code, ITU-T T.81, Annex C."""
_UNSEEN = 0.05
"""Count of a symbol that was never used."""
_DC_SPAN = 3
"""A DC level is chosen among the nearest one and so many on either side."""
_LARGEST = 1023
"""Of AC levels in baseline JPEG."""
LevelArray = NDArray[np.int16]
"""``(n, 64)`` multiples of the quantizer's steps, in zigzag order."""
CountArray = NDArray[np.float64]


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
    ac[_END_OF_BLOCK], ac[_SIXTEEN_ZEROS] = 700, 1
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
    prices: Prices,
    scan: NDArray[np.int64],
    counts: Counts,
    rounds: int = 2,
) -> tuple[LevelArray, Counts]:
    """Choose the levels of one component.

    Args:
        coefficients: ``(n, 64)`` float32 from ``to_blocks``.
        steps: ``(64,)`` float32 quantizer steps. Where errors in some coefficients weigh more than in others,
            they and the coefficients are both multiplied by the square roots of those weights.
        prices: What a bit is worth.
        scan: ``(n,)`` the order in which blocks are coded.
        counts: Symbol counts to begin with.
        rounds: How often the choice is made, each time with the counts of the one before.

    Returns:
        ``(n, 64)`` int16 levels in zigzag order, and the counts of their symbols.
    """
    ac_price, dc_price = prices.ac.astype(np.float32), prices.dc.astype(np.float32)
    levels = np.zeros(coefficients.shape, np.int16)
    for _ in range(rounds):
        ac_bits, dc_bits = symbol_bits(counts.ac), symbol_bits(counts.dc)
        counts = Counts(np.zeros(_NUM_AC), np.zeros(_NUM_DC))
        _choose_dc(coefficients, steps[0], dc_price, scan, dc_bits, levels, counts.dc)
        _choose_ac(coefficients, steps, ac_price, ac_bits, _advantage_of_distance(ac_bits), levels, counts.ac)
    return levels, counts


@numba.njit(nogil=True, cache=True)
def _size(level: int) -> int:
    size = 0
    while level > 0:
        level >>= 1
        size += 1
    return size


@numba.njit(nogil=True, cache=True)
def _choose_dc(
    coefficients: FloatArray,
    step: float,
    price: FloatArray,
    scan: NDArray[np.int64],
    bits: FloatArray,
    levels: LevelArray,
    counts: CountArray,
) -> None:
    """Fill ``levels[:, 0]`` by the cheapest path through all blocks, add to ``counts``."""
    num_states = 2 * _DC_SPAN + 1
    came_from = np.empty((len(scan), num_states), np.int8)
    cost, before = np.zeros(num_states), np.zeros(num_states)
    middle_before = 0
    for position in range(len(scan)):
        value, worth = coefficients[scan[position], 0], price[scan[position]]
        middle = int(np.rint(value / step))
        for state in range(num_states):
            level = middle + state - _DC_SPAN
            cheapest, cheapest_from = np.inf, 0
            for last in range(num_states if position > 0 else 1):
                predicted = middle_before + last - _DC_SPAN if position > 0 else 0
                total = before[last] + worth * bits[_size(abs(level - predicted))]
                if total < cheapest:
                    cheapest, cheapest_from = total, last
            cost[state] = cheapest + (value - level * step) ** 2
            came_from[position, state] = cheapest_from
        before, cost = cost, before
        middle_before = middle
    state = int(np.argmin(before))
    for position in range(len(scan) - 1, -1, -1):
        block = scan[position]
        levels[block, 0] = int(np.rint(coefficients[block, 0] / step)) + state - _DC_SPAN
        state = came_from[position, state]
    predicted = 0
    for position in range(len(scan)):
        level = levels[scan[position], 0]
        counts[_size(abs(level - predicted))] += 1
        predicted = level


@numba.njit(nogil=True, cache=True)
def _advantage_of_distance(bits: FloatArray) -> float:
    """Return by how many bits a longer run can beat a shorter one: codes are not sorted by run."""
    most = 0.0
    for size in range(1, 11):
        dearest_shorter = 0.0
        for run in range(63):
            own = bits[(run & 15) << 4 | size] + (run >> 4) * bits[0xF0]
            most = max(most, dearest_shorter - own)
            dearest_shorter = max(dearest_shorter, own)
    return most


@numba.njit(nogil=True, cache=True)
def _choose_ac(  # noqa: PLR0912, PLR0915 - one loop, compiled whole
    coefficients: FloatArray,
    steps: FloatArray,
    price: FloatArray,
    bits: FloatArray,
    margin: float,
    levels: LevelArray,
    counts: CountArray,
) -> None:
    """Fill ``levels[:, 1:]``, add to ``counts``. Node 0 is DC; a node is a coefficient that may be kept.

    A node is dropped when a later one is cheaper by more than a longer run could make good.
    """
    node_at = np.empty(64, np.int64)  # position in the scan
    node_from = np.empty(64, np.int64)
    node_level = np.empty(64, np.int64)
    node_rest = np.empty(64, np.float64)  # cheapest way there, less the energy up to it
    alive = np.empty(64, np.int64)
    energy = np.empty(65, np.float64)  # squared error of zeroing everything before a position
    for block in range(coefficients.shape[0]):
        worth = price[block]
        energy[1] = 0.0
        for i in range(1, 64):
            energy[i + 1] = energy[i] + coefficients[block, i] * coefficients[block, i]
            levels[block, i] = 0
        node_at[0], node_rest[0] = 0, 0.0
        num_nodes, num_alive, alive[0] = 1, 1, 0
        best_cost, best_node = energy[64] + worth * bits[0], 0
        for i in range(1, 64):
            magnitude = abs(coefficients[block, i])
            if magnitude < 0.5 * steps[i]:
                continue
            nearest = min(int(magnitude / steps[i] + 0.5), _LARGEST)
            cheapest, cheapest_from, cheapest_level = np.inf, 0, 0
            size, level = _size(nearest), nearest
            while size > 0:
                error = (magnitude - level * steps[i]) ** 2 + energy[i]
                for index in range(num_alive):
                    node = alive[index]
                    run = i - node_at[node] - 1
                    cost = (
                        node_rest[node] + error
                        + worth * (bits[(run & 15) << 4 | size] + (run >> 4) * bits[0xF0])
                    )  # fmt: skip
                    if cost < cheapest:
                        cheapest, cheapest_from, cheapest_level = cost, node, level
                size -= 1
                level = (1 << size) - 1
            rest = cheapest - energy[i + 1]
            node_at[num_nodes], node_rest[num_nodes] = i, rest
            node_from[num_nodes], node_level[num_nodes] = cheapest_from, cheapest_level
            total = rest + energy[64]
            if i < 63:
                total += worth * bits[0]
            if total < best_cost:
                best_cost, best_node = total, num_nodes
            kept = 0
            for index in range(num_alive):
                if node_rest[alive[index]] <= rest + worth * margin:
                    alive[kept] = alive[index]
                    kept += 1
            alive[kept] = num_nodes
            num_alive = kept + 1
            num_nodes += 1
        if node_at[best_node] < 63:
            counts[0] += 1
        while best_node > 0:
            i, level = node_at[best_node], node_level[best_node]
            levels[block, i] = level if coefficients[block, i] > 0 else -level
            best_node = node_from[best_node]
            run = i - node_at[best_node] - 1
            counts[(run & 15) << 4 | _size(level)] += 1
            counts[0xF0] += run >> 4
