"""The orientation EXIF tells of a picture: read warily, applied, and undone."""

from __future__ import annotations

import warnings
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semvid.core.checked import shown

ORIENTATION = 0x0112
_UPRIGHT = 1
_Sample = TypeVar("_Sample", bound=np.generic)


def _read_exif(data: bytes) -> Image.Exif:
    """Parse EXIF; what is damaged is missing."""
    tags = Image.Exif()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags.load(data)
            # Parsed when asked for, and then damage shows.
            dict(tags)
    except Exception:  # noqa: BLE001 - Pillow raises whatever damaged bytes lead it to
        return Image.Exif()
    return tags


def orientation_of(image: Image.Image) -> tuple[int, str | None]:
    """Return EXIF's orientation, 1..8, and what is wrong with the one in the file.

    Pillow's own ``getexif`` would take it from XMP too, which viewers do not. TIFFs it turns itself.
    """
    data = image.info.get("exif")
    if image.format == "TIFF" or not isinstance(data, bytes):
        return _UPRIGHT, None
    found = _read_exif(data).get(ORIENTATION, _UPRIGHT)
    if isinstance(found, int) and 1 <= found <= 8:
        return found, None
    return (
        _UPRIGHT,
        f"the EXIF orientation {shown(str(found))} is none of 1 to 8; taken for 1 (upright)",
    )


def turn(pixels: NDArray[_Sample], orientation: int) -> NDArray[_Sample]:
    """Turn a stored picture upright as EXIF says: 5..8 are transposed first, then mirrored."""
    turned = np.swapaxes(pixels, 0, 1) if orientation >= 5 else pixels
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    return np.ascontiguousarray(turned)


def turn_back(values: NDArray[_Sample], orientation: int) -> NDArray[_Sample]:
    """Take a map of the upright picture to the picture as stored."""
    turned = values
    if orientation in {3, 4, 7, 8}:
        turned = turned[::-1]
    if orientation in {2, 3, 6, 7}:
        turned = turned[:, ::-1]
    if orientation >= 5:
        turned = np.swapaxes(turned, 0, 1)
    return np.ascontiguousarray(turned)
