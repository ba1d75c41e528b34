"""Scores coded pictures against their source: the whole picture, and what matters in it.

Whole pictures get the scores of the usual packages. In a region every measure is pooled over the region
alone: PSNR over its pixels, PSNR-HVS and PSNR-HVS-M over the 8x8 tiles that lie in it by more than half,
the maps of SSIM, MS-SSIM and SSIMULACRA 2 by weights, at every scale the share of a pixel that is in the
region. Butteraugli's 3-norm is told negative, so that higher is better as in all others; it comes from
libjxl's own program (Debian: ``apt-get install libjxl-devtools``), for no Python package brings it. Borders
of blocks that show, in percent, are negative as well: see ``still_borders.py``.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import ssimulacra2.ssimulacra2 as reference_code
from numpy.typing import NDArray
from PIL import Image
from psnr_hvsm import hvs_hvsm_mse_tiles
from skimage.metrics import structural_similarity
from still_borders import border_scores

Scores = dict[str, float]
Array = NDArray[np.float64]
LUMA = np.array([0.299, 0.587, 0.114])
REGION_SHARE = 0.2
"""Of the picture: where importance is highest."""
_OF_BOTH = ("ssimulacra2", "psnr_hvs_m", "psnr_hvs", "ssim", "ms_ssim", "psnr")
_OF_WHOLE = ("vifp", "butteraugli", "borders", "colour_borders")
COLUMNS = (*_OF_BOTH, *_OF_WHOLE, *(f"region_{one}" for one in _OF_BOTH))
"""Of tables."""
_BUTTERAUGLI = "butteraugli_main"
_IN_HUNDREDTHS = ("ssim", "ms_ssim", "vifp")
_MS_SSIM_POWERS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Z. Wang, E. Simoncelli, A. Bovik, "Multi-scale structural similarity", Asilomar 2003."""
_SSIM_C1, _SSIM_C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


_INSIDE = (slice(5, -5), slice(5, -5))
"""Where the window of MS-SSIM lies within the picture."""


def decode(jpeg: bytes) -> NDArray[np.uint8]:
    """Decode to RGB."""
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def blurred(image: Array) -> Array:
    """Blur as the package for SSIMULACRA 2 does, with the same scores, in a third of the time."""
    padded = cv2.copyMakeBorder(image, 5, 5, 0, 0, cv2.BORDER_CONSTANT)
    return np.asarray(cv2.GaussianBlur(padded, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT)[5:-5])


@dataclass(frozen=True)
class _Scale:
    """One scale of the source for SSIMULACRA 2."""

    image: Array
    mean: Array
    square: Array
    region: Array
    """``(w, h, 1)`` weights of the region, of mean 1."""


