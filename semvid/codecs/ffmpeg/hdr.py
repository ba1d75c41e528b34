"""Static HDR10 metadata goes to encoders as options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from semvid.codecs.base.side_data_boxes import light_levels, mastering_numbers
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.media.side_data import side_data_bytes

if TYPE_CHECKING:
    from av import VideoFrame


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
