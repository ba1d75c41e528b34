"""A network that learns: its optimiser, its schedule, and the running average of its weights."""

from __future__ import annotations

import math
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from semvid.models.architecture import ARCHITECTURES
from semvid.models.msroi import MsRoi
from semvid.models.training.augment import OBJECTS
from semvid.models.training.batches import Batch
from semvid.models.training.losses import edge_emphasis, fixation_loss, object_loss
from semvid.models.training.recipe import Recipe

_LEARNING_RATE = {"decoder": 2e-3, "trunk": 2e-4}
_WARM_UP = 200
_TAUGHT_WEIGHT = 0.5
"""Weight of a channel that only the teacher knows."""
_AVERAGE = 0.999
"""Decay of the running average of weights, which is what is kept."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The learning rate over the steps, as a share of the highest."""

    num_steps: int
    does_hold: bool
    """Whether it stays high until the last steps; else it falls along half a cosine."""
    num_last: int = 0
    """Steps in which a rate that stayed high falls to zero; 0 = a fifth of all."""
    highest: float = 1.0

    def rate(self, step: int) -> float:
        """Return the factor at a step: after a linear warm-up, high, and 0 in the end.

        Where it holds, a run can be made longer or ended early from any checkpoint.
        """
        if step < _WARM_UP:
            return self.highest * (step + 1) / _WARM_UP
        if self.does_hold:
            last = self.num_last or max(1, self.num_steps // 5)
            return self.highest * min(1.0, (self.num_steps - step) / last)
        done = (step - _WARM_UP) / max(1, self.num_steps - _WARM_UP)
        return self.highest * 0.5 * (1 + math.cos(math.pi * done))


class Trainer:
    """A network, its optimiser, and the running average of its weights.

    Args:
        network: Learns, with batch norm in its decoder.
        recipe: How.
        schedule: How fast.
        device: ``cpu``, ``cuda`` or ``mps``.
        teacher: Tells what labels leave open.
    """

    def __init__(
        self, network: MsRoi, recipe: Recipe, schedule: Schedule, device: str, teacher: MsRoi | None = None
    ) -> None:
        self.network = network.to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(network).eval().requires_grad_(False)
        self._device, self._recipe, self._schedule = device, recipe, schedule
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
        weights = [recipe.channel_weights[name] for name in OBJECTS]
        self._channel_weights = torch.tensor(weights, device=device)

    def step(self, index: int, batch: Batch) -> dict[str, float]:
        """Learn from one batch; returns the losses."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["base"] * self._schedule.rate(index)
        self.network.train()
        with torch.autocast(self._device, torch.bfloat16):
            target, weight = self._labels(batch)
            if self._recipe.edge_weight:
                weight = weight * edge_emphasis(target, self._to(batch.trust), self._recipe.edge_weight)
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
