"""Other coders of JPEG, sequential and progressive, and how to read them at a given size.

They are those of the report of a still. All files have Huffman tables of their own, and are 4:2:0 where
nothing else is said. Progressive files of every coder are made of its coefficients by mozjpeg's lossless
optimisation, which also chooses the scans.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from mozjpeg_lossless_optimization import optimize
from still_scores import Judge, Scores, decode

from semvid.products.still_report import coders
from semvid.products.still_report.coders import libjpeg_turbo as plain
from semvid.products.still_report.coders import mozjpeg

__all__ = [
    "anchor_at", "at_size", "jpegli", "mosaic", "mozjpeg", "plain", "progressive", "shrunk",
]  # fmt: skip

Encode = Callable[[int], bytes]
LEVELS = 5
SHRUNK = 0.8
_FINEST = 96


def shrunk(rgb: np.ndarray) -> np.ndarray:
    """Shrink a photograph that was a JPEG, so that the grid of that is gone."""
    size = round(SHRUNK * rgb.shape[1]), round(SHRUNK * rgb.shape[0])
    return np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def anchor_at(rgb: np.ndarray, bits_per_pixel: float) -> bytes:
    """Return the plain JPEG whose size is nearest."""
    target = bits_per_pixel * rgb.shape[0] * rgb.shape[1] / 8
    low, high = 2, _FINEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(plain(rgb, middle)) <= target else (low, middle)
    return min((plain(rgb, one) for one in (low, high)), key=lambda one: abs(len(one) - target))


def jpegli(rgb: np.ndarray, quality: int) -> bytes:
    """Code with jpegli, sequential."""
    encode = coders.jpegli(rgb)
    if encode is None:
        raise SystemExit("pip install 'semvid[benchmark]', for pyjpegli")
    return encode(quality)


def mosaic(importance: np.ndarray, rgb: np.ndarray, high: int) -> bytes:
    """Code with the method of Prakash et al., DCC 2017."""
    height, width = rgb.shape[:2]
    low = max(1, high - 30)
    levels = [decode(plain(rgb, round(low + n * (high - low) / LEVELS))) for n in range(1, LEVELS + 1)]
    blocks = cv2.resize(importance, (-(-width // 8), -(-height // 8)), interpolation=cv2.INTER_AREA)
    wanted = np.minimum((blocks * LEVELS).astype(int), LEVELS - 1)
    chosen = np.repeat(np.repeat(wanted, 8, 0), 8, 1)[:height, :width]
    assembled = np.choose(chosen[..., None], levels)
    return plain(np.ascontiguousarray(assembled.astype(np.uint8)), high)


def progressive(jpeg: bytes) -> bytes:
    """Write the coefficients of a file as a progressive one."""
    return bytes(optimize(jpeg))


def at_size(judge: Judge, encode: Encode, target: int) -> Scores | None:
    """Read a coder of whole qualities at a size; None = out of its reach.

    Scores are those between the two files around it, linearly in the logarithm of bytes.
    """
    low, high = 1, 100
    if len(encode(low)) > target:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(encode(middle)) <= target else (low, middle)
    below, above = judge.score(encode(low)), judge.score(encode(high))
    share = (math.log(target) - below["bytes"]) / max(above["bytes"] - below["bytes"], 1e-9)
    return {key: below[key] + share * (above[key] - below[key]) for key in below}
