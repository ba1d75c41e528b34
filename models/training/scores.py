"""How well a map fits a mask, or a density of gaze. Pure functions on arrays of one size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.types import FloatArray

THRESHOLDS = np.linspace(0.02, 0.98, 49)
_SQUARE = np.ones((3, 3), np.uint8)
_CERTAIN = 127
_SEEN, _SEEN_SHARE = 0.5, 0.01
"""A picture shows something if this share of a map, the most active one, is above this on average."""


def iou_curve(values: FloatArray, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Intersection over union with the mask at each of ``THRESHOLDS``."""
    levels = values[None] > THRESHOLDS[:, None, None]
    union = (levels | mask).sum((1, 2))
    return np.asarray((levels & mask).sum((1, 2)) / np.maximum(union, 1), np.float64)


def boundary_f(predicted: NDArray[np.bool_], mask: NDArray[np.bool_], within: int = 1) -> float:
    """F of outline cells that lie ``within`` so many cells of the other outline."""
    outlines = [_outline(one) for one in (predicted, mask)]
    if not outlines[0].any() or not outlines[1].any():
        return float(outlines[0].any() == outlines[1].any())
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * within + 1, 2 * within + 1))
    near = [np.asarray(cv2.dilate(one, disc), np.uint8) for one in outlines]
    precision = float((outlines[0] & near[1]).sum() / outlines[0].sum())
    recall = float((outlines[1] & near[0]).sum() / outlines[1].sum())
    return 2 * precision * recall / max(precision + recall, 1e-9)


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.uint8]:
    solid = mask.astype(np.uint8)
    return np.asarray(solid - cv2.erode(solid, _SQUARE), np.uint8)


def gaze_scores(values: FloatArray, density: FloatArray) -> tuple[float, float]:
    """NSS, with the density in place of single fixations, and the linear correlation."""
    standard = (values - values.mean()) / max(float(values.std()), 1e-9)
    nss = float((standard * density).sum() / max(float(density.sum()), 1e-9))
    correlation = np.corrcoef(values.ravel(), density.ravel())[0, 1] if values.std() > 0 else 0.0
    return nss, float(correlation)


def text_scores(maps: list[FloatArray], words: list[NDArray[np.uint8]]) -> dict[str, float]:
    """Compare maps of text with what a reader found.

    Args:
        maps: One for each picture, of the size of its words.
        words: As ``Example.words``; what may be text counts neither way.

    Returns:
        ``text_iou`` over the cells of all pictures at ``text_threshold``, the best one; ``text_found``, the
        share of pictures with words in which text is seen, and ``text_false``, that of pictures without.
    """
    counted = [one[1] <= _CERTAIN for one in words]
    values = [one[part] for one, part in zip(maps, counted, strict=True)]
    masks = [one[0][part] > _CERTAIN for one, part in zip(words, counted, strict=True)]
    curve = iou_curve(np.concatenate(values)[None], np.concatenate(masks)[None])
    best = int(np.argmax(curve))
    scores = {"text_iou": float(curve[best]), "text_threshold": float(THRESHOLDS[best])}
    seen = [_is_seen(one) for one in values]
    for name, is_wanted in (("text_found", True), ("text_false", False)):
        of_these = [one for one, mask in zip(seen, masks, strict=True) if mask.any() == is_wanted]
        if of_these:
            scores[name] = float(np.mean(of_these))
    return scores


def _is_seen(values: FloatArray) -> bool:
    count = max(1, int(values.size * _SEEN_SHARE))
    return bool(np.sort(values)[-count:].mean() > _SEEN) if values.size else False
