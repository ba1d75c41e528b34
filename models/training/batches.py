"""The seeded stream of batches a network is trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from semvid.models.training.augment import Sample, fixation_sample, label_sample, mosaic
from semvid.models.training.pack import Cutout, Example, FixationExample, Pack
from semvid.models.training.recipe import Recipe, Size
from semvid.models.training.words import WordPainter

_MOSAIC_SHARE = 0.12


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step: labelled pictures, then photographs with fixations, of another size."""

    pictures: Tensor
    target: Tensor
    weight: Tensor
    trust: Tensor
    density: Tensor
    fixation_pictures: Tensor | None
    fixation_density: Tensor | None


class BatchMaker(Dataset[Batch]):
    """Batch ``i`` of a seeded, endless stream."""

    def __init__(
        self, pack: Pack, seed: int, num_steps: int, batch_size: int, num_fixations: int, recipe: Recipe
    ) -> None:
        self._recipe = recipe
        self._seed, self._num_steps = seed, num_steps
        self._batch_size, self._num_fixations = batch_size, num_fixations
        train = [one for one in pack.examples if one.split == "train"]
        self._by_shape: dict[str, list[Example]] = {name: [] for name in recipe.sizes}
        for example in train:
            shape = "wide" if example.aspect > 1.15 else "tall" if example.aspect < 0.87 else "square"
            self._by_shape[shape].append(example)
        self._shares = np.array([len(one) for one in self._by_shape.values()]) / len(train)
        self._odds = {
            name: np.cumsum([recipe.odds(one) for one in examples])
            for name, examples in self._by_shape.items()
        }
        self._cutouts = balanced(pack.cutouts, recipe.group_odds)
        self._fixations: list[FixationExample] = [one for one in pack.fixations if one.split == "train"]
        self._words = WordPainter()

    def __len__(self) -> int:
        return self._num_steps

    def __getitem__(self, step: int) -> Batch:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self._seed, step))
        # Wide pictures are what videos are: half of the batches at least.
        name = "wide" if rng.random() < 0.4 else str(rng.choice(list(self._by_shape), p=self._shares))
        sizes = self._recipe.sizes[name]
        size = sizes[int(rng.integers(len(sizes))) if len(sizes) > 1 else 0]
        samples = [self._sample(name, size, rng) for _ in range(self._batch_size)]
        looked = [
            fixation_sample(self._fixations[rng.integers(len(self._fixations))], (193, 193), rng)
            for _ in range(self._num_fixations if self._fixations else 0)
        ]
        return Batch(
            pictures=_pictures(samples),
            target=torch.from_numpy(np.stack([one.target for one in samples])),
            weight=torch.from_numpy(np.stack([one.weight for one in samples])),
            trust=torch.from_numpy(np.stack([one.trust for one in samples])),
            density=torch.from_numpy(np.stack([one.density for one in samples])),
            fixation_pictures=_pictures(looked) if looked else None,
            fixation_density=torch.from_numpy(np.stack([one.density for one in looked])) if looked else None,
        )

    def _sample(self, shape: str, size: Size, rng: np.random.Generator) -> Sample:
        examples, odds = self._by_shape[shape], self._odds[shape]
        tiles = [
            label_sample(
                examples[int(np.searchsorted(odds, rng.uniform(0, odds[-1])))],
                size, rng, self._cutouts, self._words, self._recipe,
            )
            for _ in range(4 if rng.random() < _MOSAIC_SHARE else 1)
        ]  # fmt: skip
        return mosaic(tiles) if len(tiles) > 1 else tiles[0]


def balanced(cutouts: list[Cutout], odds: Mapping[str, float]) -> list[Cutout]:
    """Repeat cut-outs, so that one drawn at random is of each group about as often as ``odds`` say."""
    groups = {name: [one for one in cutouts if one.group == name] for name in odds}
    found = {name: ones for name, ones in groups.items() if ones}
    if not found:
        return cutouts
    unit = max(len(ones) / odds[name] for name, ones in found.items())
    return [one for name, ones in found.items() for one in ones * round(unit * odds[name] / len(ones))]


def _pictures(samples: list[Sample]) -> Tensor:
    return torch.from_numpy(np.stack([one.picture for one in samples])).permute(0, 3, 1, 2)
