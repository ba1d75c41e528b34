"""Side data of frames, as FFmpeg's structures hold it, put into the boxes of a QuickTime sample entry."""

from __future__ import annotations

import struct
from fractions import Fraction

from semvid.media.writing.stream_template import box, full_box

# SMPTE ST 2086 as files and bitstreams code it: chromaticity in units of 0.00002, luminance of 0.0001 cd/m2.
_CHROMATICITY, _LUMINANCE = 50_000, 10_000
# struct AVMasteringDisplayMetadata: primaries R G B and white point as x, y; luminance min, max; two flags.
_MASTERING = struct.Struct("=20i2i")
_LIGHT_LEVEL = struct.Struct("=2I")
# struct AVAmbientViewingEnvironment: illuminance and the chromaticity of the light.
_AMBIENT = struct.Struct("=6i")
# struct AVStereo3D begins with its type and flags; bit 0 = the right view comes first.
_STEREO = struct.Struct("=2I")
# struct AVSphericalMapping: projection; yaw, pitch, roll; bounds left, top, right, bottom; padding.
_SPHERICAL = struct.Struct("=I3i4II")

_STEREO_TAGS = {
    1: ("left_right", "right_left"),
    2: ("top_bottom", "bottom_top"),
    3: ("block_lr", "block_rl"),
    4: ("checkerboard_lr", "checkerboard_rl"),
    6: ("row_interleaved_lr", "row_interleaved_rl"),
    7: ("col_interleaved_lr", "col_interleaved_rl"),
}
"""Matroska's names: left eye first, right eye first."""
_ST3D = {1: 2, 2: 1}

EQUIRECTANGULAR, CUBEMAP, TILE, HALF, RECTILINEAR, FISHEYE = range(6)
_APPLE_PROJECTIONS = {HALF: b"hequ", RECTILINEAR: b"rect", FISHEYE: b"fish"}


def mastering_numbers(data: bytes) -> tuple[tuple[int, ...], int, int] | None:
    """Return primaries R, G, B and white point as x, y, and the brightest and darkest, as files code them.

    None where one half is missing.
    """
    if len(data) < _MASTERING.size:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    if not (has_primaries and has_luminance):
        return None
    values = [Fraction(n, d or 1) for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    darkest, brightest = (round(one * _LUMINANCE) for one in values[8:])
    return tuple(round(one * _CHROMATICITY) for one in values[:8]), brightest, darkest


def light_levels(data: bytes) -> tuple[int, int] | None:
    """Return the brightest pixel and the brightest frame in cd/m2; None where nothing is said."""
    if len(data) < _LIGHT_LEVEL.size:
        return None
    brightest, average = _LIGHT_LEVEL.unpack_from(data)
    return (brightest, average) if brightest or average else None


def stereo_type(data: bytes) -> tuple[int, bool]:
    """Return FFmpeg's number of how two views share the pictures, and whether the right one comes first."""
    kind, flags = _STEREO.unpack_from(data)
    return kind, bool(flags & 1)


def stereo_tag(data: bytes) -> str | None:
    """Return Matroska's name of it; None where there is none."""
    kind, is_right_first = stereo_type(data)
    return _STEREO_TAGS[kind][is_right_first] if kind in _STEREO_TAGS else None


def projection(data: bytes) -> tuple[int, bool]:
    """Return FFmpeg's number of a spherical projection, and whether it looks straight ahead."""
    kind, *pose = _SPHERICAL.unpack_from(data)[:4]
    return kind, not any(pose)


def mastering_box(data: bytes) -> bytes | None:
    """Return the box of the mastering display; None where the box cannot say it, as the others do."""
    numbers = mastering_numbers(data)
    if numbers is None:
        return None
    (red_x, red_y, *others), brightest, darkest = numbers
    green_blue, white = others[:4], others[4:]
    return box(b"mdcv", struct.pack(">8H2I", *green_blue, red_x, red_y, *white, brightest, darkest))


def light_box(data: bytes) -> bytes | None:
    """Return the box of the content light level."""
    levels = light_levels(data)
    return None if levels is None else box(b"clli", struct.pack(">2H", *(min(one, 65535) for one in levels)))


def ambient_box(data: bytes) -> bytes | None:
    """Return the box of the ambient viewing environment."""
    values = _AMBIENT.unpack_from(data)
    illuminance, x, y = (Fraction(n, d or 1) for n, d in zip(values[::2], values[1::2], strict=True))
    if not illuminance:
        return None
    numbers = round(illuminance * _LUMINANCE), round(x * _CHROMATICITY), round(y * _CHROMATICITY)
    return box(b"amve", struct.pack(">I2H", *numbers))


def stereo_box(data: bytes) -> bytes | None:
    """Return the box of a stereo layout; MP4 knows two, with the left eye first."""
    kind, is_right_first = stereo_type(data)
    return full_box(b"st3d", bytes([_ST3D[kind]])) if kind in _ST3D and not is_right_first else None


def spherical_box(data: bytes) -> bytes | None:
    """Return the box of a spherical projection: Google's, or Apple's for what that does not know."""
    kind, yaw, pitch, roll, left, top, right, bottom, padding = _SPHERICAL.unpack_from(data)
    if kind in _APPLE_PROJECTIONS:
        return box(b"vexu", box(b"proj", full_box(b"prji", _APPLE_PROJECTIONS[kind])))
    if kind == CUBEMAP:
        surface = full_box(b"cbmp", struct.pack(">2I", 0, padding))
    elif kind in {EQUIRECTANGULAR, TILE}:
        surface = full_box(b"equi", struct.pack(">4I", top, bottom, left, right))
    else:
        return None
    pose = full_box(b"prhd", struct.pack(">3i", yaw, pitch, roll))
    return box(b"sv3d", full_box(b"svhd", b"\0"), box(b"proj", pose, surface))


def cropping_box(edges: tuple[int, int, int, int], size: tuple[int, int]) -> bytes | None:
    """Return the box for what players cut off.

    Args:
        edges: Pixels at the left, right, top and bottom.
        size: ``(width, height)`` of the coded picture in pixels.
    """
    left, right, top, bottom = edges
    width, height = size[0] - left - right, size[1] - top - bottom
    if width <= 0 or height <= 0:
        return None
    # The middle of what is left, against the middle of the whole: in halves of a pixel.
    return box(b"clap", struct.pack(">4I2i2i", width, 1, height, 1, left - right, 2, top - bottom, 2))
