"""Train MS-ROI from the pack: ``python -m semvid.models.training.train --pack FOLDER --out FOLDER``.

The trunk starts from ImageNet weights; everything above stride 4 is trained. Seeded: batch ``i`` is the same
whatever came before, so an interrupted run goes on from its last checkpoint as if nothing had happened.

With ``--teacher WEIGHTS`` labels that other networks made are averaged with what the teacher sees, and
channels without a label are learned from it: a round of self-training, or the making of ``msroi-fast`` from
``msroi``. The teacher sees pictures at full size, ``msroi-fast`` the same ones shrunk.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from torch.utils.data import DataLoader

from semvid.models.architecture import ARCHITECTURES
from semvid.models.msroi import MsRoi, fold
from semvid.models.training.augment import OBJECTS
from semvid.models.training.batches import Batch, BatchMaker
from semvid.models.training.curves import draw_curves
from semvid.models.training.losses import fixation_loss, object_loss
from semvid.models.training.pack import load_pack
from semvid.models.training.validate import validate
from semvid.models.weights_file import open_weights, save_weights

_CHANNEL_WEIGHTS = {"person": 1.0, "face": 1.0, "animal": 1.0, "vehicle": 1.0, "object": 0.7, "text": 0.6,
                    "salient": 2.5}  # fmt: skip
_LEARNING_RATE = {"decoder": 2e-3, "trunk": 2e-4}
_WARM_UP = 200
_TAUGHT_WEIGHT = 0.5
"""Weight of a channel that only the teacher knows."""
_AVERAGE = 0.999
"""Decay of the running average of weights, which is what is kept."""


def load_trunk(network: MsRoi, path: Path) -> None:
    """Fill the trunk with the pack's ImageNet weights."""
    state = {}
    for name, value in load_file(path).items():
        if not name.startswith(("head", "classifier")):
            state[re.sub(r"^block0?(\d+)", r"blocks.\1", name)] = value.float()
    network.trunk.load_state_dict(state)


class Trainer:
    """A network, its optimiser, and the running average of its weights."""

    def __init__(self, network: MsRoi, num_steps: int, device: str, teacher: MsRoi | None) -> None:
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
        self._teacher = teacher
        self._input_share = network.architecture.input_width / ARCHITECTURES["msroi"].input_width
        self._channel_weights = torch.tensor([_CHANNEL_WEIGHTS[name] for name in OBJECTS], device=device)

    def step(self, index: int, batch: Batch) -> dict[str, float]:
        """Learn from one batch; returns the losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * _schedule(index, self._num_steps)
        self.network.train()
        with torch.autocast(self._device, torch.bfloat16):
            target, weight = self._labels(batch)
            objects, looked = self._forward(batch.pictures)
            loss_objects = object_loss(
                objects.float(), _resized(target, objects), _resized(weight, objects), self._channel_weights
            )
            loss_looked = fixation_loss(looked.float(), self._density(batch.density, looked))
            if batch.fixation_pictures is not None and batch.fixation_density is not None:
                _, looked = self._forward(batch.fixation_pictures)
                density = self._density(batch.fixation_density, looked)
                loss_looked = loss_looked + fixation_loss(looked.float(), density)
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

    def _labels(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Target and weight, mixed with what the teacher sees if there is one."""
        target, weight = self._to(batch.target), self._to(batch.weight)
        if self._teacher is None:
            return target, weight
        with torch.no_grad():
            seen = self._teacher(self._input(batch.pictures, 1.0))[:, : len(OBJECTS)].float()
        trust, known = self._to(batch.trust)[:, None], (weight > 0).float()
        mixed = known * (trust * target + (1 - trust) * seen) + (1 - known) * seen
        return mixed, torch.where(weight > 0, weight, torch.full_like(weight, _TAUGHT_WEIGHT))

    def _density(self, density: Tensor, like: Tensor) -> Tensor:
        resized = _resized(self._to(density)[:, None], like)[:, 0]
        return resized / resized.sum((1, 2), keepdim=True).clamp_min(1e-12)

    def _input(self, pictures: Tensor, share: float) -> Tensor:
        x = self._to(pictures).float().div(127.5).sub(1)
        if share != 1:
            sides = [32 * max(2, round((side - 1) * share / 32)) + 1 for side in pictures.shape[-2:]]
            x = functional.interpolate(x, sides, mode="bilinear", align_corners=True, antialias=True)
        return x.contiguous(memory_format=torch.channels_last)

    def _forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        x = self._input(pictures, self._input_share)
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


def _resized(labels: Tensor, like: Tensor) -> Tensor:
    """Labels on the cells of another grid: first cell on first cell, last on last."""
    if labels.shape[-2:] == like.shape[-2:]:
        return labels
    return functional.interpolate(labels, like.shape[-2:], mode="bilinear", align_corners=True)


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
    """Train, validate, and write weights, ``log.jsonl``, ``curves.png`` and ``checkpoint.pt`` to ``OUT``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pack", type=Path, required=True, help="folder of the training pack")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--network", choices=sorted(ARCHITECTURES), default="msroi")
    parser.add_argument("--teacher", help="weights file of a trained network")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--batch-size", type=int, default=12)
    parser.add_argument("--fixations", type=int, default=3, help="photographs with fixations per step")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--terms",
        choices=["all", "open"],
        default="open",
        help="rows of the pack to learn from: those under open licences, or all",
    )
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--every", type=int, default=500, help="steps between checkpoints")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    pack = load_pack(arguments.pack, open_terms_only=arguments.terms == "open")
    network = MsRoi(ARCHITECTURES[arguments.network], normalise=True)
    teacher = None
    if arguments.teacher:
        file = open_weights(arguments.teacher)
        teacher = file.load().to(arguments.device).requires_grad_(False)
        network.trunk.load_state_dict(teacher.trunk.state_dict())
    else:
        load_trunk(network, arguments.pack / "mobilenet_v2_imagenet.safetensors")
    trainer = Trainer(network, arguments.steps, arguments.device, teacher)
    arguments.out.mkdir(parents=True, exist_ok=True)
    checkpoint, first = arguments.out / "checkpoint.pt", 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        trainer.restore(saved["state"])
        first = saved["step"]
    maker = BatchMaker(pack, arguments.seed, arguments.steps, arguments.batch_size, arguments.fixations)
    options = {key: str(value) for key, value in vars(arguments).items() if key not in {"pack", "out"}}
    options["teacher"] = f"SHA-256 {file.sha256}" if teacher else "None"
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
        draw_curves(arguments.out / "log.jsonl", arguments.out / "curves.png")
        print(json.dumps(entry), flush=True)
        save_weights(
            arguments.out / f"{arguments.network}.safetensors", folded, data_sha256=pack.digest,
            training={**options, "step": done},
            scores=entry["val"],
        )  # fmt: skip
        torch.save({"step": done, "state": trainer.state()}, checkpoint.with_suffix(".tmp"))
        checkpoint.with_suffix(".tmp").replace(checkpoint)


if __name__ == "__main__":
    main()
