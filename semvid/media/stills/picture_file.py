"""Opens a file as a still picture, or says what it is instead; checks the size before decoding anything."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from semvid.core.checked import shown_line
from semvid.core.errors import InputError, InputMissingError, SemvidError

if TYPE_CHECKING:
    from PIL import Image

LARGEST_SIDE = 65500
"""Maximum number of pixels per side that libjpeg codes."""
LARGEST_PICTURE = 2**27
"""Maximum number of pixels, 134 million: coding takes 56 bytes each. A tiny file can claim more."""

# Formats of cameras, editors and the web. Not included: what Pillow cannot decode itself, or passes to
# other programs (EPS to Ghostscript).
_FORMATS = (
    "PNG", "JPEG", "WEBP", "TIFF", "BMP", "DIB", "GIF", "AVIF", "JPEG2000", "PPM", "TGA", "QOI", "SGI",
    "PCX", "ICO",
)  # fmt: skip
_RAW = frozenset({
    ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".iiq", ".k25", ".kdc", ".mef", ".mos",
    ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".raw", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
})  # fmt: skip
"""Camera raw: many are TIFFs whose first picture is a thumbnail."""
_STILL_SUFFIXES = frozenset({
    ".avif", ".bmp", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pcx", ".pgm",
    ".png", ".pnm", ".ppm", ".qoi", ".sgi", ".tga", ".tif", ".tiff", ".webp", *_RAW,
})  # fmt: skip
READABLE_SUFFIXES = _STILL_SUFFIXES - _RAW
"""Names of pictures that can be read end in one of these."""
_ANIMATED_SUFFIXES = frozenset({".gif", ".png"})
"""Formats of which FFmpeg decodes all pictures."""
_SUBFILE_TYPE, _DNG_VERSION = 254, 50706
_HEAD = 4096


def is_still(path: Path) -> bool:
    """Return whether a file is a still picture, by its name or, if that is unclear, its contents."""
    suffix = path.suffix.lower()
    if suffix not in _ANIMATED_SUFFIXES:
        return suffix in _STILL_SUFFIXES
    try:
        with open_picture(path) as image:
            return getattr(image, "n_frames", 1) == 1
    except InputError:
        # Whatever reads it will say what is wrong.
        return True


def with_alpha(image: Image.Image) -> Image.Image:
    """Return an image of any mode with transparent parts as RGBA."""
    # Pillow's only way from premultiplied grey to RGBA.
    return (image.convert("LA") if image.mode == "La" else image).convert("RGBA")


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """Open a still picture; the block may load it and read its tags.

    Raises:
        InputMissingError: It does not exist.
        InputError: It is not a still picture, is too large, or turns out to be broken in the block.
    """
    # Videos are only asked whether they are stills.
    from PIL import Image, UnidentifiedImageError

    if not path.exists():
        raise InputMissingError(f"{path} does not exist; check the path")
    if path.is_dir():
        raise InputError(f"{path} is a folder; name one picture")
    if not path.is_file():
        # It is read more than once; and a pipe may never say anything.
        raise InputError(f"{path} is a pipe or a device, not a file; save the picture in a file first")
    if path.suffix.lower() in _RAW:
        raise InputError(f"{path} {_RAW_FILE}")
    try:
        with warnings.catch_warnings():
            # The size is checked here, with a better message; Pillow would warn before it raises.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_FORMATS) as image:
                _check(path, image)
                yield image
    except SemvidError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(f"{path} {_what_it_is(path)}") from error
    except Image.DecompressionBombError as error:
        raise InputError(f"{path} has more than {LARGEST_PICTURE} pixels; make it smaller") from error
    except MemoryError as error:
        raise InputError(f"{path} does not fit the free memory; make it smaller") from error
    except Exception as error:
        # Pillow's readers raise whatever damaged bytes lead them to: struct.error, KeyError, AssertionError.
        why = shown_line(str(error)) or type(error).__name__
        raise InputError(f"{path} cannot be decoded ({why}); it is damaged, cut off, or too large") from error


def _check(path: Path, image: Image.Image) -> None:
    width, height = image.size
    if max(width, height) > LARGEST_SIDE:
        raise InputError(
            f"{path} is {width}x{height}; a JPEG has at most {LARGEST_SIDE} pixels a side; make it smaller"
        )
    if width * height > LARGEST_PICTURE:
        raise InputError(
            f"{path} is {width}x{height}; the maximum is {LARGEST_PICTURE} pixels in all; make it smaller"
        )
    if min(width, height) < 1:
        raise InputError(f"{path} is {width}x{height} and has no pixels; give another picture")
    if image.format == "TIFF":
        tags = image.getexif()
        is_preview = tags.get(_SUBFILE_TYPE) == 1 and getattr(image, "n_frames", 1) > 1
        if _DNG_VERSION in tags or is_preview:
            raise InputError(
                f"{path} is a camera's raw file, or begins with a preview; develop it to TIFF, PNG or JPEG"
            )


def _what_it_is(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "is empty (0 bytes); copy or download it again"
    if head[4:8] == b"ftyp":
        return _BRANDS.get(head[8:12], _VIDEO)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml", b"<!doctype svg")) and b"<svg" in text:
        return "is a drawing (SVG), not a picture of pixels; export it as PNG first"
    return next((words for start, words in _BEGINNINGS if head.startswith(start)), _UNKNOWN)


_UNKNOWN = "is not a picture that can be read; give PNG, JPEG, WebP or TIFF"
_VIDEO = "is a video or sound; use semvid compress"
_HEIC = "is HEIC, which cannot be read; convert it to JPEG or PNG first"
_AVIF = "is AVIF that is damaged or not supported by this Pillow; convert it to PNG first"
_RAW_FILE = "is a camera's raw file; develop it to TIFF, PNG or JPEG first"
_JPEG_XL = "is JPEG XL, which cannot be read; convert it to PNG first"
_PAGE = "is a page (PDF or PostScript), not a picture; export it as PNG first"
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), _HEIC),
    **dict.fromkeys((b"avif", b"avis"), _AVIF),
    b"crx ": _RAW_FILE,
    b"jxl ": _JPEG_XL,
}
"""By the brand after ``ftyp``."""
_BEGINNINGS = (
    (b"\xff\x0a", _JPEG_XL),
    (b"\0\0\0\x0cJXL ", _JPEG_XL),
    (b"%PDF", _PAGE),
    (b"%!PS", _PAGE),
    (b"\xc5\xd0\xd3\xc6", _PAGE),
    (b"\x1a\x45\xdf\xa3", _VIDEO),
)
