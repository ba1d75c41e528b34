"""Compare JPEG coders at equal bytes on the 24 Kodak photographs.

    python examples/benchmark/kodak.py [--pictures 24] [--coders uniform,semvid,mozjpeg,jpegli,mosaic]

Anchor: libjpeg-turbo with optimised Huffman tables, 4:2:0 (Pillow), at the quality whose size is nearest
to 0.25, 0.5, 1.0 and 1.5 bit per pixel, and at quality 95. Every other coder gets those bytes:

uniform: semvid with the map switched off. semvid: with the map of ``msroi``. mozjpeg: mozjpeg 4.0.3,
baseline, with its trellis (through jpeglib). jpegli: baseline, 4:2:0 (through pyjpegli). mosaic: the
method of Prakash et al., DCC 2017: the picture coded at k = 5 qualities
``Q_n = Q_low + n (Q_high - Q_low) / k``, each 8x8 block taken from the level its importance asks for, and
the mosaic coded once more, plainly, at Q_high.

Coders that know whole qualities only are read between the two files around the anchor's size, linearly in
the logarithm of bytes; where even their coarsest file is larger, the picture is left out there.

Measures, all as gains over the anchor, averaged over the pictures: PSNR of luma in the 20 % of the picture
with the highest importance (region), where importance exceeds a half (object), weighted by importance, and
over the whole picture; SSIM and MS-SSIM of luma; PSNR-HVS-M; SSIMULACRA2.
"""

from __future__ import annotations

import argparse
import io
import math
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import jpeglib
import numpy as np
import pyjpegli
import torch
from common import data_folder, save, table
from PIL import Image
from psnr_hvsm import psnr_hvs_hvsm
from pytorch_msssim import ms_ssim
from skimage.metrics import structural_similarity
from ssimulacra2 import compute_ssimulacra2

from semvid.codecs.jpeg.encoder import Choice, PictureCoder, fill_size
from semvid.codecs.jpeg.planes import planes_from_rgb
from semvid.core.config import MapsConfig
from semvid.media.stills.picture import read_picture
from semvid.products.still import picture_importance

RATES = (0.25, 0.5, 1.0, 1.5)
HIGH_QUALITY = 95
LEVELS = 5
Scores = dict[str, float]


