"""Turn importance into quantizer offsets. Pure functions: arrays in, arrays out.

For distortion weighted by w the bits are best spent where every block's weighted distortion falls equally
per bit. Distortion goes with the square of the quantizer step, and the step doubles every 6 QP, so
``dQP = -3 log2(w / w0)``. The one free number w0 is the weight of what keeps the quantizer of a plain encode:
of what matters most (``saving_offsets``), or of a middle at which the predicted bits are those of the plain
encode (``neutral_offsets``). At a given size or bit rate both would be the same but for a constant, which the
encoder takes out again, were it not for limits and for the value a block takes of a map within it:
``saving_offsets`` then favours what matters more (``examples/benchmark/two_pass.py``).
"""

from __future__ import annotations

import math

import numpy as np

from semvid.allocate.rate_model import BlockBits
from semvid.core.config import AllocationConfig
from semvid.core.types import FloatArray

_KEPT_SHARE = 0.5
"""Of the importance of what matters most. With 1, objects of DAVIS lose 1 dB by the network's maps instead of
0.4, and files are smaller by 4 % of the plain encode."""
_MIXED_SHARE = 0.5
"""Of the way from the finest block coded with it that a coarser one keeps."""
_MUCH_COARSER = 3.0
"""QP steps."""
_MAX_STEPS = 60
"""Never reached: the worst of 200,000 random frames took 26, and frames of real videos take 2."""
_TOLERANCE = 1e-4
"""Accepted base-2 logarithm of the predicted rate ratio: 0.007 % of the bits."""


def saving_offsets(importance: FloatArray, top: float, config: AllocationConfig) -> FloatArray:
    """Leave what matters as it is in a plain encode, and make the rest coarser.

    Maps of networks are soft: what is half as important as the most important thing matters as likely as not,
    and often is a part of it. So it keeps its quantizer too, and what is less important counts twice as much.

    Args:
        importance: ``(rows, cols)`` in 0..1.
        top: Importance of what matters most, in 0..1. Where it is low nothing matters much more than the
            rest, and offsets are small.
        config: Strength, background weight, and the highest offset.

    Returns:
        ``(rows, cols)`` float32 QP steps within ``0..config.coarsest``; 0 where importance is half of ``top``
        or more, and never coarser where it is higher.
    """
    weight = np.float32(config.background_weight) + np.minimum(importance / _KEPT_SHARE, np.float32(top))
    full = np.float32(config.background_weight) + np.float32(top)
    offsets = np.float32(3.0 * config.strength) * np.log2(full / weight)
    return np.asarray(np.clip(offsets, 0, np.float32(config.coarsest)), np.float32)


def spared(offsets: FloatArray, side: int, finer: float) -> tuple[FloatArray, float]:
    """Make up for what blocks lose to coarser ones beside them.

    An encoder may code several blocks as one, by the mean of their quantizers, and predicts and smooths
    across their borders.

    Args:
        offsets: ``(rows, cols)`` QP steps, 0 or more.
        side: Of the largest square that may be coded as one, in blocks. Coarser blocks in it come nearer to
            the finest one there.
        finer: QP steps by which what keeps its quantizer is coded finer beside much coarser blocks; less
            where nothing is much coarser.

    Returns:
        ``(rows, cols)`` float32 offsets, nowhere coarser than before, and the lowest that they can have.
    """
    if side > 1:
        rows, cols = offsets.shape
        padded = np.pad(offsets, ((0, -rows % side), (0, -cols % side)), mode="edge")
        finest = padded.reshape(padded.shape[0] // side, side, -1, side).min((1, 3))
        finest = finest.repeat(side, 0).repeat(side, 1)[:rows, :cols]
        offsets = finest + np.float32(_MIXED_SHARE) * (offsets - finest)
    lowest = -finer * min(float(offsets.max()) / _MUCH_COARSER, 1.0)
    return np.where(offsets > 0, offsets, np.float32(lowest)), lowest


def neutral_offsets(importance: FloatArray, blocks: BlockBits, config: AllocationConfig) -> FloatArray:
    """Make what matters finer, and the rest so much coarser that all together takes as many bits.

    Args:
        importance: ``(rows, cols)`` in 0..1.
        blocks: What the blocks of a plain encode take, and how it answers to offsets.
        config: Strength, background weight, and limits.

    Returns:
        ``(rows, cols)`` float32 QP steps within ``config.finest..config.coarsest``, negative = finer;
        never coarser where importance is higher. All zeros at strength 0 and for a constant map.
        ``blocks.ratio`` of the result is 1.
    """
    weight = np.float32(config.background_weight) + importance
    unbiased = np.float32(-3.0 * config.strength) * np.log2(weight)
    if np.ptp(unbiased) < 1e-6:
        return np.zeros(importance.shape, np.float32)
    # At these ends every block sits at one limit, so the wanted bias lies between.
    low = config.finest - float(unbiased.max())
    high = config.coarsest - float(unbiased.min())
    bias = min(max(-float(unbiased.mean()), low), high)
    last_excess = math.inf
    for _ in range(_MAX_STEPS):
        offsets = np.clip(unbiased + np.float32(bias), config.finest, config.coarsest)
        bits, change = blocks.total(offsets)
        excess = math.log2(bits / blocks.plain)
        if abs(excess) < _TOLERANCE:
            break
        if excess > 0:
            low = bias
        else:
            high = bias
        # Newton's step. Where many blocks are clipped it is too short, where the curve bends it may be too
        # long: bisection unless it stays in the bracket and the excess halves.
        bias -= excess * math.log(2) * bits / change if change else 0.0
        if not (low < bias < high and abs(excess) <= last_excess / 2):
            bias = (low + high) / 2
        last_excess = abs(excess)
    return np.asarray(offsets, np.float32)
