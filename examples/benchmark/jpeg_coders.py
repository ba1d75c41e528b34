"""Other coders of JPEG, sequential and progressive, and how to read them at a given size.

All files are 4:2:0 with Huffman tables of their own. mozjpeg 4.0.3 comes through jpeglib, with its trellis;
it writes progressive files, whatever it is told, so that its coefficients are written once more for a
sequential one. jpegli comes through pyjpegli, sequential. Progressive files of every coder are made of
their coefficients by mozjpeg's lossless optimisation, which also chooses the scans.
"""

from __future__ import annotations

import io
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import jpeglib
import numpy as np
import pyjpegli
from mozjpeg_lossless_optimization import optimize
from PIL import Image
from still_scores import Judge, Scores, decode

Encode = Callable[[int], bytes]
LEVELS = 5
SHRUNK = 0.8
_FINEST = 96


def shrunk(rgb: np.ndarray) -> np.ndarray:
    """Shrink a photograph that was a JPEG, so that the grid of that is gone."""
    size = round(SHRUNK * rgb.shape[1]), round(SHRUNK * rgb.shape[0])
    return np.ascontiguousarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))


def plain(rgb: np.ndarray, quality: int) -> bytes:
    """Code with libjpeg-turbo, sequential."""
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, "JPEG", quality=quality, optimize=True, subsampling="4:2:0")
    return file.getvalue()


def anchor_at(rgb: np.ndarray, bits_per_pixel: float) -> bytes:
    """Return the plain JPEG whose size is nearest."""
    target = bits_per_pixel * rgb.shape[0] * rgb.shape[1] / 8
    low, high = 2, _FINEST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if len(plain(rgb, middle)) <= target else (low, middle)
    return min((plain(rgb, one) for one in (low, high)), key=lambda one: abs(len(one) - target))


def mozjpeg(rgb: np.ndarray, quality: int) -> bytes:
    """Code with mozjpeg, and write its coefficients as a sequential file."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "coded.jpg")
        with jpeglib.version("mozjpeg403"):
            picture = jpeglib.from_spatial(rgb)
            picture.samp_factor = "4:2:0"
            picture.write_spatial(path, qt=quality, flags=["+OPTIMIZE_CODING"])
        with jpeglib.version("turbo210"):
            jpeglib.read_dct(path).write_dct(path, flags=["+OPTIMIZE_CODING", "-PROGRESSIVE_MODE"])
        coded = Path(path).read_bytes()
    assert is_sequential(coded)
    return coded


def jpegli(rgb: np.ndarray, quality: int) -> bytes:
    """Code with jpegli, sequential."""
    return pyjpegli.encode(rgb.tobytes(), rgb.shape[1], rgb.shape[0], quality)


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


def is_sequential(jpeg: bytes) -> bool:
    """Whether a file is baseline or extended sequential."""
    with Image.open(io.BytesIO(jpeg)) as shown:
        return not shown.info.get("progressive")


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
