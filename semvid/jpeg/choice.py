"""Choose quantized coefficients: least weighted squared error for the bits, block by block.

Per block the cost is ``weight * squared error + price * bits``. A path through the scan that visits the
coefficients kept, each rounded or one step nearer to zero, is found by dynamic programming, after K.
Ramchandran and M. Vetterli, "Rate-Distortion Optimal Fast Thresholding with Complete JPEG/MPEG Decoder
Compatibility", IEEE Trans. Image Processing, 1994. Bits are those of the Huffman symbols a picture really
uses, so the choice is made twice.
"""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

from semvid.jpeg.tables import TableArray
from semvid.types import FloatArray

_END_OF_BLOCK, _SIXTEEN_ZEROS = 0x00, 0xF0
_NUM_SYMBOLS = 256
_FEWEST_BITS, _MOST_BITS = 1.0, 16.0
_UNSEEN = 0.05
"""Count of a symbol that was never used."""
LevelArray = NDArray[np.int16]
CountArray = NDArray[np.float64]


def typical_counts() -> CountArray:
    """Return how often AC symbols occur in photographs, roughly: what the first choice is made with."""
    run, size = np.divmod(np.arange(_NUM_SYMBOLS), 16)
    counts = np.where((size > 0) & (size <= 10), 1000 * np.exp2(-1.2 * size - 0.35 * run), 0)
    counts[_END_OF_BLOCK], counts[_SIXTEEN_ZEROS] = 700, 1
    return counts


def symbol_bits(counts: CountArray) -> FloatArray:
    """Return the bits of every AC symbol with the magnitude bits that follow it.

    Args:
        counts: ``(256,)`` how often each run-size symbol occurs.

    Returns:
        ``(256,)`` float32. A Huffman code is within a few hundredths of a bit of the entropy here.
    """
    smoothed = counts + _UNSEEN
    bits = np.clip(-np.log2(smoothed / smoothed.sum()), _FEWEST_BITS, _MOST_BITS)
    return np.asarray(bits + np.arange(_NUM_SYMBOLS) % 16, np.float32)


def round_levels(coefficients: FloatArray, table: TableArray) -> LevelArray:
    """Round every coefficient to the nearest level, as plain encoders do."""
    return np.rint(coefficients / table.astype(np.float32)).astype(np.int16)


def choose_levels(
    coefficients: FloatArray, table: TableArray, price: FloatArray, counts: CountArray, rounds: int = 2
) -> tuple[LevelArray, CountArray]:
    """Choose the levels of one component.

    Args:
        coefficients: ``(n, 64)`` float32 from ``to_blocks``.
        table: Quantizer steps.
        price: ``(n,)`` squared error that is worth a bit, > 0.
        counts: Symbol counts to begin with.
        rounds: How often the choice is made, each time with the counts of the one before.

    Returns:
        ``(n, 64)`` int16 levels in zigzag order, and the counts of their AC symbols. DC is rounded: flat
        blocks must meet their neighbours.
    """
    steps = table.astype(np.float32)
    levels = np.zeros(coefficients.shape, np.int16)
    levels[:, 0] = np.rint(coefficients[:, 0] / steps[0])
    for _ in range(rounds):
        bits = symbol_bits(counts)
        counts = np.zeros(_NUM_SYMBOLS)
        _choose(coefficients, steps, price.astype(np.float32), bits, levels, counts)
    return levels, counts


@numba.njit(nogil=True, cache=True)
def _size(level: int) -> int:
    size = 0
    while level > 0:
        level >>= 1
        size += 1
    return size


@numba.njit(nogil=True, cache=True)
def _choose(
    coefficients: FloatArray,
    steps: FloatArray,
    price: FloatArray,
    bits: FloatArray,
    levels: LevelArray,
    counts: CountArray,
) -> None:
    """Fill ``levels[:, 1:]``, add to ``counts``. Node 0 is DC; a node is a coefficient that may be kept."""
    node_at = np.empty(64, np.int64)  # position in the scan
    node_cost = np.empty(64, np.float64)  # cheapest way there, all before it decided
    node_from = np.empty(64, np.int64)
    node_level = np.empty(64, np.int64)
    energy = np.empty(65, np.float64)  # squared error of zeroing everything before a position
    for block in range(coefficients.shape[0]):
        worth = price[block]
        energy[1] = 0.0
        for i in range(1, 64):
            energy[i + 1] = energy[i] + coefficients[block, i] * coefficients[block, i]
            levels[block, i] = 0
        node_at[0], node_cost[0] = 0, 0.0
        num_nodes = 1
        best_cost, best_node = energy[64] + worth * bits[0], 0
        for i in range(1, 64):
            magnitude = abs(coefficients[block, i])
            nearest = int(magnitude / steps[i] + 0.5)
            if nearest == 0:
                continue
            cheapest, cheapest_from, cheapest_level = np.inf, 0, 0
            for level in range(nearest, max(nearest - 2, 0), -1):
                error = (magnitude - level * steps[i]) ** 2
                size = _size(level)
                for node in range(num_nodes):
                    before = node_at[node]
                    run = i - before - 1
                    cost = (
                        node_cost[node] + energy[i] - energy[before + 1] + error
                        + worth * (bits[(run & 15) << 4 | size] + (run >> 4) * bits[0xF0])
                    )  # fmt: skip
                    if cost < cheapest:
                        cheapest, cheapest_from, cheapest_level = cost, node, level
            node_at[num_nodes], node_cost[num_nodes] = i, cheapest
            node_from[num_nodes], node_level[num_nodes] = cheapest_from, cheapest_level
            total = cheapest + energy[64] - energy[i + 1]
            if i < 63:
                total += worth * bits[0]
            if total < best_cost:
                best_cost, best_node = total, num_nodes
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
