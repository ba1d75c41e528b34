"""A picture and its map in, a baseline JPEG out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semvid.blocks import area_mean
from semvid.jpeg.choice import LevelArray, choose_levels, round_levels, typical_counts
from semvid.jpeg.dct import block_shape, scan_order, to_blocks
from semvid.jpeg.planes import SHIFTS, Planes
from semvid.jpeg.tables import TableArray, flattened_tables, scaled_tables
from semvid.jpeg.writer import write_jpeg
from semvid.types import FloatArray

_MASKING_POWER = 0.4
_MASKING_FLOOR = 40.0
_ROUNDS = 3
"""Beyond three, files change by less than 0.1 %."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How coefficients are chosen."""

    quality: float = 80
    """Of the quantization tables, 1..100."""
    price: float = 0.08
    """Squared error a bit may cost where importance is 1, in squares of the luma DC step; 0 = round."""
    background_weight: float = 0.12
    """Weight of squared error where importance is 0, against 1 where it is 1."""


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
        self._masking = [masking_weights(one) for one in self._blocks]
        across, down = SHIFTS[planes.sampling]
        self._scans = [
            scan_order(shape, *((across, down) if index == 0 else (0, 0)))
            for index, shape in enumerate(self._shapes)
        ]

    def weights(self, background_weight: float) -> list[FloatArray]:
        """Return the weight of squared error in each block of each component: importance times masking."""
        if self._importance is None:
            return self._masking
        return [
            masking
            * (
                background_weight
                + (1 - background_weight)
                * area_mean(self._importance, plane.shape[1], plane.shape[0], 8).ravel()
            )
            for plane, masking in zip(self._planes.components, self._masking, strict=True)
        ]

    def choose(self, choice: Choice) -> tuple[list[LevelArray], tuple[TableArray, TableArray]]:
        """Choose the levels of all components."""
        luma, chroma, dc_step = flattened_tables(choice.quality)
        levels = []
        for index, weight in enumerate(self.weights(choice.background_weight)):
            table = chroma if index else luma
            if choice.price == 0:
                levels.append(round_levels(self._blocks[index], table))
                continue
            chosen, _ = choose_levels(
                self._blocks[index], table, choice.price * dc_step**2 / weight, self._scans[index],
                typical_counts(), _ROUNDS,
            )  # fmt: skip
            levels.append(chosen)
        return levels, (luma, chroma)

    def encode(self, choice: Choice) -> bytes:
        """Choose and write."""
        levels, tables = self.choose(choice)
        return write_jpeg(levels, self._shapes, tables, self._planes.size, self._planes.sampling)

    def encode_plain(self, quality: int) -> bytes:
        """Code as libjpeg-turbo would: its tables, every coefficient rounded, Huffman codes optimised."""
        tables = scaled_tables(quality)
        levels = [round_levels(one, tables[min(index, 1)]) for index, one in enumerate(self._blocks)]
        return write_jpeg(levels, self._shapes, tables, self._planes.size, self._planes.sampling)


def masking_weights(blocks: FloatArray) -> FloatArray:
    """Return a weight for the squared error of each block, of geometric mean 1.

    It falls with the block's own AC energy: texture hides errors, and faint texture would else be the first
    to go. Mozjpeg's trellis does alike.

    Args:
        blocks: ``(n, 64)`` coefficients.
    """
    weights = (np.square(blocks[:, 1:]).mean(axis=1) + _MASKING_FLOOR) ** -_MASKING_POWER
    return np.asarray(weights / np.exp(np.log(weights).mean()), np.float32)
