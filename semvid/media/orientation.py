"""The EXIF orientation of a picture: read defensively, applied, and undone."""

from __future__ import annotations

import warnings
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from semvid.core.checked import shown
from semvid.core.geometry import turned

ORIENTATION = 0x0112
_UPRIGHT = 1
_STEPS = (
    (0, False), (0, True), (2, False), (2, True), (1, True), (3, False), (3, True), (1, False),
)  # fmt: skip
"""From stored to upright: counter-clockwise quarter turns, and whether to mirror first."""
_Sample = TypeVar("_Sample", bound=np.generic)


def _read_exif(data: bytes) -> Image.Exif:
    """Parse EXIF; damaged parts are left out."""
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

    Pillow's own ``getexif`` would also read it from XMP, which viewers do not. Pillow turns TIFFs itself.
    """
    data = image.info.get("exif")
    if image.format == "TIFF" or not isinstance(data, bytes):
        return _UPRIGHT, None
    found = _read_exif(data).get(ORIENTATION, _UPRIGHT)
    if isinstance(found, int) and 1 <= found <= 8:
        return found, None
    return (
        _UPRIGHT,
        f"the EXIF orientation {shown(str(found))} is not one of 1 to 8; taken as 1 (upright)",
    )


def turn(pixels: NDArray[_Sample], orientation: int) -> NDArray[_Sample]:
    """Turn a stored picture upright as EXIF says."""
    turns, is_mirrored = _STEPS[orientation - 1]
    return turned(pixels[:, ::-1] if is_mirrored else pixels, turns)


def turn_back(values: NDArray[_Sample], orientation: int) -> NDArray[_Sample]:
    """Take a map of the upright picture to the picture as stored."""
    turns, is_mirrored = _STEPS[orientation - 1]
    stored = turned(values, -turns)
    return np.ascontiguousarray(stored[:, ::-1]) if is_mirrored else stored
