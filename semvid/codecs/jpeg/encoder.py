"""Encodes a picture and its map as a baseline JPEG."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from semvid.allocate.blocks import area_mean
from semvid.codecs.jpeg.borders import mend_borders, smooth_blocks
from semvid.codecs.jpeg.choice import (
    Counts,
    Each,
    LevelArray,
    Prices,
    choose_levels,
    round_levels,
    typical_counts,
)
from semvid.codecs.jpeg.dct import block_shape, scan_order, to_blocks
from semvid.codecs.jpeg.planes import SHIFTS, Planes
from semvid.codecs.jpeg.tables import TableArray, quality_at, scaled_tables, step_scale
from semvid.codecs.jpeg.tuning import TUNINGS, ComponentTuning, Tuned, Tuning
from semvid.codecs.jpeg.writer import write_jpeg
from semvid.core.config import JPEG_QUALITY, AllocationConfig, ImageConfig
from semvid.core.errors import ConfigError
from semvid.core.records import dataclass
from semvid.core.text import counted
from semvid.core.types import FloatArray

_STILL = ImageConfig()
_SIZE_STEPS = 14
_COARSEST, _FINEST = 1.0, 100.0
"""Qualities."""
_USUAL_GROWTH = 1.5
"""Octaves of the step for an octave of bytes, at most as a rule."""
_CLOSE_ENOUGH = 0.997
"""Of the bytes asked for."""
_SCORE_STEPS = 12
_SCORE_WINDOW = 0.3
"""By which a score may be better than asked for."""
_USUAL_SLOPE = 0.5
"""Points of a score that a step of quality is worth."""
_ROUNDS = 3
"""Beyond three, files change by less than 0.1 %."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How coefficients are chosen."""

    quality: float = JPEG_QUALITY.value
    """Of the quantization tables, 1..100."""
    price: float | None = _STILL.price
    """Weighted squared error a bit may cost where importance is 1, in squares of the luma DC step; 0 = round;
    None = the tuning's own."""
    background_weight: float = _STILL.background_weight
    """Weight of squared error where importance is 0; where it is 1 the weight is 1 more."""
    strength: float = AllocationConfig().strength
    """0 = everything matters equally; more than 1 exaggerates."""
    mends_borders: bool = True
    """Whether blocks are chosen again whose borders show, as the tuning says; measured for stills only."""


