"""From the name of a codec to the way of coding."""

from __future__ import annotations

from semvid.codecs.base.coding import Coding
from semvid.codecs.ffmpeg.region_coding import RegionCoding
from semvid.codecs.registry import find_encoder
from semvid.core.config import CompressConfig

_MOTION_JPEG = {"mjpeg", "jpeg", "motion-jpeg"}


def open_coding(config: CompressConfig) -> Coding:
    """Return the way of coding that was asked for, its options checked.

    Raises:
        MapIgnoredError: The encoder would ignore the map.
        ConfigError: No such encoder is known, or it does not take an option.
    """
    if config.codec.lower() in _MOTION_JPEG:
        # Loads torch and a compiler.
        from semvid.codecs.jpeg.motion import JpegCoding

        return JpegCoding(config)
    return RegionCoding(find_encoder(config.codec), config)
