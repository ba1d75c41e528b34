"""The metadata of a still, in the form a JPEG keeps it, or a sentence why it cannot."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal, cast

from PIL import Image

from semvid.core.checked import shown
from semvid.core.records import dataclass
from semvid.core.text import counted
from semvid.media.orientation import ORIENTATION

MOST_PAYLOAD = 65533
"""Bytes of one segment of a JPEG."""
APP1, APP13, COMMENT = 0xE1, 0xED, 0xFE

XMP, MORE_XMP = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
"""Beginnings of segments."""

_EXIF, _PHOTOSHOP = b"Exif\0\0", b"Photoshop 3.0\0"
_GAIN_MAP, _MOVING = (b"hdrgm:",), (b"MotionPhoto", b"MicroVideo")
# Segments that say how the old file was coded, or are read elsewhere.
_CODING = (b"JFIF\0", b"JFXX\0", b"Adobe", b"ICC_PROFILE\0", b"MPF\0", _EXIF)
_MOST_PROFILE = 255 * (MOST_PAYLOAD - 14)
_MOST_DENSITY = 65535
_PIXELS_PER_INCH = 1
_MOST_COMMENTS = 64
_SMALLEST_PROFILE = 132
_TIFF_PHOTOSHOP, _TIFF_IPTC = 34377, 33723
# How a TIFF stores its pixels, and what is carried over in other ways: XMP, IPTC, Photoshop's, the profile.
_LAYOUT = frozenset({
    *range(254, 260), *range(262, 267), 273, *range(277, 282), 284, *range(288, 294), 297, 301, 317,
    *range(320, 329), 330, 332, 333, 334, *range(336, 343), 347, *range(512, 522), *range(529, 533),
    700, 33723, 34377, 34675, 37724, 50341,
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class PictureTags:
    """The metadata segments of a JPEG."""

    exif: bytes = b""
    """A TIFF structure, without the ``Exif`` before it."""
    icc: bytes = b""
    """The colour profile."""
    segments: tuple[tuple[int, bytes], ...] = ()
    """Marker numbers and their payloads: XMP, IPTC, comments."""
    density: tuple[int, int, int] | None = None
    """As in JFIF: unit (0 = none, an aspect ratio; 1 = per inch; 2 = per cm), across, down."""

    def fitting(self, components: int) -> tuple[PictureTags, tuple[str, ...]]:
        """Return what holds for 1 (grey) or 3 components (RGB), and what was left out."""
        wanted = b"GRAY" if components == 1 else b"RGB "
        if not self.icc or self.icc[16:20] == wanted:
            return self, ()
        kind = shown(self.icc[16:20].decode("latin-1").strip())
        what = "grey" if components == 1 else "RGB"
        return replace(self, icc=b""), (f"colour profile for {kind} left out: it does not fit {what}",)


def read_tags(image: Image.Image) -> tuple[PictureTags, list[str]]:
    """Return the tags of a picture that was loaded, and a sentence for each that is left out or changed."""
    notices: list[str] = []
    exif = _exif(image, notices)
    segments = [*_segments(image, notices)]
    return PictureTags(exif, _profile(image, notices), tuple(segments), _density(image, notices)), notices


def _exif(image: Image.Image, notices: list[str]) -> bytes:
    if image.format == "TIFF":
        tags = image.getexif()
        # Loading has turned the picture upright.
        for tag in _LAYOUT.intersection(tags) | {ORIENTATION}.intersection(tags):
            del tags[tag]
        try:
            data = tags.tobytes() if len(tags) else b""
        except Exception:  # noqa: BLE001 - Pillow raises whatever values of a wrong type lead it to
            notices.append("EXIF left out: it has values of a wrong type")
            return b""
    else:
        data = image.info.get("exif") or b""
        data = data if isinstance(data, bytes) else b""
    data = data.removeprefix(_EXIF)
    if data and not _has_directory(data):
        notices.append("EXIF left out: it is damaged")
        return b""
    if len(data) > MOST_PAYLOAD - len(_EXIF):
        notices.append(f"{len(data)} bytes of EXIF left out: a JPEG holds {MOST_PAYLOAD - len(_EXIF)}")
        return b""
    return data


def _has_directory(exif: bytes) -> bool:
    """Return whether EXIF can be read at all; damage further inside is kept as it is."""
    order = {b"II*\0": "little", b"MM\0*": "big"}.get(exif[:4])
    if order is None or len(exif) < 8:
        return False
    return 8 <= int.from_bytes(exif[4:8], cast("Literal['little', 'big']", order)) <= len(exif) - 2


def _profile(image: Image.Image, notices: list[str]) -> bytes:
    icc = image.info.get("icc_profile") or b""
    if not icc:
        return b""
    claimed = int.from_bytes(icc[:4], "big")
    if not (_SMALLEST_PROFILE <= claimed <= len(icc) and icc[36:40] == b"acsp"):
        notices.append("colour profile left out: it is damaged")
        return b""
    if len(icc) > _MOST_PROFILE:
        notices.append(f"colour profile of {len(icc)} bytes left out: a JPEG holds {_MOST_PROFILE}")
        return b""
    return bytes(icc)


def _segments(image: Image.Image, notices: list[str]) -> Iterator[tuple[int, bytes]]:
    applist = getattr(image, "applist", None)
    if applist is not None:
        yield from _of_jpeg(applist, notices)
        return
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    xmp = xmp.encode() if isinstance(xmp, str) else bytes(xmp)
    if len(xmp) > MOST_PAYLOAD - len(XMP):
        notices.append(f"{len(xmp)} bytes of XMP left out: a JPEG holds {MOST_PAYLOAD - len(XMP)}")
    elif xmp:
        yield APP1, XMP + xmp
    photoshop = _photoshop(image)
    if len(photoshop) > MOST_PAYLOAD:
        notices.append(f"{len(photoshop)} bytes of IPTC left out: a JPEG holds {MOST_PAYLOAD}")
    elif photoshop:
        yield APP13, photoshop
    yield from _comments(image, notices)


def _of_jpeg(applist: list[tuple[str, bytes]], notices: list[str]) -> Iterator[tuple[int, bytes]]:
    told = set()
    for name, data in applist:
        if name == "COM":
            yield COMMENT, data
        elif data.startswith(XMP) and any(one in data for one in _GAIN_MAP):
            told.add("gain map for HDR displays, and the XMP that points to it,")
        elif data.startswith(XMP) and any(one in data for one in _MOVING):
            told.add("moving part of a live photo, and the XMP that points to it,")
        elif data.startswith((XMP, MORE_XMP)):
            yield APP1, data
        elif data.startswith(_PHOTOSHOP):
            yield APP13, data
        elif name == "APP11" and data.startswith(b"JP"):
            told.add("content credentials (C2PA), which a changed picture invalidates,")
        elif not data.startswith(_CODING):
            told.add(f"data of {name} {shown(data[:8].split(bytes(1))[0].decode('latin-1'))}")
    notices += [f"{one} left out" for one in sorted(told)]


def _photoshop(image: Image.Image) -> bytes:
    tags: dict[int, Any] = getattr(image, "tag_v2", {})
    resources, iptc = tags.get(_TIFF_PHOTOSHOP), tags.get(_TIFF_IPTC)
    if isinstance(resources, bytes):
        return _PHOTOSHOP + resources
    if isinstance(iptc, tuple) and all(isinstance(one, int) and 0 <= one < 2**32 for one in iptc):
        # Adobe's first programs called these bytes numbers of 32 bits.
        iptc = struct.pack(f"{'<' if image.tag_v2.prefix == b'II' else '>'}{len(iptc)}I", *iptc)  # type: ignore[attr-defined]
    if not isinstance(iptc, bytes) or not iptc:
        return b""
    padding = bytes(len(iptc) % 2)
    return _PHOTOSHOP + b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc + padding


def _comments(image: Image.Image, notices: list[str]) -> Iterator[tuple[int, bytes]]:
    found: list[bytes] = []
    comment = image.info.get("comment")
    if comment:
        found.append(comment if isinstance(comment, bytes) else str(comment).encode())
    texts: dict[str, str] = getattr(image, "text", None) or {}
    found += [
        f"{key}: {value}".encode(errors="replace")
        for key, value in texts.items()
        if key != "XML:com.adobe.xmp" and not key.startswith("Raw profile type ")
    ]
    raw = [key for key in texts if key.startswith("Raw profile type ") and not key.endswith(" exif")]
    notices += [f"{shown(key)} left out" for key in raw]
    kept = [one for one in found if len(one) <= MOST_PAYLOAD][:_MOST_COMMENTS]
    if len(kept) < len(found):
        notices.append(f"{counted(len(found) - len(kept), 'comment')} left out: too long or too many")
    yield from ((COMMENT, one) for one in kept)


def _density(image: Image.Image, notices: list[str]) -> tuple[int, int, int] | None:
    info = image.info
    if "jfif_density" in info:
        values, unit = info["jfif_density"], int(info.get("jfif_unit", 0))
    elif "aspect" in info:
        values, unit = info["aspect"], 0
    elif image.format != "JPEG" and "dpi" in info:
        values, unit = info["dpi"], _PIXELS_PER_INCH
    else:
        return None
    try:
        across, down = (float(one) for one in values)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    if not all(math.isfinite(one) and one > 0 for one in (across, down)) or unit not in {0, 1, 2}:
        return None
    if max(across, down) > _MOST_DENSITY:
        notices.append(f"density of {across:g} x {down:g} left out: a JPEG has at most {_MOST_DENSITY}")
        return None
    return unit, max(round(across), 1), max(round(down), 1)
