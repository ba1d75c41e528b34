"""Turn importance into quantizer offsets that cost no bits overall. Pure functions: arrays in, arrays out.

For distortion weighted by w the bits are best spent where every block's weighted distortion falls equally
per bit. Distortion goes with the square of the quantizer step, and the step doubles every 6 QP, so
``dQP = -3 log2(w / w0)``. The one free number w0 makes the predicted bits equal to those of the plain encode.
"""

from __future__ import annotations

import numpy as np

from semvid.config import AllocationConfig
from semvid.types import FloatArray

RATE_SLOPE = 1.5
"""Bits of a block go with ``2 ** (-RATE_SLOPE * QP / 6)``: they halve every 4 QP. Fitted with ``activity``."""

_BISECTIONS = 24


def quantizer_offsets(
    importance: FloatArray, activity: FloatArray, config: AllocationConfig
) -> FloatArray:
    """Allocate quantizer offsets to the blocks of one frame.

    Args:
        importance: ``(rows, cols)`` in 0..1.
        activity: ``(rows, cols)`` > 0, proportional to the bits each block takes in a plain encode.
        config: Strength, background weight, and limits.

    Returns:
        ``(rows, cols)`` float32 QP steps within ``config.finest..config.coarsest``, negative = finer;
        never coarser where importance is higher. All zeros at strength 0 and for a constant map.
        ``predicted_rate_ratio`` of the result is 1.
    """
    weight = config.background_weight + importance
    unbiased = -3.0 * config.strength * np.log2(weight)
    if np.ptp(unbiased) < 1e-6:
        return np.zeros(importance.shape, np.float32)
    # At these ends every block sits at one limit, so the wanted bias lies between.
    low = config.finest - float(unbiased.max())
    high = config.coarsest - float(unbiased.min())
    for _ in range(_BISECTIONS):
        bias = (low + high) / 2
        offsets = np.clip(unbiased + bias, config.finest, config.coarsest)
        if predicted_rate_ratio(offsets, activity) > 1:
            low = bias
        else:
            high = bias
    return offsets.astype(np.float32)


def predicted_rate_ratio(offsets: FloatArray, activity: FloatArray) -> float:
    """Predict the bits of a frame with offsets as a multiple of the bits without.

    Args:
        offsets: ``(rows, cols)`` QP steps.
        activity: ``(rows, cols)`` > 0, as for ``quantizer_offsets``.
    """
    return float((activity * np.exp2(offsets * (-RATE_SLOPE / 6))).sum() / activity.sum())
