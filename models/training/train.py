"""Train MS-ROI from the pack: ``python -m semvid.models.training.train --pack FOLDER --out FOLDER``.

The trunk starts from ImageNet weights; everything above stride 4 is trained. Seeded: batch ``i`` is the same
whatever came before, so an interrupted run goes on from its last checkpoint as if nothing had happened.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from semvid.models.architecture import Architecture
from semvid.models.msroi import MsRoi, fold
from semvid.models.training.augment import OBJECTS, Sample, fixation_sample, label_sample, mosaic
from semvid.models.training.losses import fixation_loss, object_loss
from semvid.models.training.pack import Cutout, Example, FixationExample, Pack, load_pack
from semvid.models.training.validate import validate
from semvid.models.training.words import WordPainter
from semvid.models.weights_file import save_weights

_CHANNEL_WEIGHTS = {"person": 1.0, "face": 1.0, "animal": 1.0, "vehicle": 1.0, "object": 0.7, "text": 0.6,
                    "salient": 2.5}  # fmt: skip
_SHAPES = {"wide": (257, 193), "square": (225, 225), "tall": (193, 257)}
"""Sizes of training pictures: the pack's are at most 288 pixels."""
_SOURCE_ODDS = {"caltech101": 0.6, "human_seg291": 2.0, "weizmann_horse": 1.5, "bsds500": 1.5, "camvid": 2.0,
                "sam2_gallery": 2.0, "wikipedia_photos": 2.0, "intel_sample_videos": 1.5}  # fmt: skip
"""How often a picture is drawn, against 1: exact masks and whole scenes more, lone objects less."""
_MOSAIC_SHARE = 0.12
_LEARNING_RATE = {"decoder": 2e-3, "trunk": 2e-4}
_WARM_UP = 200
_AVERAGE = 0.999
"""Decay of the running average of weights, which is what is kept."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Tensors of one step: labelled pictures, then photographs with fixations of a size of their own."""

    pictures: Tensor
    target: Tensor
    weight: Tensor
    density: Tensor
    fixation_pictures: Tensor | None
    fixation_density: Tensor | None


class BatchMaker(Dataset[Batch]):
    """Batch ``i`` of a seeded, endless stream."""

    def __init__(self, pack: Pack, seed: int, num_steps: int, batch_size: int, num_fixations: int) -> None:
        self._seed, self._num_steps = seed, num_steps
        self._batch_size, self._num_fixations = batch_size, num_fixations
        train = [one for one in pack.examples if one.split == "train"]
        self._by_shape: dict[str, list[Example]] = {name: [] for name in _SHAPES}
        for example in train:
            shape = "wide" if example.aspect > 1.15 else "tall" if example.aspect < 0.87 else "square"
            self._by_shape[shape].append(example)
        self._shares = np.array([len(one) for one in self._by_shape.values()]) / len(train)
        self._odds = {
            name: np.cumsum([_SOURCE_ODDS.get(one.source, 1.0) for one in examples])
            for name, examples in self._by_shape.items()
        }
        self._cutouts: list[Cutout] = pack.cutouts
        self._fixations: list[FixationExample] = [one for one in pack.fixations if one.split == "train"]
        self._words = WordPainter()

    def __len__(self) -> int:
        return self._num_steps

    def __getitem__(self, step: int) -> Batch:
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self._seed, step))
        # Wide pictures are what videos are: half of the batches at least.
        name = "wide" if rng.random() < 0.4 else str(rng.choice(list(_SHAPES), p=self._shares))
        samples = [self._sample(name, rng) for _ in range(self._batch_size)]
        looked = [
            fixation_sample(self._fixations[rng.integers(len(self._fixations))], (193, 193), rng)
            for _ in range(self._num_fixations if self._fixations else 0)
        ]
        return Batch(
            pictures=_pictures(samples),
            target=torch.from_numpy(np.stack([one.target for one in samples])),
            weight=torch.from_numpy(np.stack([one.weight for one in samples])),
            density=torch.from_numpy(np.stack([one.density for one in samples])),
            fixation_pictures=_pictures(looked) if looked else None,
            fixation_density=torch.from_numpy(np.stack([one.density for one in looked])) if looked else None,
        )

    def _sample(self, shape: str, rng: np.random.Generator) -> Sample:
        examples, odds = self._by_shape[shape], self._odds[shape]
        tiles = [
            label_sample(
                examples[int(np.searchsorted(odds, rng.uniform(0, odds[-1])))],
                _SHAPES[shape], rng, self._cutouts, self._words,
            )
            for _ in range(4 if rng.random() < _MOSAIC_SHARE else 1)
        ]  # fmt: skip
        return mosaic(tiles) if len(tiles) > 1 else tiles[0]


def _pictures(samples: list[Sample]) -> Tensor:
    return torch.from_numpy(np.stack([one.picture for one in samples])).permute(0, 3, 1, 2)


def load_trunk(network: MsRoi, path: Path) -> None:
    """Fill the trunk with the pack's ImageNet weights."""
    state = {}
    for name, value in load_file(path).items():
        if not name.startswith(("head", "classifier")):
            state[re.sub(r"^block0?(\d+)", r"blocks.\1", name)] = value.float()
    network.trunk.load_state_dict(state)


