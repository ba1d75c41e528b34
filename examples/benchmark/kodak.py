"""Compare JPEG coders at equal bytes on the 24 Kodak photographs.

    python examples/benchmark/kodak.py [--pictures 24] [--prices 1.0] [--backgrounds 0.05]

Anchor: libjpeg-turbo with optimised Huffman tables, 4:2:0 (Pillow), at the quality whose size is nearest
to 0.25, 0.5, 1.0 and 1.5 bit per pixel. Every other coder gets those bytes:

uniform: semvid with the map switched off. semvid: with the map of ``msroi``. mozjpeg: mozjpeg 4.0.3,
baseline, with its trellis (through jpeglib), at the highest quality that fits. mosaic: the method of
Prakash et al., DCC 2017: the picture coded at k = 5 qualities ``Q_n = Q_low + n (Q_high - Q_low) / k``,
each 8x8 block taken from the level its importance asks for, and the mosaic coded once more, plainly, at
Q_high.

PSNR of luma over the whole picture, in the 20 % of it with the highest importance, and weighted by the
importance; SSIM of luma. All are gains over the anchor, averaged over the pictures.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import jpeglib
import numpy as np
from common import data_folder, save, table
from PIL import Image
from skimage.metrics import structural_similarity

from semvid.config import ImageConfig
from semvid.io.picture import read_picture
from semvid.jpeg.encoder import Choice, PictureCoder
from semvid.jpeg.planes import planes_from_rgb
from semvid.still import fill_size, picture_importance

RATES = (0.25, 0.5, 1.0, 1.5)
LEVELS = 5


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


def finest(encode: Callable[[int], bytes], target: int) -> bytes:
    """Return the file of the highest quality that fits."""
    low, high = 1, 100
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if len(encode(middle)) <= target else (low, middle - 1)
    return encode(low)


def mozjpeg(rgb: np.ndarray, quality: int) -> bytes:
    """Code with mozjpeg, sequential like all others."""
    with jpeglib.version("mozjpeg403"), tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coded.jpg"
        picture = jpeglib.from_spatial(rgb)
        picture.samp_factor = "4:2:0"
        picture.write_spatial(str(path), qt=quality, flags=["+OPTIMIZE_CODING", "-PROGRESSIVE_MODE"])
        return path.read_bytes()


def mosaic(rgb: np.ndarray, importance: np.ndarray, high: int) -> bytes:
    """Code with the paper's method."""
    height, width = rgb.shape[:2]
    low = max(1, high - 30)
    levels = [decode(plain(rgb, round(low + n * (high - low) / LEVELS))) for n in range(1, LEVELS + 1)]
    blocks = cv2.resize(importance, (-(-width // 8), -(-height // 8)), interpolation=cv2.INTER_AREA)
    wanted = np.minimum((blocks * LEVELS).astype(int), LEVELS - 1)
    chosen = np.repeat(np.repeat(wanted, 8, 0), 8, 1)[:height, :width]
    assembled = np.choose(chosen[..., None], levels)
    return plain(np.ascontiguousarray(assembled.astype(np.uint8)), high)


def scores(rgb: np.ndarray, jpeg: bytes, importance: np.ndarray) -> dict[str, float]:
    """Quality of one file."""
    weights = np.array([0.299, 0.587, 0.114])
    a, b = (one.astype(np.float64) @ weights for one in (rgb, decode(jpeg)))
    error = np.square(a - b)
    region = importance >= np.quantile(importance, 0.8)
    return {
        "whole": float(10 * np.log10(255**2 / error.mean())),
        "region": float(10 * np.log10(255**2 / error[region].mean())),
        "weighted": float(10 * np.log10(255**2 * importance.sum() / (error * importance).sum())),
        "ssim": float(structural_similarity(a, b, data_range=255)),
    }


def main() -> None:
    """Measure, write ``results/kodak.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pictures", type=int, default=24)
    parser.add_argument("--prices", default=str(ImageConfig().price))
    parser.add_argument("--backgrounds", default=str(ImageConfig().background_weight))
    parser.add_argument("--coders", default="uniform,semvid,mozjpeg,mosaic")
    arguments = parser.parse_args()
    wanted = arguments.coders.split(",")
    rows: dict[str, dict[float, list[dict[str, float]]]] = {}
    for path in sorted((data_folder() / "kodak").glob("*.png"))[: arguments.pictures]:
        picture = read_picture(path)
        rgb = picture.pixels
        values = picture_importance(picture, ImageConfig())
        importance = np.clip(cv2.resize(values, rgb.shape[1::-1], interpolation=cv2.INTER_LINEAR), 0, 1)
        planes = planes_from_rgb(rgb, "4:2:0")
        for rate in RATES:
            anchor = anchor_at(rgb, rate)
            target, base = len(anchor), scores(rgb, anchor, importance)
            coded: dict[str, bytes] = {}
            for price in map(float, arguments.prices.split(",")):
                if "uniform" in wanted:
                    coder = PictureCoder(planes, None)
                    coded[f"uniform, price {price:g}"], _ = fill_size(coder.encode, Choice(80, price), target)
                for background in map(float, arguments.backgrounds.split(",")):
                    coder = PictureCoder(planes, values)
                    choice = Choice(80, price, background)
                    name = f"semvid, price {price:g}, background {background:g}"
                    coded[name], _ = fill_size(coder.encode, choice, target)
            if "mozjpeg" in wanted:
                coded["mozjpeg"] = finest(partial(mozjpeg, rgb), target)
            if "mosaic" in wanted:
                coded["mosaic"] = finest(partial(mosaic, rgb, importance), target)
            for name, jpeg in coded.items():
                found = scores(rgb, jpeg, importance)
                gain: dict[str, float] = {key: found[key] - base[key] for key in base}
                gain["bytes"] = len(jpeg) / target
                rows.setdefault(name, {}).setdefault(rate, []).append(gain)
        print(path.name, flush=True)
    means: dict[str, Any] = {
        name: {str(rate): {key: float(np.mean([one[key] for one in gains])) for key in gains[0]}
               for rate, gains in by_rate.items()}
        for name, by_rate in rows.items()
    }  # fmt: skip
    save("kodak", {"pictures": arguments.pictures, "gains": means})
    lines = [
        [name, rate, *(f"{one[key]:+.2f}" for key in ("region", "weighted", "whole")), f"{one['ssim']:+.4f}",
         f"{100 * (one['bytes'] - 1):+.2f} %"]
        for name, by_rate in means.items()
        for rate, one in [*by_rate.items(), ("mean", {key: float(np.mean([r[key] for r in by_rate.values()]))
                                                      for key in next(iter(by_rate.values()))})]
    ]  # fmt: skip
    print(table(["coder", "bit/pixel", "region dB", "weighted dB", "whole dB", "SSIM", "bytes"], lines))


if __name__ == "__main__":
    main()
