"""Write words on pictures, since no pack labels text."""

from __future__ import annotations

import string

import numpy as np
from matplotlib import font_manager
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_NO_LATIN = ("symbol", "stixsiz", "nonuni", "cmex", "cmsy", "cmmi", "emoji", "math")
"""Parts of the names of fonts that draw something else for letters."""
_SCRATCH = 400


class WordPainter:
    """Draws random words in the fonts this machine has, and tells where."""

    def __init__(self) -> None:
        files = sorted({font.fname for font in font_manager.fontManager.ttflist})
        self._fonts = [file for file in files if not any(part in file.lower() for part in _NO_LATIN)]

    def paint(
        self, picture: NDArray[np.uint8], rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return the picture with text on it, and ``(height, width)`` in 0..1: what the lines cover."""
        height, width = picture.shape[:2]
        result, covered = picture.astype(np.float32), np.zeros((height, width), np.float32)
        for _ in range(int(rng.integers(1, 4))):
            line = self._line(height, rng)
            shown = line[: min(line.shape[0], height), : min(line.shape[1], width)]
            rows, cols = shown.shape
            top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - cols + 1))
            place = np.s_[top : top + rows, left : left + cols]
            if rng.random() < 0.4:
                backing = rng.uniform(0.4, 1.0)
                result[place] = result[place] * (1 - backing) + rng.uniform(0, 255, 3) * backing
            ink = shown[..., None] * rng.uniform(0.7, 1.0)
            behind = result[place].mean()
            colour = rng.uniform(0, 100, 3) if behind > 128 else rng.uniform(155, 255, 3)
            result[place] = result[place] * (1 - ink) + colour * ink
            covered[place] = 1
        return np.clip(result, 0, 255).astype(np.uint8), covered

    def _line(self, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
        """One line of text as ``(h, w)`` ink in 0..1, cut to its box."""
        letters = list(string.ascii_letters + string.digits + "  .,:-")
        text = "".join(rng.choice(letters, int(rng.integers(3, 24)))).strip() or "semvid"
        if rng.random() < 0.5:
            text = text.capitalize() if rng.random() < 0.5 else text.upper()
        size = int(height * np.exp(rng.uniform(np.log(0.05), np.log(0.25))))
        font = ImageFont.truetype(self._fonts[rng.integers(len(self._fonts))], max(size, 8))
        canvas = Image.new("L", (_SCRATCH, _SCRATCH // 2))
        ImageDraw.Draw(canvas).text((10, 10), text, font=font, fill=255)
        if rng.random() < 0.3:
            canvas = canvas.rotate(rng.normal(0, 5), resample=Image.Resampling.BILINEAR)
        ink = np.asarray(canvas, np.float32) / 255
        box = canvas.getbbox() or (0, 0, 8, 8)
        return np.asarray(ink[box[1] : box[3], box[0] : box[2]], np.float32)