class Judge:
    """Scores files against one picture.

    Args:
        rgb: The picture, ``(h, w, 3)``.
        importance: ``(h, w)`` in 0..1.
        has_slow: Whether VIFP is wanted, which takes as long as all others, and Butteraugli, where its
            program is installed.
        region: ``(h, w)``, what matters; None = where importance is highest.
    """

    def __init__(
        self,
        rgb: NDArray[np.uint8],
        importance: NDArray[np.float32],
        *,
        has_slow: bool = True,
        region: NDArray[np.bool_] | None = None,
    ) -> None:
        self._luma, self._importance = rgb @ LUMA, importance
        self._has_slow, self._rgb = has_slow, rgb
        highest = importance >= np.quantile(importance, 1 - REGION_SHARE)
        self.region = highest if region is None else region
        self._object = importance > 0.5 if (importance > 0.5).any() else self.region
        height, width = self._luma.shape
        down, across = height // 8 * 8, width // 8 * 8
        in_tiles = self.region[:down, :across].reshape(down // 8, 8, across // 8, 8).mean(axis=(1, 3)) > 0.5
        self._tiles = in_tiles.ravel() if in_tiles.any() else np.ones(in_tiles.size, bool)
        shares = _halvings(self.region.astype(np.float64))
        self._scales = [
            _Scale(image, blurred(image), blurred(image * image), share.T[..., None] / share.mean())
            for image, share in zip(_xyb_scales(rgb), shares, strict=False)
        ]

    def score(self, jpeg: bytes) -> Scores:
        """All measures of one file; those of the region have ``region_`` before their names."""
        rgb = decode(jpeg)
        a, b = self._luma, rgb @ LUMA
        error = np.square(a - b)
        hvs, hvs_m = (np.nan_to_num(one) for one in hvs_hvsm_mse_tiles(a / 255, b / 255))
        similarity = structural_similarity(a, b, data_range=255, full=True)[1]
        whole_ms, region_ms = self._ms_ssim(b)
        whole_ss, region_ss = self._ssimulacra2(rgb)
        scores = {
            "psnr": psnr(error.mean()),
            "region_psnr": psnr(error[self.region].mean()),
            "object_psnr": psnr(error[self._object].mean()),
            "weighted_psnr": psnr((error * self._importance).sum() / self._importance.sum()),
            "psnr_hvs": psnr(hvs.mean(), 1),
            "region_psnr_hvs": psnr(hvs[self._tiles].mean(), 1),
            "psnr_hvs_m": psnr(hvs_m.mean(), 1),
            "region_psnr_hvs_m": psnr(hvs_m[self._tiles].mean(), 1),
            "ssim": float(similarity.mean()),
            "region_ssim": float(similarity[self.region].mean()),
            "ms_ssim": whole_ms,
            "region_ms_ssim": region_ms,
            "ssimulacra2": whole_ss,
            "region_ssimulacra2": region_ss,
            "bytes": float(np.log(len(jpeg))),
            **border_scores(self._rgb, rgb),
        }
        if self._has_slow:
            from sewar.full_ref import vifp

            scores["vifp"] = float(vifp(a, b))
            if shutil.which(_BUTTERAUGLI):
                scores["butteraugli"] = -butteraugli(self._rgb, rgb)
        return scores

    def _ms_ssim(self, test: Array) -> tuple[float, float]:
        whole = region = 1.0
        scales = zip(*map(_halvings, (self._luma, test, self.region.astype(np.float64))), strict=True)
        for power, (a, b, is_in) in zip(_MS_SSIM_POWERS, scales, strict=False):
            share = is_in[_INSIDE]
            mean_a, mean_b = _window(a), _window(b)
            variances = _window(a * a) - mean_a**2 + _window(b * b) - mean_b**2
            contrast = (2 * (_window(a * b) - mean_a * mean_b) + _SSIM_C2) / (variances + _SSIM_C2)
            if power == _MS_SSIM_POWERS[-1]:
                contrast = contrast * (2 * mean_a * mean_b + _SSIM_C1) / (mean_a**2 + mean_b**2 + _SSIM_C1)
            whole *= max(float(contrast.mean()), 0) ** power
            region *= max(float((contrast * share).sum() / share.sum()), 0) ** power
        return whole, region

    def _ssimulacra2(self, rgb: NDArray[np.uint8]) -> tuple[float, float]:
        whole, region = reference_code.Msssim(), reference_code.Msssim()
        for scale, image in zip(self._scales, _xyb_scales(rgb), strict=True):
            mean = blurred(image)
            structure = reference_code.kC2
            covariance = blurred(scale.image * image) - scale.mean * mean
            variances = scale.square - scale.mean**2 + blurred(image * image) - mean**2
            similarity = (1 - (scale.mean - mean) ** 2) * (2 * covariance + structure)
            similarity /= variances + structure
            edges = (1 + np.abs(image - mean)) / (1 + np.abs(scale.image - scale.mean)) - 1
            maps = np.maximum(1 - similarity, 0), np.maximum(edges, 0), np.maximum(-edges, 0)
            for pooled, weights in ((whole, None), (region, scale.region)):
                data = reference_code.MsssimScale()
                data.avg_ssim = _norms(maps[0], weights).T.ravel()
                data.avg_edgediff = np.concatenate([_norms(one, weights) for one in maps[1:]]).T.ravel()
                pooled.scales.append(data)
        return float(whole.score()), float(region.score())


def butteraugli(source: NDArray[np.uint8], coded: NDArray[np.uint8]) -> float:
    """Return the 3-norm of Butteraugli's map of differences; 0 = no difference."""
    with tempfile.TemporaryDirectory() as folder:
        places = [str(Path(folder, name)) for name in ("source.ppm", "coded.ppm")]
        for place, rgb in zip(places, (source, coded), strict=True):
            Image.fromarray(rgb).save(place)
        told = subprocess.run([_BUTTERAUGLI, *places], capture_output=True, text=True, check=True).stdout
    return float(told.rpartition(":")[2])


def average(rows: Sequence[Scores]) -> Scores:
    """Mean of each measure that all have."""
    keys = [key for key in rows[0] if all(key in one for one in rows)]
    return {key: float(np.mean([one[key] for one in rows])) for key in keys}


def cells_of(gains: Scores) -> list[str]:
    """Lay gains out in ``COLUMNS``, blank if not measured; SSIM, MS-SSIM and VIFP are in hundredths."""
    return [
        f"{gains[key] * (100 if key.removeprefix('region_') in _IN_HUNDREDTHS else 1):+.2f}"
        if key in gains else ""
        for key in COLUMNS
    ]  # fmt: skip


def _norms(values: Array, weights: Array | None) -> Array:
    """Return mean and 4-norm of each channel, ``(2, 3)``."""
    squares = values * values
    fourth = squares * squares
    if weights is not None:
        values, fourth = values * weights, fourth * weights
    return np.stack([values.mean(axis=(0, 1)), fourth.mean(axis=(0, 1)) ** 0.25])


def _xyb_scales(rgb: NDArray[np.uint8]) -> Iterator[Array]:
    """Yield a picture as SSIMULACRA 2 sees it, ``(w, h, 3)``, from its full size down."""
    linear = reference_code.srgb_to_linear(np.array(rgb, np.float64))
    for _ in range(reference_code.kNumScales):
        if min(linear.shape[:2]) < 8:
            return
        yield reference_code.make_positive_xyb(reference_code.linear_rgb_to_xyb(linear))
        linear = reference_code.downsample(linear, 2, 2)


def _halvings(values: Array) -> Iterator[Array]:
    while True:
        yield values
        height, width = values.shape
        values = cv2.resize(values, (-(-width // 2), -(-height // 2)), interpolation=cv2.INTER_AREA)


def _window(values: Array) -> Array:
    return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5)[_INSIDE])


def psnr(mean_squared_error: float, peak: float = 255) -> float:
    """PSNR in dB."""
    return float(10 * np.log10(peak**2 / max(mean_squared_error, 1e-12)))
