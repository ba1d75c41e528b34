"""Fits a rate model to what was encoded, by the formula of ``semvid.allocate.rate_model``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from semvid.allocate.blocks import block_differences
from semvid.allocate.rate_model import _SPATIAL_FLOOR, _TEMPORAL_FLOOR, BitCurve, RateModel
from semvid.codecs.ffmpeg.allocator import _FRESH_SHARE
from semvid.codecs.registry import find_codec
from semvid.engine.stages import only_frames
from semvid.media.reading.reader import VideoReader

EVERY = 16
"""Frames of which one is kept for the fit, after the first."""
_ROBUST = 0.25
"""Base-2 logarithm of a ratio of sizes: errors beyond count less and less."""
_SHARE_WEIGHT = 0.01
"""What the share of the first frame counts for."""
START = (1.0, -5.0, 1.0, -6.0, 0.2, 0.3, -4.0, 1.6, -7.0, 0.9)


@dataclass
class Encode:
    """A mapped encode, the plain one of the same CRF, and what the model needs to predict their ratio."""

    sequence: str
    group: str
    maps: str
    match: str
    crf: float
    ratio: float
    """Of the sizes of the video streams, mapped by plain."""
    first_share: float
    """Of the bytes of the plain encode that are in the first frame."""
    gradient: NDArray[np.float32]
    """``(frames, rows, cols)``; only kept frames, the first of the sequence in front."""
    difference: NDArray[np.float32]
    """Averaged over frames as the allocator does."""
    offsets: NDArray[np.float32]
    """As coded."""
    weights: NDArray[np.float32]
    """Of the kept frames."""


def features(clip: Path, block_size: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return gradients and averaged differences of all frames, ``(frames, rows, cols)``."""
    gradients, differences = [], []
    previous = averaged = None
    with VideoReader(clip) as reader:
        for frame in only_frames(reader.read()):
            gradient, fresh = block_differences(frame.half_luma, previous, *frame.size, block_size)
            previous = frame.half_luma
            if averaged is None or fresh is None:
                averaged = fresh
            else:
                averaged = averaged + _FRESH_SHARE * (fresh - averaged)
            gradients.append(gradient)
            differences.append(np.zeros_like(gradient) if averaged is None else averaged)
    return np.stack(gradients), np.stack(differences)


def load_encodes(cache: Path, codec: str) -> list[Encode]:
    """Read everything that was encoded."""
    encodes, block_size = [], find_codec(codec).block_size
    for path in sorted((cache / "res").glob(f"*--{codec}.npz")):
        name, folder = path.name.partition("--")[0], cache / "seq" / path.name.partition("--")[0]
        gradient, difference = features(folder / "clip.mkv", block_size)
        kept = np.r_[0, np.arange(1, len(gradient), EVERY)]
        weights = np.r_[1, np.full(len(kept) - 1, (len(gradient) - 1) / (len(kept) - 1))].astype(np.float32)
        found = np.load(path)
        for key in found.files:
            if not key.endswith("/coded"):
                continue
            maps, match, crf, _ = key.split("/")
            plain, mapped = found[f"plain/{crf}/sizes"], found[f"{maps}/{match}/{crf}/sizes"]
            encodes.append(
                Encode(
                    name, (folder / "group").read_text(), maps, match, float(crf),
                    mapped.sum() / plain.sum(), plain[0] / plain.sum(), gradient[kept], difference[kept],
                    found[key][kept].astype(np.float32), weights,
                )
            )  # fmt: skip
    return encodes


