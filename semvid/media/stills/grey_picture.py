"""Reads a picture as the grey levels of a map."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops

from semvid.core.errors import InputError
from semvid.media.orientation import orientation_of, turn
from semvid.media.stills.picture_file import open_picture, with_alpha

GreyArray = NDArray[np.uint8] | NDArray[np.uint16] | NDArray[np.float32]


def read_grey(path: Path) -> GreyArray:
    """Return a picture upright, ``(h, w)``: 8 or 16 bit, or floats in 0..1. Transparent parts are black.

    Raises:
        InputError: It is not a picture, is broken or too large, or has samples of another kind.
    """
    with open_picture(path) as image:
        count = getattr(image, "n_frames", 1)
        if count > 1 and image.format != "MPO":
            raise InputError(f"{path} holds {count} pictures; give a folder of pictures, or a video, as maps")
        image.load()
        samples: Any = _samples(path, image)
        return cast(GreyArray, turn(samples, orientation_of(image)[0]))


def _samples(path: Path, image: Image.Image) -> GreyArray:
    if image.mode.startswith("I"):
        if image.mode == "I" and image.format == "TIFF":
            raise InputError(f"{path} has samples of 32 bits; convert it to 8 or 16 bits first")
        return np.asarray(image).astype(np.uint16)
    if image.mode == "F":
        values = np.asarray(image, np.float32)
        # NaN fails every comparison.
        if not (values.min() >= 0 and values.max() <= 1):
            raise InputError(
                f"{path} has floating-point samples that are not in 0..1; scale them to that range"
            )
        return values
    if image.has_transparency_data:
        image = with_alpha(image)
        return np.asarray(ImageChops.multiply(image.convert("L"), image.getchannel("A")))
    return np.asarray(image.convert("L"))
