"""The MS-ROI rule: from a complete set of class maps to one map of importance. Pure functions on arrays."""

from __future__ import annotations

import numpy as np

from semvid.core.config import CLASSES, FocusConfig
from semvid.core.types import FloatArray
from semvid.models.architecture import CHANNELS

_POOLED_SHARE = 0.01
"""A class score is the mean of this share of the cells, the most active ones, so that small things count."""


def class_scores(maps: FloatArray) -> FloatArray:
    """Pool each map to one number: how certainly the class is in the picture.

    Args:
        maps: ``(c, h, w)`` in 0..1.

    Returns:
        ``(c,)`` in 0..1.
    """
    flat = maps.reshape(maps.shape[0], -1)
    count = max(1, round(flat.shape[1] * _POOLED_SHARE))
    top = np.partition(flat, flat.shape[1] - count, axis=1)[:, -count:]
    return np.asarray(top.mean(1), np.float32)


def importance(maps: FloatArray, focus: FocusConfig) -> FloatArray:
    """Join the maps of the classes that are present, then mix in the class-free maps.

    Prakash et al., DCC 2017, section 3: classes whose activation passes a threshold contribute, all at once.
    Theirs are summed; here the strongest counts at each place, since a face is a person too, and sums raise
    what overlaps (``examples/benchmark/rule.py``). Weights are relative to the largest among them. A class
    with a weight below 1 also lowers the class-free object map in proportion.

    Args:
        maps: ``(8, h, w)`` in 0..1, in the order of ``CHANNELS``.
        focus: Threshold, class weights, and shares of the mix.

    Returns:
        ``(h, w)`` in 0..1.
    """
    classes = maps[: len(CLASSES)]
    weights = np.array([focus.weights.get(name, 1.0) for name in CLASSES], np.float32)
    kept = np.where(class_scores(classes) >= focus.threshold, weights, np.float32(0))
    largest = float(kept.max())
    semantic = np.zeros(maps.shape[1:], np.float32)
    if largest > 0:
        semantic = (classes * (kept / largest)[:, None, None]).max(0)
    salient = maps[CHANNELS.index("salient")]
    for weight, values in zip(weights, classes, strict=True):
        if weight < 1:
            salient = salient * (1 - (1 - weight) * values)
    objects = semantic + np.float32(focus.salient) * (salient - semantic)
    fixation = maps[CHANNELS.index("fixation")]
    mixed: FloatArray = objects + np.float32(focus.fixation) * (fixation - objects)
    return np.clip(mixed, 0, 1)
