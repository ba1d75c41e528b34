"""Keeps borders of blocks from showing where a picture is smooth: in skies, skin, and what is out of focus.

The picture is decoded as far as borders need: the mean of each outermost line of a block, and of the line
beside it. Where two smooth blocks meet, both sides, continued to the border, leave a step, which the source
has not: S. Minami and A. Zakhor, "An optimization approach for removing blocking effects in transform
coding", IEEE Trans. CSVT, 1995, equation 2. A block at whose borders the error of the step can be seen is
chosen again: DC and the two lowest AC coefficients, each among three levels, by the cost of the first choice
and what its borders show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.choice import (
    END_OF_BLOCK,
    LARGEST,
    SIZES,
    Counts,
    LevelArray,
    Prices,
    bits_by_run,
    symbol_bits,
)
from semvid.codecs.jpeg.compiled import compiled
from semvid.codecs.jpeg.tables import ZIGZAG

if TYPE_CHECKING:
    from semvid.core.types import FloatArray

BoolArray = NDArray[np.bool_]
_VISIBLE = 1.0
"""Levels of a step that can just be seen: in a middle grey, 1.5 % of its light."""
_ROUGHEST = 3.0
"""Levels: root mean square of what is left of a smooth block without its mean and its slopes."""
_SMOOTH_SHARE = 0.75
"""Of the luma blocks that a chroma block lies on: texture hides steps of colour."""
_POSITIONS = np.argsort(ZIGZAG)
_LINES = np.stack([_POSITIONS[:8], _POSITIONS[::8]])
"""Places in the scan of the coefficients that change the means of columns, and of rows."""


def _at_borders() -> FloatArray:
    """``(8,)`` what these coefficients add where a block is continued to its first border.

    At the other border the odd ones count the other way round.
    """
    frequency = np.arange(8)
    first, second = np.cos(frequency * math.pi / 16), np.cos(3 * frequency * math.pi / 16)
    factors = np.where(frequency == 0, math.sqrt(1 / 8), 0.5) / math.sqrt(8)
    return np.asarray(factors * (1.5 * first - 0.5 * second), np.float32)


_AT_BORDERS = _at_borders()


def smooth_blocks(
    blocks: Sequence[FloatArray], energies: Sequence[FloatArray], shapes: Sequence[tuple[int, int]]
) -> list[BoolArray]:
    """Return which blocks of each component are smooth; those of chroma only where luma is smooth too.

    Args:
        blocks: ``(n, 64)`` coefficients of each component.
        energies: ``(n,)`` mean squares of their AC coefficients.
        shapes: ``(rows, cols)`` of blocks.
    """
    found = []
    for coefficients, energy in zip(blocks, energies, strict=True):
        slopes = np.square(coefficients[:, 1]) + np.square(coefficients[:, 2])
        found.append(63 * energy - slopes <= np.float32(64 * _ROUGHEST**2))
    (rows, cols), luma = shapes[0], found[0].reshape(shapes[0])
    for index, shape in enumerate(shapes[1:], 1):
        down, across = -(-rows // shape[0]), -(-cols // shape[1])
        padded = np.pad(luma, ((0, down * shape[0] - rows), (0, across * shape[1] - cols)), "edge")
        share = padded.reshape(shape[0], down, shape[1], across).mean(axis=(1, 3))
        found[index] &= share.ravel() >= _SMOOTH_SHARE
    return found


def mend_borders(
    levels: LevelArray,
    coefficients: FloatArray,
    steps: FloatArray,
    weights: FloatArray,
    prices: Prices,
    scan: NDArray[np.int64],
    counts: Counts,
    smooth: BoolArray,
    cols: int,
    border_weight: float,
    emptiness: float,
) -> None:
    """Choose the blocks of one component again whose borders show.

    Args:
        levels: ``(n, 64)`` as ``choose_levels`` returned them; changed in place.
        coefficients: As ``choose_levels`` got them, like what follows.
        steps: Of the quantizer.
        weights: Of squared errors in coefficients.
        prices: What a bit is worth.
        scan: The order in which blocks are coded.
        counts: Of the symbols of ``levels``.
        smooth: ``(n,)`` from ``smooth_blocks``.
        cols: Of blocks.
        border_weight: Squared error in AC that the square of a step counts as, less what cannot be seen.
        emptiness: As ``choose_levels`` got it.
    """
    edges, is_smooth = np.zeros((len(levels), 4), np.float32), smooth.view(np.int8)
    _find_edges(levels, coefficients, steps, is_smooth, len(levels), _LINES, _AT_BORDERS, edges)
    ac_bits = symbol_bits(counts.ac)
    by_run, _ = bits_by_run(ac_bits)
    dc_share = (weights[0] * prices.ac / prices.dc).astype(np.float32)
    _mend(
        levels, coefficients, steps, weights, dc_share, prices.ac.astype(np.float32), scan, len(scan),
        ac_bits[END_OF_BLOCK], by_run, symbol_bits(counts.dc), is_smooth, cols, border_weight, emptiness,
        _AT_BORDERS[0], _AT_BORDERS[1], edges,
    )  # fmt: skip


@compiled("i2* f4* f4* i1* i8 i8* f4* f4*")
def _find_edges(
    levels: LevelArray,
    coefficients: FloatArray,
    steps: FloatArray,
    smooth: NDArray[np.int8],
    num_blocks: int,
    lines: NDArray[np.int64],
    at_borders: FloatArray,
    edges: FloatArray,
) -> None:
    """Fill ``edges`` with the errors at the borders of each block: left, right, top and bottom."""
    for block in range(num_blocks):
        if smooth[block] == 0:
            continue
        for direction in range(2):
            for frequency in range(8):
                place = lines[8 * direction + frequency]
                error = levels[64 * block + place] * steps[place] - coefficients[64 * block + place]
                error *= at_borders[frequency]
                edges[4 * block + 2 * direction] += error
                edges[4 * block + 2 * direction + 1] += -error if frequency & 1 else error


@compiled("i2* f4* f4* f4* f4* f4* i8* i8 f4 f8* f4* i1* i8 f8 f8 f4 f4 f4*")
def _mend(  # noqa: PLR0915 - one loop, compiled whole
    levels: LevelArray,
    coefficients: FloatArray,
    steps: FloatArray,
    weights: FloatArray,
    dc_weight: FloatArray,
    price: FloatArray,
    scan: NDArray[np.int64],
    num_blocks: int,
    end_bits: float,
    by_run: NDArray[np.float64],
    dc_bits: FloatArray,
    smooth: NDArray[np.int8],
    cols: int,
    border_weight: float,
    emptiness: float,
    dc_at_borders: float,
    lowest_at_borders: float,
    edges: FloatArray,
) -> None:
    """Go through all blocks once, and keep ``edges`` up to date.

    ``dc_weight`` is that of squared errors of DC in each block, against AC.
    """
    of_dc = dc_at_borders * steps[0]
    of_across, of_down = lowest_at_borders * steps[1], lowest_at_borders * steps[2]
    for position in range(num_blocks):
        block = scan[position]
        if smooth[block] == 0:
            continue
        # What the borders of the blocks beside it have; NaN = there is none that is smooth.
        col = block % cols
        beside_left = edges[4 * block - 3] if col > 0 and smooth[block - 1] != 0 else np.nan
        beside_right = edges[4 * block + 4] if col + 1 < cols and smooth[block + 1] != 0 else np.nan
        above, below = block - cols, block + cols
        beside_top = edges[4 * above + 3] if above >= 0 and smooth[above] != 0 else np.nan
        beside_bottom = edges[4 * below + 2] if below < num_blocks and smooth[below] != 0 else np.nan
        left, right = edges[4 * block] - beside_left, edges[4 * block + 1] - beside_right
        top, bottom = edges[4 * block + 2] - beside_top, edges[4 * block + 3] - beside_bottom
        shown = _shown(left) + _shown(right) + _shown(top) + _shown(bottom)
        if shown == 0:
            continue
        first = 64 * block
        is_last = position + 1 == num_blocks
        before = int(levels[64 * scan[position - 1]]) if position > 0 else 0
        after = 0 if is_last else int(levels[64 * scan[position + 1]])
        dc, across, down = int(levels[first]), int(levels[first + 1]), int(levels[first + 2])
        dc_error = dc * steps[0] - coefficients[first]
        across_error = across * steps[1] - coefficients[first + 1]
        down_error = down * steps[2] - coefficients[first + 2]
        place = 3
        while place < 64 and levels[first + place] == 0:
            place += 1
        follows = int(levels[first + place]) if place < 64 else 0
        # What a block costs more of which nothing but DC is kept.
        of_empty = 0.0
        if place == 64:
            for i in range(1, 64):
                if abs(coefficients[first + i]) >= 0.5 * steps[i]:
                    of_empty += emptiness * weights[i] * coefficients[first + i] * coefficients[first + i]
        # Costs are told against those of what is there.
        num_bits = dc_bits[SIZES[abs(dc - before)]] + (0.0 if is_last else dc_bits[SIZES[abs(after - dc)]])
        num_bits += _low_bits(across, down, place, follows, by_run, end_bits)
        cheapest, best, best_across, best_down = border_weight * shown, 0, 0, 0
        cheapest += of_empty if across == 0 and down == 0 else 0.0
        for i in range(-1, 2):
            of_difference = dc_bits[SIZES[abs(dc + i - before)]]
            of_difference += 0.0 if is_last else dc_bits[SIZES[abs(after - dc - i)]]
            dc_cost = dc_weight[block] * i * steps[0] * (2 * dc_error + i * steps[0])
            for j in range(-1, 2):
                across_cost = weights[1] * j * steps[1] * (2 * across_error + j * steps[1])
                at_left, at_right = i * of_dc + j * of_across, i * of_dc - j * of_across
                across_cost += border_weight * (_shown(left + at_left) + _shown(right + at_right))
                for k in range(-1, 2):
                    if max(abs(dc + i), abs(across + j), abs(down + k)) > LARGEST:
                        continue
                    cost = dc_cost + across_cost + (of_empty if across + j == 0 and down + k == 0 else 0.0)
                    cost += weights[2] * k * steps[2] * (2 * down_error + k * steps[2])
                    at_top, at_bottom = i * of_dc + k * of_down, i * of_dc - k * of_down
                    cost += border_weight * (_shown(top + at_top) + _shown(bottom + at_bottom))
                    bits = of_difference + _low_bits(across + j, down + k, place, follows, by_run, end_bits)
                    cost += price[block] * (bits - num_bits)
                    if cost < cheapest:
                        cheapest, best, best_across, best_down = cost, i, j, k
        levels[first] = dc + best
        levels[first + 1] = across + best_across
        levels[first + 2] = down + best_down
        edges[4 * block] += best * of_dc + best_across * of_across
        edges[4 * block + 1] += best * of_dc - best_across * of_across
        edges[4 * block + 2] += best * of_dc + best_down * of_down
        edges[4 * block + 3] += best * of_dc - best_down * of_down


def _shown(step: float) -> float:
    """Return the square of a step beyond what can be seen; 0 for NaN."""
    beyond = abs(step) - _VISIBLE
    return beyond * beyond if beyond > 0 else 0.0


def _low_bits(
    across: int, down: int, place: int, level: int, by_run: NDArray[np.float64], end_bits: float
) -> float:
    """Return the bits of the two lowest levels, and of the first one behind them or of the end."""
    bits, last = 0.0, 0
    if across != 0:
        bits, last = bits + by_run[63 * SIZES[abs(across)]], 1
    if down != 0:
        bits, last = bits + by_run[63 * SIZES[abs(down)] + 1 - last], 2
    return bits + (by_run[63 * SIZES[abs(level)] + place - last - 1] if place < 64 else end_bits)
