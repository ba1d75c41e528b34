"""QP steps into libvpx's delta units, which mean different things at different quantizers.

A QP step multiplies the quantizer by 2^(1/6). libvpx maps the user's 0..63 scale to a quantizer index and
that to a quantizer step, both nonlinear; region offsets are given on the 0..63 scale and added to the index.
The tables of the VP8 and VP9 bitstream definitions (RFC 6386 section 14.1; VP9 specification 8.6.1) are
followed here by two pieces each, linear then geometric, within 6 % of the AC step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from semvid.core.types import FloatArray


@dataclass(frozen=True, slots=True)
class _Scale:
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
        return np.asarray(np.interp(user, self.user_knots, self.index_knots), np.float32)

    def user(self, index: FloatArray) -> FloatArray:
        return np.asarray(np.interp(index, self.index_knots, self.user_knots), np.float32)

    def step(self, index: FloatArray) -> FloatArray:
        beyond = np.maximum(index - self.bend, 0)
        step: FloatArray = (self.linear_base + np.minimum(index, self.bend)) * self.growth**beyond
        return step

    def index_of_step(self, step: FloatArray) -> FloatArray:
        at_bend = self.linear_base + self.bend
        beyond = np.log(np.maximum(step / at_bend, 1)) / np.log(self.growth)
        index: FloatArray = np.minimum(step, at_bend) - self.linear_base + beyond
        return np.clip(index, self.index_knots[0], self.index_knots[-1])

    def native(self, offsets: FloatArray, crf: float) -> FloatArray:
        base = self.index(crf)
        delta = self.index_of_step(self.step(base) * np.exp2(offsets / 6)) - base
        # The delta itself is put through the same 0..63 -> index map before it is added.
        return np.asarray(np.sign(delta) * self.user(np.abs(delta)), np.float32)

    def steps(self, crf: float) -> float:
        return float(6 * np.log2(self.step(self.index(crf))))


_VP8 = _Scale(
    user_knots=(0, 6, 15, 26, 41, 63),
    index_knots=(0, 7, 19, 31, 61, 127),
    linear_base=4,
    bend=54,
    growth=1.0221,
)
_VP9 = _Scale(user_knots=(0, 62, 63), index_knots=(0, 249, 255), linear_base=7, bend=95, growth=1.0182)


def vp8_native(offsets: FloatArray, crf: float) -> FloatArray:
    """QP steps to VP8 deltas (0..63 scale) around ``crf``; shape kept."""
    return _VP8.native(offsets, crf)


def vp9_native(offsets: FloatArray, crf: float) -> FloatArray:
    """QP steps to VP9 deltas (0..63 scale) around ``crf``; shape kept."""
    return _VP9.native(offsets, crf)


def vp8_steps(crf: float) -> float:
    """Quantizer that VP8 has at ``crf``, in QP steps from a quantizer of 1."""
    return _VP8.steps(crf)


def vp9_steps(crf: float) -> float:
    """Quantizer that VP9 has at ``crf``, in QP steps from a quantizer of 1."""
    return _VP9.steps(crf)


def av1_offsets(steps: FloatArray, crf: float) -> FloatArray:
    """QP steps to offsets of AV1's quantizer index (0..255) around ``crf`` of 0..63; shape kept.

    Its table for 8 bits is VP9's (AV1 specification, 7.12.2).
    """
    base = _VP9.index(crf)
    return np.asarray(_VP9.index_of_step(_VP9.step(base) * np.exp2(steps / 6)) - base, np.float32)


def av1_steps(offsets: FloatArray, crf: float) -> FloatArray:
    """Undo ``av1_offsets``."""
    base = _VP9.index(crf)
    step = _VP9.step(np.clip(base + offsets, 0, 255))
    return np.asarray(6 * np.log2(step / _VP9.step(base)), np.float32)