class _Blocks:
    """All blocks of some encodes in one row."""

    def __init__(self, encodes: Sequence[Encode], codec: str) -> None:
        spec = find_codec(codec)

        def row(values: Sequence[NDArray[Any]]) -> torch.Tensor:
            return torch.tensor(np.concatenate([one.ravel() for one in values]), dtype=torch.float32)

        def spread(one: Encode, values: NDArray[Any]) -> NDArray[Any]:
            return np.broadcast_to(values[:, None, None], one.offsets.shape)

        self.gradient = torch.log2(row([one.gradient for one in encodes]) + _SPATIAL_FLOOR)
        self.difference = torch.log2(row([one.difference for one in encodes]) + _TEMPORAL_FLOOR)
        self.offsets = row([one.offsets for one in encodes]) / 6
        self.weights = row([spread(one, one.weights) for one in encodes])
        self.is_first = row([spread(one, np.arange(len(one.weights)) == 0) for one in encodes]) > 0
        default = spec.crf_steps(spec.crf.default)
        octaves = [(spec.crf_steps(one.crf) - default) / 6 for one in encodes]
        self.octaves = row(
            [np.full(one.offsets.size, each) for one, each in zip(encodes, octaves, strict=True)]
        )
        self.encode = row([np.full(one.offsets.size, index) for index, one in enumerate(encodes)]).long()
        self.ratio = torch.log2(torch.tensor([one.ratio for one in encodes], dtype=torch.float32))
        self.first_share = torch.tensor([one.first_share for one in encodes], dtype=torch.float32)
        relatives: dict[str, set[str]] = {}
        for one in encodes:
            relatives.setdefault(one.group, set()).add(one.sequence)
        self.counts = torch.tensor([len(relatives[one.group]) ** -0.5 for one in encodes])

    def bits(self, constants: torch.Tensor, *, with_offsets: bool) -> torch.Tensor:
        a, level, slope, least, b, difference, later_level, later_slope, later_least, coarser = constants
        step = self.octaves
        if with_offsets:
            step = step + torch.where(self.offsets > 0, coarser, torch.ones(())) * self.offsets
        first = _soft(slope * (a * self.gradient + level - step)) / slope + 2**least
        detail = b * self.gradient + difference * self.difference + later_level
        later = _soft(later_slope * (detail - step)) / later_slope + 2**later_least
        return self.weights * torch.where(self.is_first, first, later)

    def predict(self, constants: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the binary logarithm of ratios, and the shares of the first frame."""
        none = torch.zeros(len(self.ratio))
        plain = self.bits(constants, with_offsets=False)
        total = none.index_add(0, self.encode, plain)
        coded = none.index_add(0, self.encode, self.bits(constants, with_offsets=True))
        first = none.index_add(0, self.encode, plain * self.is_first)
        return torch.log2(coded / total), first / total


def _soft(octaves: torch.Tensor) -> torch.Tensor:
    """``log2(1 + 2 ** x)``."""
    return torch.nn.functional.softplus(octaves * np.log(2)) / np.log(2)


def fit(
    encodes: Sequence[Encode], codec: str, start: Sequence[float] = START, steps: int = 50
) -> list[float]:
    """Fit the constants of an encoder, in the order of ``START``."""
    blocks = _Blocks(encodes, codec)
    constants = torch.tensor(start, dtype=torch.float32, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [constants], max_iter=steps, line_search_fn="strong_wolfe", tolerance_change=1e-7
    )

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        ratio, share = blocks.predict(constants)
        errors = torch.log1p(((ratio - blocks.ratio) / _ROBUST) ** 2) * _ROBUST**2
        shares = (torch.log2(share + 0.02) - torch.log2(blocks.first_share + 0.02)) ** 2
        value = (blocks.counts * (errors + _SHARE_WEIGHT * shares)).sum() / blocks.counts.sum()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    return [round(float(one), 3) for one in constants.detach()]


def model_of(constants: Sequence[float]) -> RateModel:
    """Bring fitted constants to the form of the library."""
    a, level, slope, least, b, difference, later_level, later_slope, later_least, coarser = constants
    return RateModel(
        first=BitCurve(a, 0.0, level, slope, least),
        later=BitCurve(b, difference, later_level, later_slope, later_least),
        coarser=coarser,
    )
