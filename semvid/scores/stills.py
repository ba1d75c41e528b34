"""Scores of still pictures; SSIMULACRA 2 and PSNR-HVS-M are by packages that not everybody needs."""

from __future__ import annotations

import contextlib
import io
import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semvid.core.errors import ConfigError
from semvid.core.resampling import averaged
from semvid.core.types import FloatArray
from semvid.scores.similarity import pixel_similarity
from semvid.scores.weighted import IMPORTANT, psnr

SMALLEST = 8
"""Pixels a side: SSIMULACRA 2 looks at nothing smaller."""
STILL_MEASURES = (
    "salient", "background", "whole", "ssim", "ssim_salient", "hvs_m", "hvs_m_salient", "ssimulacra2",
)  # fmt: skip
"""PSNR of luma in dB where importance exceeds a half, elsewhere, and of all; SSIM of luma; PSNR-HVS-M in dB.
``_salient`` = where importance exceeds a half."""
_LUMA = np.array([[0.299, 0.587, 0.114]])
_TILE = 8
_MOST_DECIBELS = 100.0
_ROWS_AT_ONCE = 256
_MOST_PIXELS, _MOST_TILES = 2**22, 2**15
"""Of which SSIMULACRA 2 and PSNR-HVS-M are made; both take seconds for these."""


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


def still_scores(
    source: NDArray[np.uint8], test: NDArray[np.uint8], importance: FloatArray
) -> dict[str, float]:
    """Score a version of a picture, by ``STILL_MEASURES`` as far as their packages are there.

    Args:
        source: ``(h, w, 3)`` RGB or ``(h, w)`` grey.
        test: Likewise, of the same size.
        importance: ``(h, w)`` in 0..1.

    Returns:
        By measure; NaN where nothing, or everything, matters.
    """
    a, b = map(_luma_of, (source, test))
    matters = (importance > IMPORTANT).astype(np.float32)
    scores = psnr_scores(source, test, importance)
    similar = pixel_similarity(a, b)
    scores["ssim"] = float(similar.mean())
    scores["ssim_salient"] = float((similar * matters).sum() / matters.sum()) if matters.any() else math.nan
    with contextlib.suppress(ModuleNotFoundError):
        scores |= _hvs_m(a, b, matters)
    rows, cols = (side // shrunk_by(source.shape) for side in source.shape[:2])
    if min(rows, cols) >= SMALLEST:
        with contextlib.suppress(ConfigError):
            file = io.BytesIO()
            Image.fromarray(averaged(test, rows, cols)).save(file, "BMP")
            scores["ssimulacra2"] = Ssimulacra2Scorer(averaged(source, rows, cols)).score(file.getvalue())
    return scores


def psnr_scores(
    source: NDArray[np.uint8], test: NDArray[np.uint8], importance: FloatArray
) -> dict[str, float]:
    """Return the first three of ``STILL_MEASURES``, in little memory; arguments as for ``still_scores``."""
    sums, counts = np.zeros(3), np.zeros(3)
    for top in range(0, len(source), _ROWS_AT_ONCE):
        rows = slice(top, top + _ROWS_AT_ONCE)
        error = np.square(_luma_of(source[rows]) - _luma_of(test[rows]))
        matters = importance[rows] > IMPORTANT
        inside, whole = error[matters].sum(dtype=np.float64), error.sum(dtype=np.float64)
        sums += (inside, whole - inside, whole)
        counts += (matters.sum(), matters.size - matters.sum(), matters.size)
    areas = zip(sums / np.maximum(counts, 1), counts, strict=True)
    of_areas = [psnr(np.array([mean]), np.array([count])) for mean, count in areas]
    return dict(zip(STILL_MEASURES, of_areas, strict=False))


def shrunk_by(shape: tuple[int, ...]) -> int:
    """Return by which factor ``still_scores`` shrinks a picture for SSIMULACRA 2, which is slow."""
    return math.ceil(math.sqrt(shape[0] * shape[1] / _MOST_PIXELS))


def _luma_of(pixels: NDArray[np.uint8]) -> FloatArray:
    grey = pixels if pixels.ndim == 2 else cv2.transform(pixels.astype(np.float32), _LUMA)
    return np.asarray(grey, np.float32).reshape(pixels.shape[:2])


def _hvs_m(a: FloatArray, b: FloatArray, matters: FloatArray) -> dict[str, float]:
    """Return PSNR-HVS-M of 8x8 tiles, and of those that matter by more than half.

    N. Ponomarenko et al., "On between-coefficient contrast masking of DCT basis functions", VPQM 2007.
    """
    # It says on standard output which other packages it could use.
    with contextlib.redirect_stdout(io.StringIO()):
        from psnr_hvsm import hvs_hvsm_mse_tiles

    height, width = a.shape
    down, across = height // _TILE, width // _TILE
    if not down or not across:
        return {}
    # Evenly spread rows of tiles are enough of a large picture.
    rows = np.arange(0, down, math.ceil(down * across / _MOST_TILES))
    lines = (rows[:, None] * _TILE + np.arange(_TILE)).ravel()
    down, whole = len(rows), (lines[:, None], np.arange(across * _TILE))
    # Flat tiles have no variance to divide by, and no error to mask.
    with np.errstate(invalid="ignore", divide="ignore"):
        _, errors = hvs_hvsm_mse_tiles(*(one[whole].astype(np.float64) / 255 for one in (a, b)))
    errors = np.nan_to_num(errors).ravel()
    inside = matters[whole].reshape(down, _TILE, across, _TILE).mean(axis=(1, 3)).ravel() > IMPORTANT
    return {
        "hvs_m": _decibels(errors),
        "hvs_m_salient": _decibels(errors[inside]) if inside.any() else math.nan,
    }


def _decibels(errors: NDArray[np.float64]) -> float:
    mean = float(errors.mean())
    return min(-10 * math.log10(mean), _MOST_DECIBELS) if mean > 0 else _MOST_DECIBELS
