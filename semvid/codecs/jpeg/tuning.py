"""What error means: quantizer steps, and how much an error in each coefficient and block weighs.

Both tunings follow one rule. A component has a table of reference steps; the steps of a file are a power of
them, times the scale of its quality, with which the other constants may change too. Squared error in a
coefficient weighs the more the finer its reference step is, and less in a block that has much to see: texture
hides errors (masking). ``PSNR`` weighs all coefficients alike. ``PERCEPTUAL`` follows what the eye can tell
apart, as tables of mozjpeg and of Annex K have it; its constants were fitted to be ahead of mozjpeg on
SSIMULACRA 2, PSNR-HVS-M, SSIM and MS-SSIM, in the whole picture and where it matters, and at high qualities
not behind libjpeg on any (``examples/benchmark/still_fit.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.tables import ANNEX_K_CHROMA, ANNEX_K_LUMA, ROBIDOUX, ZIGZAG, TableArray, step_scale
from semvid.core.config import Tune
from semvid.core.records import dataclass
from semvid.core.types import FloatArray

References = tuple[float, ...]
"""64 reference steps, row by row."""


@dataclass(frozen=True, slots=True)
class ComponentTuning:
    """How the coefficients of luma or of chroma are coded."""

    references: References
    """Reference steps."""
    scale: float
    """Factor on all steps."""
    flatness: float
    """Power of the reference steps, as multiples of their DC step: 1 = as they are, 0 = all alike."""
    weight: float
    """Of squared error in AC where the reference step is that of DC."""
    dc_weight: float
    """The same in DC."""
    visibility: float
    """Power of reference steps by which weights fall; 0 = all coefficients weigh the same."""
    masking_floor: float
    """Added to the mean squared AC coefficient, in squared sample levels: flat blocks hide errors too."""
    masking: float
    """Power of a block's mean squared AC coefficient by which the weight of its AC falls."""
    dc_masking: float
    """The same for DC."""
    emptiness: float
    """Share of the error that counts once more in a block of which only DC is kept: it shows as a tile."""

    def steps(self, scale: float) -> TableArray:
        """Return the steps at a scale, ``(64,)`` in zigzag order, within 1..255."""
        steps = self.scale * scale * self.references[0] * self._multiples**self.flatness
        return np.clip(np.rint(steps), 1, 255).astype(np.int32)

    def weights(self) -> FloatArray:
        """Return the weights of squared error in coefficients, ``(64,)`` in zigzag order."""
        weights = self.weight * self._multiples**-self.visibility
        weights[0] = self.dc_weight
        return weights.astype(np.float32)

    @property
    def _multiples(self) -> NDArray[np.float64]:
        references: NDArray[np.float64] = np.array(self.references)[ZIGZAG]
        return references / self.references[0]


@dataclass(frozen=True, slots=True)
class Tuned:
    """How pictures are coded at one scale of steps."""

    scale: float
    """Factor on the reference steps of both components."""
    luma: ComponentTuning
    chroma: ComponentTuning
    price: float
    """Weighted squared error that a bit may cost where importance is 1, in squares of the luma DC step."""
    contrast: float
    """Power of the relative weight of importance in AC."""
    dc_contrast: float
    """The same in DC: steps between flat blocks show even where nothing matters."""

    def of(self, component: int) -> ComponentTuning:
        """Return the tuning of a component by its number, 0 = luma."""
        return self.chroma if component else self.luma

    def tables(self) -> tuple[TableArray, TableArray]:
        """Return the luma and chroma steps."""
        return self.luma.steps(self.scale), self.chroma.steps(self.scale)

    def worth_of_bit(self, price: float | None = None) -> float:
        """Return the weighted squared error a bit may cost, in squared sample levels; None = ``price``."""
        return float((self.price if price is None else price) * (self.scale * self.luma.references[0]) ** 2)