class Trainer:
    """A network, its optimiser, and the running average of its weights."""

    def __init__(self, network: MsRoi, num_steps: int, device: str) -> None:
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(network).eval().requires_grad_(False)
        self._device, self._num_steps = device, num_steps
        trunk = list(network.trunk.parameters())
        inside = {id(one) for one in trunk}
        decoder = [one for one in network.parameters() if id(one) not in inside]
        network.trunk.stem.requires_grad_(False)
        network.trunk.blocks[: network.trunk.NUM_EARLY].requires_grad_(False)
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [one for one in trunk if one.requires_grad], "base": _LEARNING_RATE["trunk"]},
                {"params": decoder, "base": _LEARNING_RATE["decoder"]},
            ],
            weight_decay=1e-4,
        )
        self._channel_weights = torch.tensor([_CHANNEL_WEIGHTS[name] for name in OBJECTS], device=device)

    def step(self, index: int, batch: Batch) -> dict[str, float]:
        """Learn from one batch; returns the losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * _schedule(index, self._num_steps)
        self.network.train()
        with torch.autocast(self._device, torch.bfloat16):
            objects, looked = self._forward(batch.pictures)
            loss_objects = object_loss(
                objects.float(), self._to(batch.target), self._to(batch.weight), self._channel_weights
            )
            loss_looked = fixation_loss(looked.float(), self._to(batch.density))
            if batch.fixation_pictures is not None and batch.fixation_density is not None:
                _, looked = self._forward(batch.fixation_pictures)
                loss_looked = loss_looked + fixation_loss(looked.float(), self._to(batch.fixation_density))
        self.optimiser.zero_grad(set_to_none=True)
        (loss_objects + 0.1 * loss_looked).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 5.0)
        self.optimiser.step()
        decay = min(_AVERAGE, (1 + index) / (10 + index))
        with torch.no_grad():
            for kept, new in zip(
                self.average.state_dict().values(), self.network.state_dict().values(), strict=True
            ):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1 - decay)
                else:
                    kept.copy_(new)
        return {"objects": float(loss_objects.detach()), "fixation": float(loss_looked.detach())}

    def _forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        x = self._to(pictures).float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)
        with torch.no_grad():
            early = self.network.trunk.early(x)
        logits: tuple[Tensor, Tensor] = self.network.logits(early)
        return logits

    def _to(self, tensor: Tensor) -> Tensor:
        return tensor.to(self._device, non_blocking=True)

    def state(self) -> dict[str, Any]:
        """Everything needed to go on."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from ``state``."""
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])


def _schedule(step: int, num_steps: int) -> float:
    """Linear warm-up, then half a cosine to zero."""
    if step < _WARM_UP:
        return (step + 1) / _WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (step - _WARM_UP) / max(1, num_steps - _WARM_UP)))


def _batches(maker: BatchMaker, first: int, workers: int) -> Iterator[Batch]:
    loader = DataLoader(
        maker, batch_size=None, sampler=range(first, len(maker)), num_workers=workers,
        prefetch_factor=3 if workers else None,
    )  # fmt: skip
    return iter(loader)


def main() -> None:
    """Train, validate, and write ``OUT/msroi.safetensors``, ``OUT/log.jsonl``, ``OUT/checkpoint.pt``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True, help="folder of the training pack")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch-size", type=int, default=12)
    parser.add_argument("--fixations", type=int, default=4, help="photographs with fixations per step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--terms", choices=["all", "open"], default="all")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    pack = load_pack(arguments.pack, open_terms_only=arguments.terms == "open")
    network = MsRoi(Architecture("msroi"), normalise=True)
    load_trunk(network, arguments.pack / "mobilenet_v2_imagenet.safetensors")
    trainer = Trainer(network, arguments.steps, arguments.device)
    arguments.out.mkdir(parents=True, exist_ok=True)
    checkpoint, first = arguments.out / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        trainer.restore(saved["state"])
        first = saved["step"]
    maker = BatchMaker(pack, arguments.seed, arguments.steps, arguments.batch_size, arguments.fixations)
    options = {key: str(value) for key, value in vars(arguments).items() if key not in {"pack", "out"}}
    started, losses = time.monotonic(), dict.fromkeys(("objects", "fixation"), 0.0)
    for step, batch in enumerate(_batches(maker, first, arguments.workers), first):
        for name, value in trainer.step(step, batch).items():
            losses[name] += value / arguments.every
        done = step + 1
        if done % arguments.every and done != arguments.steps:
            continue
        folded = fold(trainer.average)
        entry: dict[str, Any] = {"step": done, "seconds": round(time.monotonic() - started), "loss": losses,
                 "val": validate(folded, pack)}  # fmt: skip
        losses = dict.fromkeys(losses, 0.0)
        with (arguments.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(entry) + "\n")
        print(json.dumps(entry), flush=True)
        save_weights(
            arguments.out / "msroi.safetensors", folded, data_sha256=pack.digest,
            training={**options, "step": done},
            scores=entry["val"],
        )  # fmt: skip
        torch.save({"step": done, "state": trainer.state()}, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)


if __name__ == "__main__":
    main()
