"""From the name of a codec to the way of coding."""

from __future__ import annotations

from semvid.config import CompressConfig
from semvid.encode.coding import Coding
from semvid.encode.region_coding import RegionCoding
from semvid.encode.registry import find_encoder

_MOTION_JPEG = {"mjpeg", "jpeg", "motion-jpeg"}


def open_coding(config: CompressConfig) -> Coding:
    """Return the way of coding that was asked for, its options checked.

    Raises:
        MapIgnoredError: The encoder would ignore the map.
        ConfigError: No such encoder is known, or it does not take an option.
    """
    if config.codec.lower() in _MOTION_JPEG:
        # Loads torch and a compiler.
        from semvid.jpeg.motion import JpegCoding

        return JpegCoding(config)
    return RegionCoding(find_encoder(config.codec), config)
