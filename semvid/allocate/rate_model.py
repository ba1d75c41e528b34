"""How many bits blocks take, by their content and their quantizer: a guess where there is no time to measure.

It only has to be right in proportion: the allocator weighs blocks and frames against each other with it. Each
encoder has its own constants, fitted to the sizes of real encodes by ``examples/benchmark/rate_model.py``,
which also tells how far it is off in videos it was not fitted to. They are read for ``--help`` too: numpy is
loaded where it is used.

Bits of a block are ``log2(1 + 2 ** (s x)) / s`` and a little that it always takes, with x the octaves by
which its detail exceeds the step of the quantizer. Where detail is large, each finer octave costs so many
bits more; where it is below the step, little is left to save: both are seen in the sizes of real encodes,
and neither in a constant slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from semvid.core.types import FloatArray

# Grey levels. What is flatter or stiller than noise still costs its headers.
_SPATIAL_FLOOR = 0.4
_TEMPORAL_FLOOR = 0.03
_HIGHEST = 80.0
"""Exponents beyond overflow numbers of 32 bits."""


@dataclass(frozen=True, slots=True)
class BitCurve:
    """Bits of the blocks of one kind of frame.

    Detail is ``gradient * log2 G + difference * log2 D + level`` octaves above the quantizer step of the
    encoder's default CRF, with G the mean absolute gradient of a block, D its mean absolute difference to the
    frame before.
    """

    gradient: float
    difference: float
    level: float
    steepness: float
    """Octaves of bits for one of the quantizer, where detail is far below its step."""
    least: float
    """Base-2 logarithm of what a block always takes."""


@dataclass(frozen=True, slots=True)
class RateModel:
    """How an encoder's bits answer to content and offsets."""

    first: BitCurve
    """Of the first frame of a scene, which is predicted from none; its D does not count."""
    later: BitCurve
    coarser: float
    """What an offset above 0 counts for, as a share of one below."""

    def blocks(self, gradient: FloatArray, difference: FloatArray | None, octaves: float) -> BlockBits:
        """Describe the blocks of a frame.

        Args:
            gradient: ``(rows, cols)`` mean absolute gradient of each block in 8-bit grey levels at half size.
            difference: Likewise the difference to the frame before; None = the first frame of a scene.
            octaves: Of the quantizer step of the CRF above that of the encoder's default.
        """
        import numpy as np

        curve = self.first if difference is None else self.later
        detail = np.float32(curve.gradient) * np.log2(gradient + np.float32(_SPATIAL_FLOOR))
        if difference is not None:
            detail += np.float32(curve.difference) * np.log2(difference + np.float32(_TEMPORAL_FLOOR))
        return BlockBits(detail + np.float32(curve.level - octaves), curve, self.coarser)


# Cached properties need a dictionary.
@dataclass(frozen=True)
class BlockBits:
    """The bits of one frame's blocks, up to a factor that all frames of a video share."""

    detail: FloatArray
    """``(rows, cols)`` octaves above the quantizer step of a plain encode."""
    curve: BitCurve
    coarser: float
    """See ``RateModel``."""

    @cached_property
    def plain(self) -> float:
        """Bits without offsets."""
        import numpy as np

        return self.total(np.zeros((1, 1), np.float32))[0]

    def total(self, offsets: FloatArray) -> tuple[float, float]:
        """Predict the bits of the frame with offsets.

        Args:
            offsets: ``(rows, cols)`` or ``(1, 1)`` QP steps.

        Returns:
            Bits, and by how much they change if all offsets rise by a QP step; that is below 0.
        """
        import numpy as np

        # Natural ones: numpy takes those of other bases many times as long.
        steepness = math.log(2) * self.curve.steepness
        share = np.where(offsets > 0, np.float32(self.coarser / 6), np.float32(1 / 6))
        powers = np.exp(np.minimum(np.float32(steepness) * (self.detail - share * offsets), _HIGHEST))
        more = 1 + powers
        bits = float(np.log(more).sum()) / steepness + more.size * 2**self.curve.least
        return bits, -float((share * (powers / more)).sum())

    def ratio(self, offsets: FloatArray) -> float:
        """Predict the bits of the frame with offsets as a multiple of those without."""
        return self.total(offsets)[0] / self.plain
