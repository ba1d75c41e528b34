"""The MS-ROI network: one picture in, a complete set of feature maps for every class out.

After A. Prakash et al., "Semantic Perceptual Image Compression using Deep Convolution Networks", DCC 2017:
every class has its own maps, found in one pass and without boxes. The paper reads them off a classifier;
here a light decoder is trained for them, on top of M. Sandler et al., "MobileNetV2", CVPR 2018.

Geometry. Sides of the input are ``32 m + 1`` pixels. Then every convolution of stride 2 pads its input by
one pixel on all sides, the way the trunk was trained, and cell ``i`` of a map of stride ``s`` is centred on
pixel ``s * i`` exactly: the last cell on the last pixel. Any other padding shifts maps by half a cell.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from semvid.models.architecture import CHANNELS, Architecture

# Expansion, channels and stride of the inverted residuals of MobileNetV2, Table 2.
_BLOCKS = (
    (1, 16, 1), (6, 24, 2), (6, 24, 1), (6, 32, 2), (6, 32, 1), (6, 32, 1), (6, 64, 2), (6, 64, 1),
    (6, 64, 1), (6, 64, 1), (6, 96, 1), (6, 96, 1), (6, 96, 1), (6, 160, 2), (6, 160, 1), (6, 160, 1),
    (6, 320, 1),
)  # fmt: skip
_SKIPS = {2: 4, 5: 8, 12: 16, 16: 32}
"""Block -> stride: where the decoder reads the trunk."""


def _conv(inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project; batch norm is folded into the convolutions."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = _conv(inputs, hidden) if expansion > 1 else None
        self.dw = _conv(hidden, hidden, 3, stride, groups=hidden)
        self.project = _conv(hidden, outputs)
        self.is_residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """``(n, inputs, h, w)`` to ``(n, outputs, ceil(h / stride), ceil(w / stride))``."""
        hidden = nn.functional.relu6(self.expand(x)) if self.expand is not None else x
        result: Tensor = self.project(nn.functional.relu6(self.dw(hidden)))
        return x + result if self.is_residual else result


class Trunk(nn.Module):
    """MobileNetV2 1.0 without its classifier."""

    NUM_EARLY = 3
    """Blocks up to stride 4: edges and textures, which training leaves as they are."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _conv(3, 32, 3, 2)
        blocks, channels = [], 32
        for expansion, outputs, stride in _BLOCKS:
            blocks.append(InvertedResidual(channels, outputs, expansion, stride))
            channels = outputs
        self.blocks = nn.ModuleList(blocks)

    def early(self, x: Tensor) -> Tensor:
        """Everything up to stride 4."""
        x = nn.functional.relu6(self.stem(x))
        for block in self.blocks[: self.NUM_EARLY]:
            x = block(x)
        return x

    def late(self, x: Tensor) -> list[Tensor]:
        """Go on from ``early``; returns features at strides 4, 8, 16 and 32."""
        features = [x]
        for index, block in enumerate(self.blocks[self.NUM_EARLY :], self.NUM_EARLY):
            x = block(x)
            if index in _SKIPS:
                features.append(x)
        return features


class Separable(nn.Sequential):
    """Depthwise 3x3, then pointwise, then ReLU; normalised while training."""

    def __init__(self, inputs: int, outputs: int, *, normalise: bool) -> None:
        super().__init__(
            _conv(inputs, inputs, 3, groups=inputs),
            _conv(inputs, outputs),
            nn.BatchNorm2d(outputs) if normalise else nn.Identity(),
            nn.ReLU(),
        )


def _resize_like(x: Tensor, target: Tensor) -> Tensor:
    # First cell on first cell, last on last: see the module's note on geometry.
    return nn.functional.interpolate(x, target.shape[-2:], mode="bilinear", align_corners=True)


