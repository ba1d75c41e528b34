"""What a run starts from: an ImageNet trunk, or weights that were trained before."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from semvid.models.msroi import MsRoi


def load_trunk(network: MsRoi, path: Path) -> None:
    """Fill the trunk with the pack's ImageNet weights."""
    state = {}
    for name, value in load_file(path).items():
        if not name.startswith(("head", "classifier")):
            state[re.sub(r"^block0?(\d+)", r"blocks.\1", name)] = value.float()
    network.trunk.load_state_dict(state)


@torch.no_grad()
def unfold(folded: MsRoi, pictures: Tensor) -> MsRoi:
    """Return the same network with batch norm in its decoder again, so that it can be trained on.

    Each norm gets the statistics of what reaches it, and a scale and offset that undo them.

    Args:
        folded: From a weights file.
        pictures: ``(n, 3, h, w)`` in -1..1, as it will be trained on; the more, the truer the statistics.
    """
    network = MsRoi(folded.architecture, normalise=True)
    network.load_state_dict(folded.state_dict(), strict=False)

    def calibrate(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)  # noqa: S101 - registered on these alone
        assert norm.running_mean is not None  # noqa: S101 - batch norm here always keeps statistics
        assert norm.running_var is not None  # noqa: S101
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3))
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_(torch.sqrt(variance + norm.eps))
        norm.bias.copy_(mean)

    norms = [one for one in network.modules() if isinstance(one, nn.BatchNorm2d)]
    handles = [one.register_forward_pre_hook(calibrate) for one in norms]
    network.eval()(pictures)
    for handle in handles:
        handle.remove()
    return network
