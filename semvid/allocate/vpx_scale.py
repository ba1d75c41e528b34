"""QP steps into libvpx's delta units, which mean different things at different quantizers.

A QP step multiplies the quantizer by 2^(1/6). libvpx maps the user's 0..63 scale to a quantizer index and
that to a quantizer step, both nonlinear; region offsets are given on the 0..63 scale and added to the index.
The tables of the VP8 and VP9 bitstream definitions (RFC 6386 section 14.1; VP9 specification 8.6.1) are
followed here by two pieces each, linear then geometric, within 6 % of the AC step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from semvid.core.types import FloatArray


@dataclass(frozen=True, slots=True)
class QuantizerScale:
    """The quantizers of an encoder.

    In all methods ``crf`` is 0..63, and arrays of offsets keep their shape.
    """

    user_knots: tuple[float, ...]
    """0..63 scale at which the index is known; linear between."""
    index_knots: tuple[float, ...]
    linear_base: float
    """Quantizer step at index 0; it grows by 1 an index up to ``bend``."""
    bend: float
    """Index from which the step grows by a constant factor."""
    growth: float
    """That factor."""

    def index(self, user: FloatArray | float) -> FloatArray:
        """Return the quantizer indices at 0..63."""
        return np.asarray(np.interp(user, self.user_knots, self.index_knots), np.float32)

    def step(self, index: FloatArray) -> FloatArray:
        """Return the quantizer steps of indices."""
        beyond = np.maximum(index - self.bend, 0)
        step: FloatArray = (self.linear_base + np.minimum(index, self.bend)) * self.growth**beyond
        return step

    def index_offsets(self, offsets: FloatArray, crf: float) -> FloatArray:
        """Bring offsets in QP steps to offsets of the index around ``crf``."""
        return np.asarray(self._exact_index_offsets(offsets, crf), np.float32)

    def _exact_index_offsets(self, offsets: FloatArray, crf: float) -> NDArray[np.float64]:
        base = self.index(crf)
        step, at_bend = self.step(base) * np.exp2(offsets / 6), self.linear_base + self.bend
        beyond = np.log(np.maximum(step / at_bend, 1)) / np.log(self.growth)
        index = np.minimum(step, at_bend) - self.linear_base + beyond
        return np.asarray(np.clip(index, self.index_knots[0], self.index_knots[-1]) - base)

    def steps_of_index_offsets(self, offsets: FloatArray, crf: float) -> FloatArray:
        """Undo ``index_offsets``."""
        base = self.index(crf)
        index = np.clip(base + offsets, self.index_knots[0], self.index_knots[-1])
        return np.asarray(6 * np.log2(self.step(index) / self.step(base)), np.float32)

    def native(self, offsets: FloatArray, crf: float) -> FloatArray:
        """Bring offsets in QP steps to libvpx's deltas, on the 0..63 scale, around ``crf``."""
        delta = self._exact_index_offsets(offsets, crf)
        # The delta itself is put through the same 0..63 -> index map before it is added.
        user = np.interp(np.abs(delta), self.index_knots, self.user_knots)
        return np.asarray(np.sign(delta) * np.asarray(user, np.float32), np.float32)

    def steps(self, crf: float) -> float:
        """Return the quantizer at ``crf``, in QP steps from a quantizer of 1."""
        return float(6 * np.log2(self.step(self.index(crf))))


VP9_SCALE = QuantizerScale(
    user_knots=(0, 62, 63), index_knots=(0, 249, 255), linear_base=7, bend=95, growth=1.0182
)
"""Of AV1 at 8 bits too (AV1 specification, 7.12.2)."""
