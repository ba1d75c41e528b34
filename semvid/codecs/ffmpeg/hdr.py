"""Static HDR10 metadata goes to encoders as options; Dolby Vision needs a base layer that can be watched."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from semvid.codecs.base.side_data_boxes import light_levels, mastering_numbers
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.errors import InputError
from semvid.media.side_data import side_data_bytes

if TYPE_CHECKING:
    from av import VideoFrame

# struct AVDOVIMetadata begins with the offset of its AVDOVIRpuDataHeader, in which these bytes are.
_RPU_PROFILE, _FULL_RANGE = 4, 10
_PRIVATE_COLOURS = {5, 10, 20}
"""Profiles of Dolby Vision whose pictures are IPT, unless compatible with something."""


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
    carried = dict(side_data_bytes(first))
    values = (
        _mastering(carried.get("MASTERING_DISPLAY_METADATA", b"")),
        _light_level(carried.get("CONTENT_LIGHT_LEVEL", b"")),
    )
    nested = result.get(spec.nested_option, "")
    for key, value in zip(spec.hdr10_options, values, strict=True):
        if value and f"{key}=" not in nested:
            nested = f"{nested}:{key}={value}" if nested else f"{key}={value}"
    if nested:
        result[spec.nested_option] = nested
    return result


def _mastering(data: bytes) -> str | None:
    numbers = mastering_numbers(data)
    if numbers is None:
        return None
    (red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y), brightest, darkest = numbers
    return (
        f"G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})WP({white_x},{white_y})"
        f"L({brightest},{darkest})"
    )


def _light_level(data: bytes) -> str | None:
    levels = light_levels(data)
    return None if levels is None else "{},{}".format(*levels)


def refuse_private_colours(first: VideoFrame, stream: Sequence[tuple[str, str]], path: object) -> None:
    """Refuse a video whose pictures have right colours only in a Dolby Vision player.

    Args:
        first: First decoded frame.
        stream: ``VideoInfo.side_data``.
        path: What to call the video.

    Raises:
        InputError: It is one (profile 5, and 10 and 20 with no compatibility).
    """
    for name, detail in stream:
        if name == "DOVI configuration record":
            said = {key: int(value) for key, value in re.findall(r"(\w[\w ]*): (\d+)", detail)}
            profile, compatibility = said.get("profile"), said.get("compatibility id")
            break
    else:
        profile, compatibility = (5, 0) if _looks_private(dict(side_data_bytes(first))) else (None, None)
    if profile == 5 or (profile in _PRIVATE_COLOURS and compatibility == 0):
        raise InputError(
            f"{path} is Dolby Vision of profile {profile}, green and purple without its metadata, which "
            "semvid cannot keep; convert it to HDR10 first, for example with FFmpeg's libplacebo filter"
        )


def _looks_private(carried: Mapping[str, bytes]) -> bool:
    data = carried.get("DOVI_METADATA", b"")
    if len(data) < struct.calcsize("N"):
        return False
    (start,) = struct.unpack_from("N", data)
    header = data[start : start + _FULL_RANGE + 1]
    return len(header) > _FULL_RANGE and header[_RPU_PROFILE] == 0 and header[_FULL_RANGE] == 1
