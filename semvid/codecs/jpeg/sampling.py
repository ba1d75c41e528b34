"""Chooses chroma sampling: which pictures lose too much at half the resolution of colour."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.codecs.jpeg.planes import BAND, TO_YCBCR
from semvid.core.config import Sampling
from semvid.core.geometry import grid_shape
from semvid.core.resampling import averaged

_SIDE = 16
"""Of the blocks over which losses are averaged."""
_SMEARED = 40.0
"""Loss from which on 4:4:4 looks better at equal bytes. It is 19 at most in 175 photographs, where 4:2:0
always does, and 130 and more with a line of red letters in one (``examples/benchmark/still_sampling.py``)."""


def choose_sampling(rgb: NDArray[np.uint8]) -> Sampling:
    """Return ``4:4:4`` where colours have edges that would be smeared, else ``4:2:0``.

    Args:
        rgb: ``(h, w, 3)``, or ``(h, w)`` grey, which has no colours.
    """
    if rgb.ndim == 2:
        return "grey"
    return "4:4:4" if chroma_loss(rgb) > _SMEARED else "4:2:0"


def chroma_loss(rgb: NDArray[np.uint8]) -> float:
    """Return how much of the colours is lost with one sample instead of four, in squared sample levels.

    The loss is averaged over blocks, and blocks by their root mean square: coloured letters count, even if
    the rest is a photograph.
    """
    losses = []
    for top in range(0, rgb.shape[0], BAND):
        chroma = cv2.transform(rgb[top : top + BAND].astype(np.float32), TO_YCBCR[1:])
        height, width = chroma.shape[:2]
        rows, cols = grid_shape(width, height, 2)
        lost = averaged(np.square(chroma), rows, cols) - np.square(averaged(chroma, rows, cols))
        rows, cols = grid_shape(width, height, _SIDE)
        losses.append(averaged(lost.sum(axis=2), rows, cols).ravel())
    return float(np.sqrt(np.square(np.concatenate(losses)).mean()))
