"""A picture and its map in, a baseline JPEG out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semvid.blocks import area_mean
from semvid.jpeg.choice import CountArray, LevelArray, choose_levels, round_levels, typical_counts
from semvid.jpeg.dct import block_shape, to_blocks
from semvid.jpeg.planes import Planes
from semvid.jpeg.tables import TableArray, scaled_tables
from semvid.jpeg.writer import write_jpeg
from semvid.types import FloatArray

_LOW_FREQUENCIES = slice(1, 11)


@dataclass(frozen=True, slots=True)
class Choice:
    """How coefficients are chosen."""

    quality: int = 80
    """Of the quantization tables, 1..100."""
    price: float = 1.0
    """Squared error that is worth a bit, in mean squares of the steps of low frequencies; 0 = round."""
    background_weight: float = 0.05
    """Weight of squared error where importance is 0; where it is 1 the weight is 1 more."""


class PictureCoder:
    """Transforms a picture once and codes it as often as asked.

    Args:
        planes: The picture.
        importance: ``(h, w)`` in 0..1, stretched over it; None = everything matters equally.
    """

    def __init__(self, planes: Planes, importance: FloatArray | None) -> None:
        self._planes = planes
        self._importance = importance
        self._shapes = [block_shape(one.shape[1], one.shape[0]) for one in planes.components]
        self._blocks = [
            to_blocks(plane, shape).numpy()
            for plane, shape in zip(planes.components, self._shapes, strict=True)
        ]
        self._counts: list[CountArray] = [typical_counts() for _ in self._blocks]

    def weights(self, background_weight: float) -> list[FloatArray]:
        """Return the weight of each block of each component, of geometric mean 1."""
        if self._importance is None:
            return [np.ones(len(one), np.float32) for one in self._blocks]
        weights = []
        for plane in self._planes.components:
            raw = (
                np.float32(background_weight)
                + area_mean(self._importance, plane.shape[1], plane.shape[0], 8).ravel()
            )
            weights.append(np.asarray(raw / np.exp(np.log(raw).mean()), np.float32))
        return weights

    def choose(self, choice: Choice) -> tuple[list[LevelArray], tuple[TableArray, TableArray]]:
        """Choose the levels of all components."""
        tables = scaled_tables(choice.quality)
        levels = []
        for index, (blocks, weight) in enumerate(
            zip(self._blocks, self.weights(choice.background_weight), strict=True)
        ):
            table = tables[min(index, 1)]
            worth = choice.price * float(np.mean(np.square(table[_LOW_FREQUENCIES].astype(np.float64))))
            if choice.price == 0:
                levels.append(round_levels(blocks, table))
                continue
            chosen, self._counts[index] = choose_levels(blocks, table, worth / weight, self._counts[index])
            levels.append(chosen)
        return levels, tables

    def encode(self, choice: Choice) -> bytes:
        """Choose and write."""
        levels, tables = self.choose(choice)
        return write_jpeg(levels, self._shapes, tables, self._planes.size, self._planes.sampling)

    def encode_plain(self, quality: int) -> bytes:
        """Code as libjpeg-turbo would: every coefficient rounded, Huffman tables optimised."""
        return self.encode(Choice(quality, 0.0))