class PictureCoder:
    """Transforms a picture once and codes it as often as asked.

    Args:
        planes: The picture.
        importance: ``(h, w)`` in 0..1, stretched over it; None = everything matters equally.
        tuning: What error means.
        each: As for ``choose_levels``.

    Attributes:
        counts: Of the last choice, one a component, before borders were mended.
        sampling: Of chroma.
    """

    def __init__(
        self,
        planes: Planes,
        importance: FloatArray | None,
        tuning: Tuning = TUNINGS[_STILL.tune],
        each: Each = map,
    ) -> None:
        self.counts: list[Counts] = []
        self.sampling = planes.sampling
        self._planes, self._importance, self._tuning = planes, importance, tuning
        self._shapes = [block_shape(one.shape[1], one.shape[0]) for one in planes.components]
        self._each = each
        transformed = list(each(to_blocks, planes.components, self._shapes))
        self._blocks = [blocks for blocks, _ in transformed]
        self._energies = [energy for _, energy in transformed]
        across, down = SHIFTS[planes.sampling]
        self._scans = [
            scan_order(shape, *((across, down) if index == 0 else (0, 0)))
            for index, shape in enumerate(self._shapes)
        ]

    def masking(self, choice: Choice) -> list[tuple[FloatArray, FloatArray]]:
        """Return how much squared error weighs where everything matters equally, in AC and in DC."""
        tuned = self._tuned(choice)
        return [masking_weights(one, tuned.of(number)) for number, one in enumerate(self._energies)]

    def weights(self, choice: Choice) -> list[tuple[FloatArray, FloatArray]]:
        """Return how much squared error weighs in the blocks of each component, in AC and in DC.

        That is importance times masking.
        """
        tuned = self._tuned(choice)
        strength, background = np.float32(choice.strength), np.float32(choice.background_weight)
        even = np.float32(self._tuning.even_share ** self._evenness(choice))
        weights = []
        for plane, (of_ac, of_dc) in zip(self._planes.components, self.masking(choice), strict=True):
            share: FloatArray | np.float32 = even
            if self._importance is not None and strength > 0:
                matters = area_mean(self._importance, plane.shape[1], plane.shape[0], 8).ravel()
                share = even * ((background + matters) / (1 + background)) ** strength
            weights.append((
                of_ac * share ** np.float32(tuned.contrast), of_dc * share ** np.float32(tuned.dc_contrast),
            ))  # fmt: skip
        return weights

    def _evenness(self, choice: Choice) -> float:
        return 1.0 if self._importance is None else max(1 - choice.strength, 0.0)

    def _tuned(self, choice: Choice) -> Tuned:
        return self._tuning.at(choice.quality, self._evenness(choice))

    def choose(
        self, choice: Choice, known: Sequence[Counts] = ()
    ) -> tuple[list[LevelArray], tuple[TableArray, TableArray]]:
        """Choose the levels of all components; ``counts`` are those of their symbols then.

        Args:
            choice: How.
            known: Symbol counts of a similar picture, one a component: one round will do then.
        """
        tuned = self._tuned(choice)
        tables, worth = tuned.tables(), tuned.worth_of_bit(choice.price)
        weights = self.weights(choice)
        border_weight = self._tuning.border_weight if choice.mends_borders else 0
        levels, self.counts = [], []
        for index, blocks in enumerate(self._blocks):
            steps = tables[min(index, 1)].astype(np.float32)
            if choice.price == 0:
                levels.append(round_levels(blocks, steps))
                continue
            of_ac, of_dc = weights[index]
            of_coefficients, prices = tuned.of(index).weights(), Prices(worth / of_ac, worth / of_dc)
            chosen, counts = choose_levels(
                blocks, steps, of_coefficients, prices,
                self._scans[index], known[index] if known else typical_counts(), 1 if known else _ROUNDS,
                tuned.of(index).emptiness, self._each,
            )  # fmt: skip
            if border_weight > 0:
                mend_borders(
                    chosen, blocks, steps, of_coefficients, prices, self._scans[index], counts,
                    self._smooth[index], self._shapes[index][1], border_weight, tuned.of(index).emptiness,
                )  # fmt: skip
            levels.append(chosen)
            self.counts.append(counts)
        return levels, tables

    @cached_property
    def _smooth(self) -> list[NDArray[np.bool_]]:
        return smooth_blocks(self._blocks, self._energies, self._shapes)

    def encode(self, choice: Choice, known: Sequence[Counts] = ()) -> bytes:
        """Choose and write; arguments as for ``choose``."""
        return self.write(*self.choose(choice, known))

    def write(self, levels: Sequence[LevelArray], tables: tuple[TableArray, TableArray]) -> bytes:
        """Write what ``choose`` returned."""
        return write_jpeg(levels, self._shapes, tables, self._planes.size, self._planes.sampling)

    def encode_plain(self, quality: int) -> bytes:
        """Code as libjpeg-turbo would: its tables, every coefficient rounded, Huffman codes optimised."""
        tables = scaled_tables(quality)
        levels = [
            round_levels(blocks, tables[min(index, 1)].astype(np.float32))
            for index, blocks in enumerate(self._blocks)
        ]
        return self.write(levels, tables)


def masking_weights(energy: FloatArray, tuning: ComponentTuning) -> tuple[FloatArray, FloatArray]:
    """Return how much squared error weighs in each block, in AC and in DC; the geometric means are 1.

    It falls with the block's own AC energy: texture hides errors, and faint texture would else be the first
    to go. Mozjpeg's trellis does alike.

    Args:
        energy: ``(n,)`` mean squares of the AC coefficients of blocks.
        tuning: Of the component.
    """
    logarithm = np.log(energy + np.float32(tuning.masking_floor))
    logarithm -= logarithm.mean()
    return np.exp(-tuning.masking * logarithm), np.exp(-tuning.dc_masking * logarithm)


