"""Carry static HDR10 metadata over: encoders take it as options, decoders give it with the frames."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from av.sidedata.sidedata import Type

from semvid.encode.spec import EncoderSpec

if TYPE_CHECKING:
    from av import VideoFrame

# SMPTE ST 2086 as the bitstreams code it: chromaticity in units of 0.00002, luminance of 0.0001 cd/m2.
_CHROMATICITY, _LUMINANCE = 50_000, 10_000
# struct AVMasteringDisplayMetadata: primaries R G B and white point as x, y; luminance min, max; two flags.
_MASTERING = struct.Struct("=20i2i")
_LIGHT_LEVEL = struct.Struct("=2I")

_NOT_CARRIED = {
    Type.DYNAMIC_HDR_PLUS: "HDR10+ dynamic metadata",
    Type.DOVI_METADATA: "Dolby Vision metadata",
    Type.DOVI_RPU_BUFFER: "Dolby Vision metadata",
    Type.DYNAMIC_HDR_VIVID: "HDR Vivid metadata",
}


def with_hdr10(spec: EncoderSpec, options: Mapping[str, str], first: VideoFrame) -> dict[str, str]:
    """Add a video's mastering display and content light level to its encoder's options.

    Args:
        spec: The encoder.
        options: From ``spec.options``; what the user set there stays.
        first: First decoded frame.
    """
    result = dict(options)
    if spec.nested_option is None or not spec.hdr10_options:
        return result
    nested = result.get(spec.nested_option, "")
    for key, value in zip(spec.hdr10_options, (_mastering(first), _light_level(first)), strict=True):
        if value and f"{key}=" not in nested:
            nested = f"{nested}:{key}={value}" if nested else f"{key}={value}"
    if nested:
        result[spec.nested_option] = nested
    return result


def lost_hdr(spec: EncoderSpec, first: VideoFrame) -> list[str]:
    """Name the HDR metadata of a video that the encoder cannot carry."""
    kinds = [name for kind, name in _NOT_CARRIED.items() if kind in first.side_data]
    if not spec.hdr10_options and (_mastering(first) or _light_level(first)):
        kinds.append("HDR10 metadata")
    return [f"{spec.name} does not carry the video's {kind}" for kind in dict.fromkeys(kinds)]


def _mastering(frame: VideoFrame) -> str | None:
    data = _bytes(frame, Type.MASTERING_DISPLAY_METADATA, _MASTERING.size)
    if data is None:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING.unpack(data)
    if not (has_primaries and has_luminance):
        return None
    values = [Fraction(n, d or 1) for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y = (
        round(one * _CHROMATICITY) for one in values[:8]
    )
    darkest, brightest = (round(one * _LUMINANCE) for one in values[8:])
    return (
        f"G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})WP({white_x},{white_y})"
        f"L({brightest},{darkest})"
    )


def _light_level(frame: VideoFrame) -> str | None:
    data = _bytes(frame, Type.CONTENT_LIGHT_LEVEL, _LIGHT_LEVEL.size)
    return None if data is None else "{},{}".format(*_LIGHT_LEVEL.unpack(data))


def _bytes(frame: VideoFrame, kind: Type, size: int) -> bytes | None:
    if kind not in frame.side_data:
        return None
    return bytes(cast(Any, frame.side_data)[kind])[:size]