@dataclass(frozen=True, slots=True)
class Tuning:
    """How pictures are coded at any quality."""

    scale: float
    """Factor on ``step_scale``, so that what matters looks as in a plain JPEG of the same quality."""
    knots: tuple[Tuned, ...]
    """From the finest steps to the coarsest; between two of them constants are blended."""
    even_share: float = 1
    """Relative weight of all blocks where everything matters equally: that of most blocks under a map."""
    even_scale: float = 1
    """Factor on the scale there, so that all looks as in a plain JPEG of the same quality."""
    border_weight: float = 0
    """What borders of blocks count for where the picture is smooth, see ``borders.py``; 0 = nothing."""

    def at(self, quality: float, evenness: float = 0) -> Tuned:
        """Return the tuning at a quality, 1..100; beyond the knots all but the scale stays.

        Args:
            quality: Of what matters.
            evenness: 1 = everything matters equally, 0 = as the map says.
        """
        scale = self.scale * step_scale(quality) * self.even_scale**evenness
        for fine, coarse in pairwise(self.knots):
            if fine.scale < scale < coarse.scale:
                share = math.log(scale / fine.scale) / math.log(coarse.scale / fine.scale)
                blended: Tuned = between(fine, coarse, share)
                return replace(blended, scale=scale)
        nearest = self.knots[0] if scale <= self.knots[0].scale else self.knots[-1]
        return replace(nearest, scale=scale)


def between(first: Any, second: Any, share: float) -> Any:
    """Return constants a share of the way from the first to the second; tables by their logarithms."""
    if isinstance(first, float | int):
        return first + share * (second - first)
    if isinstance(first, tuple):
        return tuple(a ** (1 - share) * b**share for a, b in zip(first, second, strict=True))
    names = [one.name for one in fields(first)]
    return replace(
        first, **{name: between(getattr(first, name), getattr(second, name), share) for name in names}
    )


def blend(
    first: NDArray[np.int64], power: float, second: NDArray[np.int64], second_power: float
) -> References:
    """Multiply powers of two tables, row by row."""
    return tuple((first.astype(np.float64) ** power * second.astype(np.float64) ** second_power).tolist())


def _as_is(table: NDArray[np.int64]) -> References:
    return tuple(map(float, table))


_FOR_PSNR = Tuned(
    luma=ComponentTuning(
        _as_is(ANNEX_K_LUMA), scale=1, flatness=0.25, weight=1, dc_weight=1, visibility=0,
        masking_floor=40, masking=0.2, dc_masking=0.2, emptiness=0,
    ),
    # Finer, since colour errors over many blocks show.
    chroma=ComponentTuning(
        _as_is(ANNEX_K_CHROMA), scale=0.7, flatness=0.25, weight=1, dc_weight=1, visibility=0,
        masking_floor=40, masking=0.2, dc_masking=0.2, emptiness=0,
    ),
    scale=1, price=0.08, contrast=1.4, dc_contrast=0.7,
)  # fmt: skip
PSNR = Tuning(scale=1.7, knots=(_FOR_PSNR,))


def _for_eyes(scale: float, *, colour: float, contrast: float) -> Tuned:
    """Return what is tuned for how it looks at one scale.

    Args:
        scale: Of steps.
        colour: Power of Annex K's table in the reference steps of chroma: the higher, the coarser.
        contrast: Of importance.
    """
    return Tuned(
        luma=ComponentTuning(
            blend(ANNEX_K_LUMA, -0.13, ROBIDOUX, 1.07), scale=1, flatness=0.87, weight=1, dc_weight=1.38,
            visibility=1.2, masking_floor=93, masking=0.62, dc_masking=0.29, emptiness=0.6,
        ),
        chroma=ComponentTuning(
            blend(ANNEX_K_CHROMA, colour, ROBIDOUX, 0.7), scale=0.77, flatness=0.57, weight=0.3,
            dc_weight=0.52, visibility=0.78, masking_floor=128, masking=0.44, dc_masking=0.32, emptiness=0.3,
        ),
        scale=scale, price=0.053, contrast=contrast, dc_contrast=0.43,
    )  # fmt: skip


# From fine steps to coarse ones. Where steps are fine, hardly any error is seen, and all is to be true; where
# they are coarse, the background shows what it pays, and colour is the first to go.
PERCEPTUAL = Tuning(
    scale=0.93,
    knots=(
        _for_eyes(0.06, colour=0.49, contrast=0.7),
        _for_eyes(0.2, colour=0.46, contrast=1.09),
        _for_eyes(0.6, colour=0.42, contrast=1.0),
        _for_eyes(1.8, colour=0.33, contrast=0.76),
    ),
    even_share=0.35, even_scale=0.9, border_weight=4,
)  # fmt: skip

TUNINGS: Mapping[Tune, Tuning] = {"perceptual": PERCEPTUAL, "psnr": PSNR}
