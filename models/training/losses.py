"""What training minimises."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

_IOU_SHARE = 0.5
_AROUND = 7
"""Cells a side of the neighbourhood that tells how near an outline is."""
_PRESENT = 0.02
"""Mean label above which a channel counts as present; IoU of an empty label says nothing."""


def object_loss(logits: Tensor, target: Tensor, weight: Tensor, channel_weights: Tensor) -> Tensor:
    """Binary cross entropy plus soft IoU over the channels that are known.

    Args:
        logits: ``(n, 7, h, w)``.
        target: Likewise, in 0..1.
        weight: Likewise, how much each label counts.
        channel_weights: ``(7,)``.
    """
    entropy = functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    per_channel = (entropy * weight).mean((0, 2, 3))
    probability = torch.sigmoid(logits)
    overlap = (weight * torch.minimum(probability, target)).sum((2, 3))
    union = (weight * torch.maximum(probability, target)).sum((2, 3))
    present = ((target * weight).mean((2, 3)) > _PRESENT).float()
    shortfall = ((1 - (overlap + 1) / (union + 1)) * present).sum(0) / logits.shape[0]
    loss: Tensor = ((per_channel + _IOU_SHARE * shortfall) * channel_weights).sum() / channel_weights.sum()
    return loss


def edge_emphasis(target: Tensor, trust: Tensor, strength: float) -> Tensor:
    """Factors of at least 1 that make cells near an outline count more, as far as its label is trusted.

    J. Wei et al., "F3Net: Fusion, Feedback and Focus for Salient Object Detection", AAAI 2020, equation 5.

    Args:
        target: ``(n, 7, h, w)`` in 0..1.
        trust: ``(n, h, w)`` in 0..1.
        strength: What is added where a cell differs fully from those around it.
    """
    around = functional.avg_pool2d(target, _AROUND, 1, _AROUND // 2, count_include_pad=False)
    return 1 + strength * trust[:, None] * (around - target).abs()


def fixation_loss(logits: Tensor, density: Tensor) -> Tensor:
    """Kullback-Leibler divergence plus one minus the correlation, over pictures with a known density.

    Args:
        logits: ``(n, 1, h, w)``; their softmax over the picture is the predicted density.
        density: ``(n, h, w)``, each summing to 1, or to 0 where unknown.
    """
    known = density.sum((1, 2)) > 0
    if not bool(known.any()):
        return logits.sum() * 0
    target = density[known].flatten(1)
    log_predicted = functional.log_softmax(logits[known].flatten(1), 1)
    divergence = functional.kl_div(log_predicted, target, reduction="batchmean")
    predicted = log_predicted.exp()
    a, b = predicted - predicted.mean(1, keepdim=True), target - target.mean(1, keepdim=True)
    correlation = (a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp_min(1e-12)
    loss: Tensor = divergence + (1 - correlation).mean()
    return loss
