"""Full-range YCbCr planes, as JPEG codes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.core.config import Sampling
from semvid.core.geometry import extended
from semvid.core.luma import all_planes
from semvid.core.records import dataclass
from semvid.core.resampling import averaged
from semvid.core.types import FloatArray

if TYPE_CHECKING:
    from av import VideoFrame

SHIFTS: dict[Sampling, tuple[int, int]] = {"4:2:0": (1, 1), "4:2:2": (1, 0), "4:4:4": (0, 0), "grey": (0, 0)}
"""Binary logarithms of the chroma subsampling, across and down."""

_SAMPLINGS: dict[str, Sampling] = {"yuvj420p": "4:2:0", "yuvj422p": "4:2:2", "yuvj444p": "4:4:4"}

TO_YCBCR = np.array([
    [0.299, 0.587, 0.114, 0],
    [-0.299 / 1.772, -0.587 / 1.772, 0.886 / 1.772, 128],
    [0.701 / 1.402, -0.587 / 1.402, -0.114 / 1.402, 128],
])  # fmt: skip
"""As JFIF says: BT.601, full range."""
BAND = 64
"""Lines that are converted at a time, which stay in the processor's cache; whole blocks."""

Plane = NDArray[np.uint8] | FloatArray
"""``(h, w)`` samples in 0..255, unrounded where they were converted."""


@dataclass(frozen=True, slots=True)
class Planes:
    """One picture."""

    components: tuple[Plane, ...]
    """Y, or Y, Cb and Cr: ``(h, w)`` samples in 0..255; odd sizes are rounded up for chroma."""
    sampling: Sampling

    @property
    def size(self) -> tuple[int, int]:
        """``(width, height)`` in pixels."""
        height, width = self.components[0].shape
        return width, height


def planes_from_rgb(rgb: NDArray[np.uint8], sampling: Sampling) -> Planes:
    """Convert ``(h, w, 3)`` RGB as JFIF says: BT.601, full range; or ``(h, w)`` grey, which stays so.

    Chroma is averaged, unrounded, over the pixels it stands for.
    """
    if rgb.ndim == 2:
        return Planes((rgb,), "grey")
    height, width = rgb.shape[:2]
    across, down = SHIFTS[sampling]
    luma = np.empty((height, width), np.float32)
    chroma = [np.empty((-(-height >> down), -(-width >> across)), np.float32) for _ in range(2)]
    for top in range(0, height, BAND):
        band = cv2.transform(rgb[top : top + BAND].astype(np.float32), TO_YCBCR)
        luma[top : top + BAND] = band[..., 0]
        if sampling == "grey":
            continue
        for index, plane in enumerate(chroma, 1):
            coarse = _averaged(np.ascontiguousarray(band[..., index]), across, down)
            plane[top >> down : (top >> down) + len(coarse)] = coarse
    return Planes((luma,), "grey") if sampling == "grey" else Planes((luma, *chroma), sampling)


def _averaged(plane: FloatArray, across: int, down: int) -> FloatArray:
    height, width = plane.shape
    rows, cols = -(-height >> down), -(-width >> across)
    return averaged(extended(plane, rows << down, cols << across), rows, cols)


def planes_of(picture: VideoFrame) -> Planes:
    """View the samples of a prepared picture."""
    return Planes(all_planes(picture), _SAMPLINGS[picture.format.name])
