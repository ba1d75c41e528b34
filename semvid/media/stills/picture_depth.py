"""What Pillow does not tell about a picture's samples: their bit depth, and colours named by number."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from PIL import Image

_HEAD = 2**16
_BITS_PER_SAMPLE = 258
# Numbers of ITU-T H.273 that mean sRGB, or colours that are shown as such.
_USUAL_PRIMARIES, _USUAL_TRANSFERS = {1, 2, 5, 6, 7}, {1, 2, 6, 13, 14, 15}


def true_depth(path: Path, image: Image.Image) -> int:
    """Return the bits per sample in the file, at least 8."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if image.format == "TIFF":
        bits = getattr(image, "tag_v2", {}).get(_BITS_PER_SAMPLE, 8)
        return max([one for one in _as_tuple(bits) if isinstance(one, int)], default=8)
    find = _DEPTHS.get(image.format or "")
    return max(find(head) if find else 8, 8)


def unusual_colours(path: Path, image: Image.Image) -> tuple[int, int] | None:
    """Return primaries and transfer of ITU-T H.273 that the file names, if they do not mean sRGB."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    # AVIF has them as numbers of two bytes, PNG as single bytes.
    mark, size = (b"colrnclx", 2) if image.format == "AVIF" else (b"cICP", 1)
    start = head.find(mark)
    if image.format not in {"AVIF", "PNG"} or not 0 <= start <= len(head) - len(mark) - 2 * size:
        return None
    numbers = head[start + len(mark) :][: 2 * size]
    primaries, transfer = (int.from_bytes(numbers[at : at + size], "big") for at in (0, size))
    is_usual = primaries in _USUAL_PRIMARIES and transfer in _USUAL_TRANSFERS
    return None if is_usual else (primaries, transfer)


def _as_tuple(value: object) -> tuple[object, ...]:
    return value if isinstance(value, tuple) else (value,)


def _of_png(head: bytes) -> int:
    return head[24] if len(head) > 24 else 8


def _of_ppm(head: bytes) -> int:
    # Magic, width, height, greatest value; comments go to the end of their line.
    fields = re.sub(rb"#[^\n]*", b"", head).split(maxsplit=4)
    is_deep = fields[0] in {b"P2", b"P3", b"P5", b"P6"} and len(fields) > 3 and fields[3].isdigit()
    return min(int(fields[3][:6]).bit_length(), 16) if is_deep else 8


def _of_sgi(head: bytes) -> int:
    return 8 * head[3]


def _of_jpeg2000(head: bytes) -> int:
    # The marker SIZ, and behind 40 bytes of sizes the depth of the first component, less one.
    start = head.find(b"\xff\x4f\xff\x51")
    return (head[start + 42] & 0x7F) + 1 if 0 <= start < len(head) - 42 else 8


def _of_avif(head: bytes) -> int:
    start = head.find(b"av1C")
    flags = head[start + 6] if 0 <= start < len(head) - 6 else 0
    return (12 if flags & 0x20 else 10) if flags & 0x40 else 8


_DEPTHS: dict[str, Callable[[bytes], int]] = {
    "PNG": _of_png,
    "PPM": _of_ppm,
    "SGI": _of_sgi,
    "JPEG2000": _of_jpeg2000,
    "AVIF": _of_avif,
}
