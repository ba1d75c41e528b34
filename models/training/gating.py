"""Sharper labels: what a background-removal network sees, where the pack's labels say that it matters.

Such a network draws outlines nearly as people do, but knows no classes: a fence or a ramp is foreground too.
So its map replaces a label only where both agree on the whole.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.models.training.pack import FIXATION_LABELS, PACK_CHANNELS, Example

GATED, GATED_FIXATION = "gated", "gated-fixation"
"""``salient_from`` where the foreground replaced it: as it is, or as far as people looked at it."""

CLASS_GROUPS = ("person", "animal", "vehicle", "object")
"""Classes whose labels the foreground may replace; faces are parts of it."""

_AGREEMENT = 0.4
"""Least intersection over union, both cut at one half."""
_SALIENT = PACK_CHANNELS.index("salient")
_CERTAIN = 127
_FEWEST_CELLS = 6
_LOOKED_AT = 0.2
"""Foreground that people looked at less than this, as a share of the most, is of no account."""
_SPREAD = np.ones((5, 5), np.uint8)


def overlap(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Intersection over union; 0 where both are empty."""
    union = int((one | other).sum())
    return float((one & other).sum() / union) if union else 0.0


def gated(example: Example, foreground: NDArray[np.uint8]) -> Example:
    """Return the example with sharper labels, or as it is where the foreground does not fit it.

    Args:
        example: Its labels may be anyone's but exact masks, which stay.
        foreground: ``(label height, label width)``, 255 = certain.
    """
    if example.salient_from == FIXATION_LABELS:
        return _as_looked_at(example, foreground)
    inside = foreground > _CERTAIN
    if example.salient_from == "gt-mask":
        return example
    if overlap(example.labels[_SALIENT] > _CERTAIN, inside) <= _AGREEMENT:
        return example
    labels = example.labels.copy()
    labels[_SALIENT] = foreground
    fits = fitting(example, foreground)
    # Each cell goes to the class with the most evidence around it: a rider is no horse.
    evidence = [cv2.blur(example.labels[index].astype(np.float32), (7, 7)) + 1 for index in fits]
    for index, one in zip(fits, evidence, strict=True):
        share = one / np.max(evidence, 0)
        labels[index] = np.rint(foreground * share).astype(np.uint8)
    return replace(example, labels=labels, salient_from=GATED)


def fitting(example: Example, foreground: NDArray[np.uint8]) -> list[int]:
    """Return which channels of the pack are classes that lie where the foreground does."""
    inside = foreground > _CERTAIN
    return [
        index
        for index in map(PACK_CHANNELS.index, CLASS_GROUPS)
        if example.valid[index] and overlap(example.labels[index] > _CERTAIN, inside) > _AGREEMENT
    ]


def _as_looked_at(example: Example, foreground: NDArray[np.uint8]) -> Example:
    """Each thing in the foreground counts as much as people looked at it.

    What they looked at outside of all things is left open: it may be a thing that the foreground misses.
    """
    looked = example.labels[_SALIENT]
    count, parts = cv2.connectedComponents((foreground > _CERTAIN).astype(np.uint8))
    strength = np.zeros(foreground.shape, np.float32)
    for part in range(1, count):
        inside = parts == part
        if inside.sum() >= _FEWEST_CELLS:
            strength[inside] = np.percentile(looked[inside], 90) / 255
    if strength.max() < _LOOKED_AT:
        return example
    labels = example.labels.copy()
    labels[_SALIENT] = np.rint(foreground * cv2.dilate(strength, _SPREAD)).astype(np.uint8)
    doubt = np.where(foreground > _CERTAIN, 0, np.maximum(looked.astype(int) - labels[_SALIENT], 0))
    return replace(example, labels=labels, salient_from=GATED_FIXATION, doubt=doubt.astype(np.uint8))
