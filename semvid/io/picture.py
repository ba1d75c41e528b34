"""Read still pictures with what must survive: orientation, EXIF, colour profile."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from semvid.errors import InputError, InputMissingError

LARGEST_SIDE = 65500
"""Pixels libjpeg codes at most."""
_MOST_EXIF = 65000
_ORIENTATION = 0x0112
_SIXTEEN_BIT = {"I;16", "I;16B", "I;16L", "I;16N", "I"}


@dataclass(frozen=True, slots=True)
class Picture:
    """A still as stored, not yet turned upright."""

    path: Path
    size_bytes: int
    pixels: NDArray[np.uint8]
    """``(h, w, 3)`` RGB, or ``(h, w)`` grey."""
    exif: bytes
    icc: bytes
    orientation: int
    """Of EXIF, 1..8."""
    notices: tuple[str, ...]
    """A sentence for everything that had to be changed."""

    def upright(self) -> NDArray[np.uint8]:
        """Turn the pixels as viewers show them."""
        return np.ascontiguousarray(_turn(self.pixels, self.orientation))


def _turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """As EXIF says: 5..8 are transposed first, then mirrored."""
    turned = np.swapaxes(pixels, 0, 1) if orientation >= 5 else pixels
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    return turned


def turn_back(values: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """Take a map of the upright picture to the picture as stored."""
    turned = values
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    if orientation >= 5:
        turned = np.swapaxes(turned, 0, 1)
    return np.ascontiguousarray(turned)


def read_picture(path: Path) -> Picture:
    """Decode a PNG, JPEG, WebP, TIFF or whatever else Pillow reads.

    Raises:
        InputMissingError: It does not exist.
        InputError: It is no still picture, broken, animated, or too large for a JPEG.
    """
    if not path.exists():
        raise InputMissingError(f"{path} does not exist; check the path")
    try:
        with warnings.catch_warnings(), Image.open(path) as image:
            # Size is checked here, with a message of our own.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return _decode(path, image)
    except UnidentifiedImageError as error:
        raise InputError(f"{path} is no picture that can be read; give PNG, JPEG, WebP or TIFF") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        why = " ".join(str(error).split())
        raise InputError(f"{path} cannot be decoded ({why}); it is damaged, cut off, or too large") from error


def _decode(path: Path, image: Image.Image) -> Picture:
    if getattr(image, "n_frames", 1) > 1 and getattr(image, "is_animated", False) and image.format != "MPO":
        raise InputError(f"{path} is animated; compress it as a video, or give one picture")
    if max(image.size) > LARGEST_SIDE:
        raise InputError(
            f"{path} is {image.size[0]}x{image.size[1]}; a JPEG has at most {LARGEST_SIDE} pixels a side; "
            "make it smaller"
        )
    image.load()
    notices = []
    tags = image.getexif()
    exif = image.info.get("exif") or (tags.tobytes() if len(tags) else b"")
    icc, orientation = image.info.get("icc_profile") or b"", int(tags.get(_ORIENTATION, 1))
    mode = image.mode
    if mode in _SIXTEEN_BIT:
        notices.append("16 bits a sample rounded to 8")
        samples = np.asarray(image).astype(np.float64)
        image = Image.fromarray(np.clip(np.rint(samples / 257), 0, 255).astype(np.uint8))
    elif mode == "F":
        raise InputError(f"{path} has floating-point samples; convert it to 8 or 16 bits first")
    if (
        "A" in image.mode
        or (image.mode == "P" and "transparency" in image.info)
        or "transparency" in image.info
    ):
        notices.append("transparent parts laid on white, since JPEG has none")
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(ground, image).convert("RGB")
    if image.mode in {"CMYK", "YCCK"}:
        notices.append("CMYK converted to RGB without its colour profile")
        icc = b""
    if image.mode not in {"RGB", "L"}:
        image = image.convert("L" if image.mode in {"1", "LA"} else "RGB")
    if len(exif) > _MOST_EXIF:
        notices.append(f"{len(exif)} bytes of EXIF left out: a JPEG holds {_MOST_EXIF}")
        exif = b""
    pixels = cast("NDArray[np.uint8]", np.asarray(image))
    return Picture(
        path, path.stat().st_size, pixels, exif, icc,
        orientation if 1 <= orientation <= 8 else 1, tuple(notices),
    )  # fmt: skip