def plain(rgb: np.ndarray, quality: int) -> bytes:
    """Code with libjpeg-turbo."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
    return file.getvalue()


def decode(jpeg: bytes) -> np.ndarray:
    """Decode to RGB."""
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))


def anchor_at(rgb: np.ndarray, bits_per_pixel: float) -> bytes:
    """Return the plain JPEG whose size is nearest."""
    target = bits_per_pixel * rgb.shape[0] * rgb.shape[1] / 8
    return min((plain(rgb, quality) for quality in range(2, 97)), key=lambda one: abs(len(one) - target))


def mozjpeg(rgb: np.ndarray, quality: int) -> bytes:
    """Code with mozjpeg, sequential like all others."""
    with jpeglib.version("mozjpeg403"), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coded.jpg"
        picture = jpeglib.from_spatial(rgb)
        picture.samp_factor = "4:2:0"
        picture.write_spatial(str(path), qt=quality, flags=["+OPTIMIZE_CODING", "-PROGRESSIVE_MODE"])
        return path.read_bytes()


def jpegli(rgb: np.ndarray, quality: int) -> bytes:
    """Code with jpegli."""
    return pyjpegli.encode(rgb.tobytes(), rgb.shape[1], rgb.shape[0], quality)


def mosaic(importance: np.ndarray, rgb: np.ndarray, high: int) -> bytes:
    """Code with the paper's method."""
    height, width = rgb.shape[:2]
    low = max(1, high - 30)
    levels = [decode(plain(rgb, round(low + n * (high - low) / LEVELS))) for n in range(1, LEVELS + 1)]
    blocks = cv2.resize(importance, (-(-width // 8), -(-height // 8)), interpolation=cv2.INTER_AREA)
    wanted = np.minimum((blocks * LEVELS).astype(int), LEVELS - 1)
    chosen = np.repeat(np.repeat(wanted, 8, 0), 8, 1)[:height, :width]
    assembled = np.choose(chosen[..., None], levels)
    return plain(np.ascontiguousarray(assembled.astype(np.uint8)), high)


class Judge:
    """Scores files against one picture.

    Args:
        rgb: The picture.
        importance: ``(height, width)`` in 0..1.
    """

    def __init__(self, rgb: np.ndarray, importance: np.ndarray) -> None:
        self._rgb, self._importance = rgb, importance
        self._folder = tempfile.TemporaryDirectory()
        self._reference = Path(self._folder.name) / "reference.png"
        Image.fromarray(rgb).save(self._reference, compress_level=0)

    def score(self, jpeg: bytes) -> Scores:
        """All measures of one file."""
        weights = np.array([0.299, 0.587, 0.114])
        a, b = (one.astype(np.float64) @ weights for one in (self._rgb, decode(jpeg)))
        error, importance = np.square(a - b), self._importance
        is_region = importance >= np.quantile(importance, 0.8)
        is_object = importance > 0.5 if (importance > 0.5).any() else is_region
        path = Path(self._folder.name) / "coded.jpg"
        path.write_bytes(jpeg)
        pair = (torch.from_numpy(one)[None, None].float() for one in (a, b))
        return {
            "region": psnr(error[is_region].mean()),
            "object": psnr(error[is_object].mean()),
            "weighted": psnr((error * importance).sum() / importance.sum()),
            "whole": psnr(error.mean()),
            "ssim": float(structural_similarity(a, b, data_range=255)),
            "ms_ssim": float(ms_ssim(*pair, data_range=255)),
            "psnr_hvs_m": float(psnr_hvs_hvsm(a / 255, b / 255)[1]),
            "ssimulacra2": float(compute_ssimulacra2(str(self._reference), str(path))),
            "bytes": math.log(len(jpeg)),
        }

    def at_size(self, encode: Callable[[int], bytes], target: int) -> Scores | None:
        """Read a coder of whole qualities at a size; None = out of its reach."""
        low, high = 1, 100
        if len(encode(low)) > target:
            return None
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if len(encode(middle)) <= target else (low, middle)
        below, above = self.score(encode(low)), self.score(encode(high))
        share = (math.log(target) - below["bytes"]) / max(above["bytes"] - below["bytes"], 1e-9)
        return {key: below[key] + share * (above[key] - below[key]) for key in below}


def psnr(mean_squared_error: float) -> float:
    """PSNR in dB of 8-bit samples."""
    return float(10 * np.log10(255**2 / mean_squared_error))


def judge_picture(path: Path, wanted: list[str]) -> dict[str, dict[str, Scores]]:
    """Return gains by coder and rate."""
    picture = read_picture(path)
    rgb = np.ascontiguousarray(picture.pixels)
    values = picture_importance(picture, MapsConfig())
    importance = np.clip(cv2.resize(values, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
    judge, planes = Judge(rgb, importance), planes_from_rgb(rgb, "4:2:0")
    coder = PictureCoder(planes, values)
    others = {"mozjpeg": partial(mozjpeg, rgb), "jpegli": partial(jpegli, rgb),
              "mosaic": partial(mosaic, importance, rgb)}  # fmt: skip
    gains: dict[str, dict[str, Scores]] = {}
    for rate in [*RATES, 0]:
        anchor = anchor_at(rgb, rate) if rate else plain(rgb, HIGH_QUALITY)
        base, label = judge.score(anchor), str(rate) if rate else f"quality {HIGH_QUALITY}"
        for name in wanted:
            if name in {"uniform", "semvid"}:
                choice = Choice(strength=float(name == "semvid"))
                found = judge.score(fill_size(coder.encode, choice, len(anchor))[0])
            else:
                found = judge.at_size(others[name], len(anchor))
            if found is not None:
                gains.setdefault(name, {})[label] = {key: found[key] - base[key] for key in base}
    return gains


def main() -> None:
    """Measure, write ``results/kodak.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--coders", default="uniform,semvid,mozjpeg,jpegli,mosaic")
    arguments = parser.parse_args()
    rows: dict[str, dict[str, list[Scores]]] = {}
    for path in sorted((data_folder() / "kodak").glob("*.png"))[: arguments.pictures]:
        for name, by_rate in judge_picture(path, arguments.coders.split(",")).items():
            for label, gain in by_rate.items():
                rows.setdefault(name, {}).setdefault(label, []).append(gain)
        print(path.name, flush=True)
    means: dict[str, dict[str, Any]] = {}
    for name, by_rate in rows.items():
        means[name] = {label: average(gains) for label, gains in by_rate.items()}
        usual = [one for label, one in means[name].items() if not label.startswith("quality")]
        means[name]["mean of four rates"] = average(usual)
        for label, gains in by_rate.items():
            means[name][label]["pictures"] = len(gains)
    save("kodak", {"pictures": arguments.pictures, "gains": means})
    lines = [
        [name, label, *(f"{one[key]:+.2f}" for key in ("region", "object", "weighted", "whole")),
         *(f"{100 * one[key]:+.2f}" for key in ("ssim", "ms_ssim")),
         *(f"{one[key]:+.2f}" for key in ("psnr_hvs_m", "ssimulacra2")),
         f"{100 * math.expm1(one['bytes']):+.2f} %", one.get("pictures", "")]
        for name, by_rate in means.items()
        for label, one in by_rate.items()
    ]  # fmt: skip
    header = ["coder", "bit/pixel", "region dB", "object dB", "weighted dB", "whole dB", "SSIM x100",
              "MS-SSIM x100", "PSNR-HVS-M dB", "SSIMULACRA2", "bytes", "pictures"]  # fmt: skip
    print(table(header, lines))


def average(gains: list[Scores]) -> Scores:
    """Mean of each measure."""
    return {key: float(np.mean([one[key] for one in gains])) for key in gains[0]}


if __name__ == "__main__":
    main()
