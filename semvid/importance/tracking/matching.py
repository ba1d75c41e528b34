"""Tells what is marked from what is not by its features, and brings maps to their cells and back.

Features are ``(h, w, c)``, vectors of length 1. Cell ``i`` of ``n`` is centred on pixel ``8 i`` of
``8 (n - 1) + 1``.
"""

from __future__ import annotations

from copy import copy
from functools import lru_cache

import cv2
import numpy as np

from semvid.core.types import FloatArray

STRIDE = 8
"""Pixels of the network's input between the centres of cells."""

_TEMPERATURE = np.float32(0.07)
"""Difference of cosine similarities that makes odds of e. This and the numbers below were chosen on a tennis
player and on cut-outs that move, turn and bend in front of others; all have masks."""
_UNLIKE = np.float32(0.4)
"""What is less like the thing than this is something else, even if nothing around was more like it."""
_TWIN = 0.9
"""What is around and more like the thing than this teaches nothing: only its place tells it apart."""
_SURE = 0.9
"""A cell that scores as much, and was marked that much before, is remembered as a new look of the thing."""
_MOST_LOOKS = 4
"""Times of which such cells are kept, the newest: more changed nothing."""
_AROUND = 0.4
"""Cells marked less than this show what is around; those up to 0.5 show both, and teach nothing."""


class Memory:
    """What the marked things look like, and what is around them.

    Args:
        features: ``(h, w, c)`` of the marked frame.
        mask: ``(h, w)`` in 0..1 of its cells.
    """

    def __init__(self, features: FloatArray, mask: FloatArray) -> None:
        is_marked = mask > 0.5
        if not is_marked.any():
            # Thinner than a cell: the one that shows most of it.
            is_marked = mask >= mask.max()
        self.num_marked = int(is_marked.sum())
        self._marked = features[is_marked]
        around = features[(mask < _AROUND) & ~is_marked]
        self._around = around[_nearest(around, self._marked) < _TWIN]
        self._looks: list[FloatArray] = []

    def copy(self) -> Memory:
        """Return another that learns on its own."""
        return copy(self)

    def compare(self, vectors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return how surely cells show what is marked, and how like it they are.

        Args:
            vectors: ``(n, c)``.

        Returns:
            Two of ``(n,)``: the score in 0..1, by whether the nearest neighbour is marked or around it, and
            the cosine similarity of the nearest marked one.
        """
        likeness = _nearest(vectors, np.concatenate([self._marked, *self._looks]))
        margin = likeness - np.maximum(_nearest(vectors, self._around), _UNLIKE)
        return np.asarray(1 / (1 + np.exp(-margin / _TEMPERATURE)), np.float32), likeness

    def learn(self, features: FloatArray, scores: FloatArray, before: FloatArray) -> None:
        """Remember how the things look now, where that is sure.

        Args:
            features: ``(h, w, c)``.
            scores: ``(h, w)``, from ``compare``.
            before: ``(h, w)`` in 0..1, what the frames before say of the cells.
        """
        is_sure = (scores > _SURE) & (before > _SURE)
        if is_sure.any():
            self._looks = [*self._looks[1 - _MOST_LOOKS :], features[is_sure]]


def _nearest(vectors: FloatArray, known: FloatArray) -> FloatArray:
    """Return the cosine similarity of the nearest known vector, ``(n,)``; -1 where none is known."""
    if not len(known):
        return np.full(len(vectors), -1, np.float32)
    return np.asarray((vectors @ known.T).max(1), np.float32)


def to_cells(values: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Sample a map, ``(rows, cols)`` or ``(rows, cols, 2)``, at the centres of ``(h, w)`` cells."""
    side = max(round(values.shape[1] / shape[1]), 1)
    blurred = cv2.blur(values, (side, side)) if side > 1 else values
    return _sampled(np.asarray(blurred, np.float32), *_places_of_cells(values.shape[:2], shape))


def to_map(cells: FloatArray, shape: tuple[int, int]) -> FloatArray:
    """Stretch ``(h, w)`` cells over a map of ``(rows, cols)``; the inverse of ``to_cells``."""
    return _sampled(cells, *_places_in_cells(shape, (cells.shape[0], cells.shape[1])))


def _sampled(values: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    sampled = cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.float32)


@lru_cache(maxsize=8)
def _places_of_cells(of: tuple[int, ...], cells: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    y, x = (
        (STRIDE * np.arange(count) + 0.5) / (STRIDE * (count - 1) + 1) * extent - 0.5
        for count, extent in zip(cells, of, strict=True)
    )
    return _grid(x, y)


@lru_cache(maxsize=8)
def _places_in_cells(of: tuple[int, int], cells: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    y, x = (
        ((np.arange(extent) + 0.5) / extent * (STRIDE * (count - 1) + 1) - 0.5) / STRIDE
        for count, extent in zip(cells, of, strict=True)
    )
    return _grid(x, y)


def _grid(x: np.ndarray, y: np.ndarray) -> tuple[FloatArray, FloatArray]:
    across, down = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return across, down