def fill_size(
    encode: Callable[[Choice], bytes], base: Choice, target: int, *, close: float = _CLOSE_ENOUGH
) -> tuple[bytes, float]:
    """Find the quality that fills ``target`` bytes, to the share ``close`` of them, without going over.

    Args:
        encode: Encodes the picture.
        base: Where to begin, and all but the quality.
        target: Bytes at most.
        close: Share of them that is enough.

    Returns:
        The picture and its quality: the largest that fits of those tried.

    Raises:
        ConfigError: Even the coarsest tables need more.
    """
    best: tuple[bytes, float] | None = None
    # Logarithms of step and size: the finest tried that fits, and the coarsest that does not.
    below: tuple[float, float] | None = None
    above: tuple[float, float] | None = None
    aim, quality = math.log(target * (1 + close) / 2), base.quality
    for _ in range(_SIZE_STEPS):
        coded = encode(replace(base, quality=quality))
        tried = math.log(step_scale(quality)), math.log(len(coded))
        if len(coded) <= target:
            below = tried
            if best is None or len(coded) >= len(best[0]):
                best = coded, quality
            if quality == _FINEST or len(coded) >= close * target:
                break
        else:
            above = tried
            if quality == _COARSEST:
                break
        if above and below:
            share = (above[1] - aim) / max(above[1] - below[1], 1e-9)
            log_step = above[0] + min(max(share, 0.1), 0.9) * (below[0] - above[0])
        else:
            # Beyond what it seems to take, so that it lies between the two.
            log_step = tried[0] + _USUAL_GROWTH * (tried[1] - aim) + math.copysign(0.05, tried[1] - aim)
        quality = _FINEST if log_step <= math.log(step_scale(_FINEST)) else quality_at(math.exp(log_step))
    if best is None:
        coarsest = encode(replace(base, quality=_COARSEST))
        if len(coarsest) > target:
            few = counted(target, "byte is", "bytes are")
            needed = f"this picture needs {len(coarsest)}"
            raise ConfigError(f"{few} out of reach; {needed}: allow more, or shrink it")
        best = coarsest, _COARSEST
    return best


def fill_score(
    encode: Callable[[Choice], bytes], score: Callable[[bytes], float], base: Choice, wanted: float
) -> tuple[bytes, float, float]:
    """Find the lowest quality at which a picture has a score, to 0.3 above it.

    Args:
        encode: Encodes the picture.
        score: Scores what was encoded; higher = better.
        base: Where to begin, and all but the quality.
        wanted: The score.

    Returns:
        The picture, its quality and its score, which is lower than wanted if that is out of reach.
    """
    aim = wanted + _SCORE_WINDOW / 2
    below: tuple[float, float] | None = None
    above: tuple[float, float] | None = None
    last: tuple[float, float] | None = None
    slope = _USUAL_SLOPE
    best, quality = (b"", 0.0, -math.inf), base.quality
    for _ in range(_SCORE_STEPS):
        coded = encode(replace(base, quality=quality))
        found = score(coded)
        is_nearer = best[2] < wanted or wanted <= found < best[2]
        if (found >= wanted or found > best[2]) and is_nearer:
            best = coded, quality, found
        if wanted <= found <= wanted + _SCORE_WINDOW:
            break
        if last is not None:
            slope = max((found - last[1]) / (quality - last[0]), _USUAL_SLOPE / 8)
        is_same_side = last is not None and (last[1] < aim) == (found < aim)
        last = quality, found
        if found < aim:
            below = quality, found
        else:
            above = quality, found
        if below and above:
            share = (aim - below[1]) / max(above[1] - below[1], 1e-9)
            # Twice on one side: it is curved, and a line would never come from the other.
            share = 0.5 if is_same_side else min(max(share, 0.1), 0.9)
            guess = below[0] + share * (above[0] - below[0])
        else:
            # Beyond what it seems to take, so that it lies between the two.
            guess = quality + 1.5 * (aim - found) / slope + math.copysign(0.5, aim - found)
        guess = min(max(guess, 1.0), 100.0)
        if guess == quality:
            break
        quality = guess
    return best
