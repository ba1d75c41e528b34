"""Reads still pictures with all metadata that must survive."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageChops, ImageCms

from semvid.core.errors import InputError
from semvid.core.records import dataclass
from semvid.media.orientation import orientation_of, turn
from semvid.media.stills.picture_depth import true_depth, unusual_colours
from semvid.media.stills.picture_file import open_picture, with_alpha
from semvid.media.stills.picture_tags import PictureTags, read_tags
from semvid.media.stills.strip import with_size

_MANY_KEPT = ("TIFF", "MPO")
"""Formats of which only the first of several pictures is used: pages, and views of the same scene."""
_USUAL_GAMMA, _GAMMA_TOLERANCE = 1 / 2.2, 0.02
_USUAL_PRIMARIES = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)


@dataclass(frozen=True, slots=True)
class Picture:
    """A still as stored, not yet turned upright."""

    size_bytes: int
    pixels: NDArray[np.uint8]
    """``(h, w, 3)`` RGB, or ``(h, w)`` grey."""
    tags: PictureTags
    """Pixel aspect, not yet turned."""
    orientation: int
    """Of EXIF, 1..8."""
    pixel_notices: tuple[str, ...]
    """A sentence for each thing about the pixels that had to be changed."""
    tag_notices: tuple[str, ...]
    """A sentence for each kind of metadata that cannot be kept."""

    @property
    def notices(self) -> tuple[str, ...]:
        """All of them."""
        return self.pixel_notices + self.tag_notices

    def upright(self) -> NDArray[np.uint8]:
        """Turn the pixels as viewers show them."""
        return turn(self.pixels, self.orientation)

    def within(self, longest_side: int | None) -> Picture:
        """Shrink it until its longer side has at most so many pixels; None, or if it has: return it as is."""
        height, width = self.pixels.shape[:2]
        if longest_side is None or max(width, height) <= longest_side:
            return self
        size = [max(round(side * longest_side / max(width, height)), 1) for side in (width, height)]
        small = Image.fromarray(self.pixels).resize((size[0], size[1]), Image.Resampling.LANCZOS)
        return replace(self, pixels=np.asarray(small), tags=with_size(self.tags, *size))


def read_picture(path: Path, least_edge: int | None = None) -> Picture:
    """Decode a PNG, JPEG, WebP, TIFF, AVIF, BMP, GIF, JPEG 2000, ...

    Args:
        path: The file.
        least_edge: A JPEG may be decoded to an eighth, a quarter or half of its size, which is quicker, as
            long as its longer side keeps so many pixels; None = all of it.

    Raises:
        InputMissingError: It does not exist.
        InputError: It is not a still picture, broken, animated, or too large.
    """
    with open_picture(path) as image:
        notices = _of_many(path, image)
        if least_edge is not None and (longest := max(image.size)) > least_edge:
            # Other formats know no smaller sizes, and ignore it.
            width, height = (max(side * least_edge // longest, 1) for side in image.size)
            image.draft(None, (width, height))
        image.load()
        depth = true_depth(path, image)
        tags, tag_notices = read_tags(image)
        orientation, wrong = orientation_of(image)
        notices += [wrong] if wrong else []
        tag_notices += _colour_notices(path, image)
        pixels, is_srgb = _pixels(path, image, depth, tags.icc, notices)
    if is_srgb:
        tags = replace(tags, icc=b"")
    fitting, misfits = tags.fitting(1 if pixels.ndim == 2 else 3)
    return Picture(
        path.stat().st_size, pixels, fitting, orientation, tuple(notices), (*tag_notices, *misfits)
    )


def _of_many(path: Path, image: Image.Image) -> list[str]:
    count = getattr(image, "n_frames", 1)
    if count == 1:
        return []
    if image.format in _MANY_KEPT:
        return [f"the first of {count} pictures or pages kept: a JPEG holds one"]
    if image.format in {"GIF", "PNG"}:
        raise InputError(
            f"{path} is animated ({count} pictures); make a video of it with semvid compress, or give one "
            "picture"
        )
    raise InputError(
        f"{path} is animated {image.format} ({count} pictures); convert it to GIF or APNG and give that to "
        "semvid compress, or give one picture"
    )


def _colour_notices(path: Path, image: Image.Image) -> list[str]:
    """Note colours that are described without a profile, which a JPEG cannot do."""
    info = image.info
    if "icc_profile" not in info and (numbers := unusual_colours(path, image)) is not None:
        return [
            f"colours of primaries {numbers[0]} and transfer {numbers[1]} (HDR, wide gamut) taken for sRGB: "
            "a JPEG keeps a colour profile alone"
        ]
    if image.format != "PNG" or "icc_profile" in info or "srgb" in info:
        return []
    gamma, primaries = info.get("gamma"), info.get("chromaticity")
    is_usual = gamma is None or abs(gamma - _USUAL_GAMMA) < _GAMMA_TOLERANCE
    if primaries is not None and len(primaries) == len(_USUAL_PRIMARIES):
        pairs = zip(primaries, _USUAL_PRIMARIES, strict=True)
        is_usual &= all(abs(a - b) < _GAMMA_TOLERANCE for a, b in pairs)
    return (
        [] if is_usual else ["gamma and primaries of the PNG left out: a JPEG keeps a colour profile alone"]
    )


def _pixels(
    path: Path, image: Image.Image, depth: int, icc: bytes, notices: list[str]
) -> tuple[NDArray[np.uint8], bool]:
    """Return ``(h, w)`` grey or ``(h, w, 3)`` RGB, and whether the colours were brought to sRGB."""
    if image.mode == "F" or (image.mode == "I" and image.format == "TIFF"):
        raise InputError(f"{path} has floating-point or 32-bit samples; convert it to 8 or 16 bits first")
    if depth > 8 or image.mode.startswith("I"):
        notices.append(f"{depth if depth > 8 else 16} bits a sample reduced to 8")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    is_grey = image.mode in {"1", "L", "LA", "La"}
    if image.has_transparency_data:
        image = _on_white(image, notices)
    is_srgb = image.mode in {"CMYK", "LAB"}
    if is_srgb:
        image = _to_srgb(image, icc, notices)
    mode = "L" if is_grey else "RGB"
    return cast("NDArray[np.uint8]", np.asarray(image.convert(mode))), is_srgb


def _eight_bits(image: Image.Image) -> Image.Image:
    samples = np.asarray(image).astype(np.uint16)
    # 65535 / 255 = 257
    grey = Image.fromarray(np.rint(samples / np.float32(257)).astype(np.uint8))
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):
        grey.putalpha(Image.fromarray(np.where(samples == transparent, 0, 255).astype(np.uint8)))
    return grey


def _on_white(image: Image.Image, notices: list[str]) -> Image.Image:
    image = with_alpha(image)
    if cast("tuple[int, int]", image.getchannel("A").getextrema())[0] < 255:
        notices.append("transparent parts shown on white, since a JPEG has no transparency")
    ground = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(ground, image).convert("RGB")


def _to_srgb(image: Image.Image, icc: bytes, notices: list[str]) -> Image.Image:
    if image.mode == "CMYK" and image.format in {"JPEG", "MPO"} and "adobe" not in image.info:
        # Pillow takes all CMYK as Adobe's, which is inverted. Files without Adobe's marker are not.
        image = ImageChops.invert(image)
    name = "CMYK" if image.mode == "CMYK" else "Lab"
    try:
        source = (
            ImageCms.createProfile("LAB")
            if image.mode == "LAB"
            else ImageCms.ImageCmsProfile(io.BytesIO(icc))
        )
        target = ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError):
        notices.append(f"{name} converted to RGB without a colour profile")
        return image.convert("RGB")
    notices.append(f"{name} converted to sRGB" + (" through its colour profile" if name == "CMYK" else ""))
    return cast(Image.Image, converted)
