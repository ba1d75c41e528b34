"""Makes maps finer by parts of a quantizer step, for encoders that take whole steps and whole qualities."""

from __future__ import annotations

import math

import numpy as np

from semvid.allocate.blocks import LevelArray
from semvid.codecs.ffmpeg.spec import EncoderSpec

_SPREAD = (math.sqrt(5) - 1) / 2
"""Multiples of it, without their whole parts, are spread evenly however many there are."""

_REACH = 1.5
"""How much finer than the next whole CRF a map has to be, to make a video as large as that does: maps reach
neither VP9's key frames nor what an encoder decides for whole frames."""


def finer_by(spec: EncoderSpec, crf: float, remainder: float) -> float:
    """Return how many of the encoder's steps finer a map stands for a part of a CRF.

    Args:
        spec: The encoder.
        crf: The whole CRF that the video is coded at.
        remainder: What the quality is beyond that, -1 to 0.
    """
    steps = _REACH * (spec.crf_steps(crf + remainder) - spec.crf_steps(crf))
    return -float(spec.to_native(np.array([steps], np.float32), crf)[0])


class PartSteps:
    """Moves the levels of maps by a number of steps that need not be whole.

    Only some blocks move the last step: those above a line across the picture, or those of some levels where
    a frame has too many already. They are the same blocks in all frames, because a block whose quantizer goes
    to and fro is coded again each time: half a step in every other frame makes a still picture larger than no
    step at all makes it.

    Args:
        steps: By which everything is to be finer, 0 or more.
        max_levels: Distinct non-zero levels a frame can have; None = any.
        max_rectangles: Rectangles a frame can have.
        finest: The lowest level there is.
    """

    def __init__(self, steps: float, max_levels: int | None, max_rectangles: int, finest: int) -> None:
        self._steps, self._max_rectangles, self._finest = steps, max_rectangles, finest
        self._max_levels = max_levels
        self._most_split: float = math.inf
        """Levels up to this one are split by the line; it only falls, for the same reason."""

    def apply(self, cover: LevelArray) -> LevelArray:
        """Return rectangles like those of ``LevelQuantizer``, finer."""
        if not self._steps:
            return cover
        while True:
            finer = self._finer(cover)
            levels = np.unique(finer[:, 4])
            if len(finer) <= self._max_rectangles and (
                self._max_levels is None or np.count_nonzero(levels) <= self._max_levels
            ):
                return finer
            split = cover[cover[:, 4] <= self._most_split, 4]
            if not split.size:
                return finer
            self._most_split = int(split.max()) - 1

    def _finer(self, cover: LevelArray) -> LevelArray:
        levels = cover[:, 4]
        is_split = levels <= self._most_split
        # Blocks at level 0 are coded in another way than others, and have most of the bits: they come last.
        by_level = np.floor(self._steps + levels * _SPREAD % 1).astype(np.int32)
        whole = math.floor(self._steps)
        line = round((self._steps - whole) * int(cover[:, 1].max()))
        above, below = cover.copy(), cover.copy()
        above[is_split, 1] = np.minimum(above[is_split, 1], line)
        below[:, 0] = np.where(is_split, np.maximum(below[:, 0], line), below[:, 1])
        above[:, 4] -= np.where(is_split, whole + 1, by_level)
        below[:, 4] -= whole
        # Each in its own part of the picture, so the first that covers a block still decides.
        pairs = np.stack([above, below], 1).reshape(-1, 5)
        pairs[:, 4] = np.maximum(pairs[:, 4], self._finest)
        return pairs[pairs[:, 1] > pairs[:, 0]]
