"""Score a network on the pack's own validation split: to watch training, and to choose thresholds."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from semvid.core.resampling import averaged, stretched
from semvid.models.architecture import CHANNELS
from semvid.models.msroi import MsRoi
from semvid.models.training.pack import PACK_CHANNELS, Pack, decode_rgb

_SIZES = {"wide": (289, 225), "square": (257, 257), "tall": (225, 289)}


@torch.no_grad()
def validate(network: MsRoi, pack: Pack) -> dict[str, Any]:
    """Return the mean IoU at 0.5 of each channel where it is present, and the fixations' correlation."""
    network = network.eval()
    found: dict[str, list[float]] = {name: [] for name in PACK_CHANNELS}
    for example in pack.examples:
        if example.split != "val":
            continue
        shape = "wide" if example.aspect > 1.15 else "tall" if example.aspect < 0.87 else "square"
        maps = _predict(network, example.picture(), _SIZES[shape])
        for index, name in enumerate(PACK_CHANNELS):
            label = example.labels[index] > 127
            if not (example.valid[index] and label.any()):
                continue
            predicted = stretched(maps[CHANNELS.index(name)], *label.shape) > 0.5
            found[name].append(float((predicted & label).sum() / (predicted | label).sum()))
    scores = {name: round(float(np.mean(values)), 4) for name, values in found.items() if values}
    correlations = []
    for photograph in [one for one in pack.fixations if one.split == "test"][:100]:
        density = _predict(network, decode_rgb(photograph.jpeg), (193, 193))[-1]
        truth = stretched(photograph.density.astype(np.float32), *density.shape)
        correlations.append(np.corrcoef(density.ravel(), truth.ravel())[0, 1])
    if correlations:
        scores["fixation_cc"] = round(float(np.mean(correlations)), 4)
    return scores


def _predict(network: MsRoi, rgb: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    device = next(network.parameters()).device
    small = averaged(rgb, size[1], size[0])
    x = torch.from_numpy(small).to(device).permute(2, 0, 1)[None].float().div(127.5).sub(1)
    return np.asarray(network(x)[0].float().cpu())
