"""Pools the scores of frames into a few numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from semvid.core.results import Pooled


def pool(scores: NDArray[np.float64]) -> Pooled:
    """Pool the scores of frames; NaN are left out.

    Args:
        scores: ``(n,)``; the harmonic mean takes what is below 1e-3 for 1e-3.
    """
    known = scores[~np.isnan(scores)]
    if not known.size:
        return Pooled(*[float("nan")] * 5)
    harmonic = 1 / np.mean(1 / np.maximum(known, 1e-3))
    low, lower = np.percentile(known, (5, 1))
    return Pooled(float(known.mean()), float(harmonic), float(low), float(lower), float(known.min()))
