"""The MS-ROI rule: from a complete set of class maps to one map of importance. Pure functions on arrays."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from semvid.core.config import CLASSES, FocusConfig
from semvid.core.records import dataclass
from semvid.core.types import FloatArray
from semvid.models.architecture import CHANNELS

_POOLED_SHARE = 0.01
"""A class score is the mean of this share of the cells, the most active ones, so that small things count."""
_KINDS = ("person", "animal", "vehicle", "text")
"""Classes that a place belongs to at the cost of each other; what is called an object may be any of them."""
_CERTAIN = 0.5
"""From this value of its map on, a place belongs to a class altogether."""
_WORDS = 0.36
"""Least importance of certain words at weight 1. No mask that the calibration is fitted to counts words, so
it would make them nothing; people want to read them. Below one half, since boards beside a court would
otherwise draw more than the player."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Numbers of the rule that nobody sets, fitted like the defaults of ``FocusConfig``."""

    fixation_power: float = 1.0
    """Of the map of fixations before it is mixed in: above 1 it is more pointed."""
    gain: float = 1.0
    """Power of the odds of the mix."""
    offset: float = 0.0
    """Added to the logarithm of the odds, so that importance 0.5 is an even chance that something matters."""


TUNED = Tuning(gain=1.95, offset=-0.88)
"""``examples/benchmark/rule.py`` prints what belongs here, and in ``FocusConfig``."""


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


def importance(maps: FloatArray, focus: FocusConfig, tuning: Tuning = TUNED) -> FloatArray:
    """Join the maps of the classes that are present, mix in the class-free maps, calibrate, and weigh.

    Words keep some importance whatever the calibration says.

    Prakash et al., DCC 2017, section 3: classes whose activation passes a threshold contribute, all at once.
    Theirs are summed; here the strongest counts at each place, since a face is a person too, and sums raise
    what overlaps (``examples/benchmark/rule.py``).

    Args:
        maps: ``(8, h, w)`` in 0..1, in the order of ``CHANNELS``.
        focus: Threshold, class weights, and shares of the mix.
        tuning: The other numbers.

    Returns:
        ``(h, w)`` in 0..1: where all weights are 1, about the chance that something there matters.
    """
    classes = maps[: len(CLASSES)]
    is_present = class_scores(classes) >= focus.threshold
    semantic = np.where(is_present[:, None, None], classes, 0).max(0)
    objects = semantic + np.float32(focus.salient) * (_map(maps, "salient") - semantic)
    fixation = _map(maps, "fixation") ** np.float32(tuning.fixation_power)
    mixed: FloatArray = objects + np.float32(focus.fixation) * (fixation - objects)
    chance = np.maximum(calibrated(mixed, tuning), words(maps, focus, is_present))
    if any(focus.weight(name) != 1 for name in CLASSES):
        chance = chance * place_weights(maps, focus, is_present)
    return np.clip(chance, 0, 1)


def words(maps: FloatArray, focus: FocusConfig, is_present: NDArray[np.bool_]) -> FloatArray:
    """Return the least importance of places with words, before they are weighed.

    Args:
        maps: ``(8, h, w)`` in 0..1, in the order of ``CHANNELS``.
        focus: A weight of ``text`` above 1 raises it.
        is_present: ``(6,)``: whether each class is in the picture.

    Returns:
        ``(h, w)`` in 0..1.
    """
    text = _map(maps, "text")
    if not is_present[CLASSES.index("text")]:
        return np.zeros_like(text)
    return np.asarray(np.minimum(_WORDS * max(focus.weight("text"), 1) * text, 1), np.float32)


def calibrated(mixed: FloatArray, tuning: Tuning) -> FloatArray:
    """Return chances from values of which only the order is right: 0 and 1 stay, higher stays higher.

    J. Platt, "Probabilistic outputs for support vector machines", 1999, with the logarithm of the odds in
    place of the distance.

    Args:
        mixed: Values in 0..1.
        tuning: Gain and offset.
    """
    clipped = np.clip(mixed, 0, 1)
    for_it: FloatArray = clipped ** np.float32(tuning.gain)
    against: FloatArray = (1 - clipped) ** np.float32(tuning.gain) * np.float32(math.exp(-tuning.offset))
    return for_it / (for_it + against)


def place_weights(maps: FloatArray, focus: FocusConfig, is_present: NDArray[np.bool_]) -> FloatArray:
    """Return how much each place counts, given what is there: its weight, as a share of the largest.

    All of the map is weighed, not the classes alone: what does not matter would otherwise be marked as
    something that stands out, or that people look at. Where maps overlap, lower weights win, so that nothing
    is left of a class with weight 0, not even the words on a shirt.

    Args:
        maps: ``(8, h, w)`` in 0..1, in the order of ``CHANNELS``.
        focus: Class weights.
        is_present: ``(6,)``: the largest weight is that of a class in the picture, or 1 for everything else.

    Returns:
        ``(h, w)`` in 0..1.
    """
    weights = {name: focus.weight(name) for name in CLASSES}
    largest = max([1.0, *(weights[name] for name, found in zip(CLASSES, is_present, strict=True) if found)])
    shares = {name: np.float32(min(weight / largest, 1)) for name, weight in weights.items()}
    face = _map(maps, "face")
    kinds = {name: _map(maps, name) for name in _KINDS}
    kinds["person"] = np.maximum(kinds["person"], face)
    strongest = np.maximum(np.max(list(kinds.values()), 0), np.float32(1e-6))
    result = np.full(face.shape, 1 / largest, np.float32)
    result += _belonging(_map(maps, "object")) * (shares["object"] - result)
    for name in sorted(kinds, key=lambda name: -shares[name]):
        share = np.full_like(face, shares[name])
        if name == "person":
            share += _belonging(face) * (shares["face"] - share)
        # Three quarters of the strongest map are as good as it, a quarter is nothing.
        competing = np.clip(2 * kinds[name] / strongest - np.float32(0.5), 0, 1)
        result += _belonging(kinds[name]) * competing * (share - result)
    return result


def _belonging(values: FloatArray) -> FloatArray:
    return np.asarray(np.minimum(values / np.float32(_CERTAIN), 1), np.float32)


def _map(maps: FloatArray, name: str) -> FloatArray:
    return np.asarray(maps[CHANNELS.index(name)])