class MsRoi(nn.Module):
    """The whole network.

    Args:
        architecture: Sizes.
        normalise: With batch norm in the decoder, as trained; ``fold`` takes it out.
    """

    def __init__(self, architecture: Architecture, *, normalise: bool = False) -> None:
        super().__init__()
        self.architecture = architecture
        w16, w8, w4 = architecture.width16, architecture.width8, architecture.width4
        self.trunk = Trunk()
        self.from32 = _conv(320, w16)
        self.context = nn.Linear(320, w16)
        self.from16 = _conv(96, w16)
        self.mix16 = Separable(w16, w8, normalise=normalise)
        self.from8 = _conv(32, w8)
        self.mix8 = Separable(w8, w4, normalise=normalise)
        self.from4 = _conv(24, w4)
        self.mix4 = Separable(w4, w4, normalise=normalise)
        self.objects = _conv(w4, len(CHANNELS) - 1)
        # People look at the middle whatever is there: only this head gets the position as an input.
        self.look = Separable(w8 + 3, w4, normalise=normalise)
        self.fixation = _conv(w4, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return what each cell shows.

        Args:
            x: ``(n, 3, h, w)`` RGB in -1..1, sides ``32 m + 1``.

        Returns:
            ``(n, 8, (h - 1) / 4 + 1, (w - 1) / 4 + 1)`` in 0..1 in the order of ``CHANNELS``: probabilities,
            and the fixation density as a share of its maximum.
        """
        objects, fixation = self.logits(self.trunk.early(x))
        density = torch.exp(fixation - fixation.amax((2, 3), keepdim=True))
        return torch.cat([torch.sigmoid(objects), density], 1)

    def features(self, x: Tensor) -> Tensor:
        """Return what each cell of stride 8 looks like, to find it again in other pictures.

        Edges, parts and things (strides 4, 8 and 16) count equally, each as it differs from the picture's
        mean.

        Args:
            x: See ``forward``.

        Returns:
            ``(n, c, (h - 1) / 8 + 1, (w - 1) / 8 + 1)``, of length 1: a dot product is a cosine similarity.
        """
        f4, f8, f16, _ = self.trunk.late(self.trunk.early(x))
        near = nn.functional.avg_pool2d(f4, 3, 2, 1, count_include_pad=False)
        parts = [_standardised(one.float()) for one in (near, f8, _resize_like(f16, f8))]
        return nn.functional.normalize(torch.cat(parts, 1), dim=1)

    def logits(self, early: Tensor) -> tuple[Tensor, Tensor]:
        """From the trunk's stride 4 to logits: of the objects, and of the fixation density."""
        f4, f8, f16, f32 = self.trunk.late(early)
        context = self.context(f32.mean((2, 3)))[:, :, None, None]
        d32 = nn.functional.relu(self.from32(f32) + context)
        d16 = self.mix16(nn.functional.relu(_resize_like(d32, f16) + self.from16(f16)))
        d8 = nn.functional.relu(_resize_like(d16, f8) + self.from8(f8))
        d4 = self.mix4(nn.functional.relu(_resize_like(self.mix8(d8), f4) + self.from4(f4)))
        looked = self.fixation(self.look(torch.cat([d16, _positions(d16)], 1)))
        return self.objects(d4), _resize_like(looked, f4)


def _standardised(x: Tensor) -> Tensor:
    """Subtract each channel's mean, and scale so that the mean length of all cells' vectors is about 1."""
    apart = x - x.mean((2, 3), keepdim=True)
    return apart / (apart.square().sum(1, keepdim=True).mean((2, 3), keepdim=True).sqrt() + 1e-6)


def _positions(like: Tensor) -> Tensor:
    """``(n, 3, h, w)``: x, y in -1..1 and the squared distance from the middle."""
    n, _, h, w = like.shape
    y = torch.linspace(-1, 1, h, dtype=like.dtype, device=like.device).view(1, 1, h, 1).expand(n, 1, h, w)
    x = torch.linspace(-1, 1, w, dtype=like.dtype, device=like.device).view(1, 1, 1, w).expand(n, 1, h, w)
    return torch.cat([x, y, x * x + y * y], 1)


def fold(network: MsRoi) -> MsRoi:
    """Return a copy with batch norm folded into the convolutions before it."""
    folded = copy.deepcopy(network).eval()
    for module in folded.modules():
        if isinstance(module, Separable) and isinstance(norm := module[2], nn.BatchNorm2d):
            module[1] = fuse_conv_bn_eval(cast(nn.Conv2d, module[1]), norm)
            module[2] = nn.Identity()
    return folded
