"""SSIMULACRA 2 of still pictures, by the package of that name, which not everybody needs."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semvid.core.errors import ConfigError

SMALLEST = 8
"""Pixels a side: it looks at nothing smaller."""


class Ssimulacra2Scorer:
    """Scores coded versions of one picture.

    Args:
        pixels: ``(h, w, 3)`` RGB or ``(h, w)`` grey, 8 bit.

    Raises:
        ConfigError: The package is missing, or the picture is too small.
    """

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        try:
            from ssimulacra2 import compute_ssimulacra2
        except ModuleNotFoundError as error:
            raise ConfigError("`Ssimulacra2` needs the extra scores; pip install 'semvid[scores]'") from error
        height, width = pixels.shape[:2]
        if min(height, width) < SMALLEST:
            raise ConfigError(
                f"`Ssimulacra2` looks at pictures of at least {SMALLEST} pixels a side, and this one is "
                f"{width}x{height}; give `Quality`"
            )
        self._compute = compute_ssimulacra2
        self._picture = io.BytesIO()
        Image.fromarray(pixels).save(self._picture, "BMP")

    def score(self, coded: bytes) -> float:
        """Score a file that Pillow reads; its size is that of the picture, and 100 = no difference."""
        self._picture.seek(0)
        return float(self._compute(self._picture, io.BytesIO(coded)))
