"""The codecs semvid steers, one line each, and why it refuses the others."""

from __future__ import annotations

from dataclasses import replace

from semvid.codecs.base.codec import Codec
from semvid.codecs.jpeg.codec import MJPEG
from semvid.codecs.svtav1.av1 import AV1
from semvid.codecs.vpx.vp8 import VP8
from semvid.codecs.vpx.vp9 import VP9
from semvid.codecs.x26x.x264 import X264
from semvid.codecs.x26x.x265 import X265
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError, MapIgnoredError
from semvid.core.text import setting

CODECS: dict[str, Codec] = {
    "x264": X264,
    "x265": X265,
    "vp8": VP8,
    "vp9": VP9,
    "av1": AV1,
    "mjpeg": MJPEG,
}
"""By their names on the command line; hardware encoders, which few machines have, are in ``HARDWARE``
(``hardware.catalogue``)."""

_REFUSED = {
    "aom": ("FFmpeg's libaom wrapper silently ignores region maps", "av1"),
    "rav1e": ("rav1e silently ignores region maps", "av1"),
    "hevc_v4l2m2m": ("FFmpeg's V4L2 encoder of HEVC takes no quality", "x265"),
    "vvenc": ("FFmpeg's libvvenc wrapper silently ignores region maps", "x265"),
    "kvazaar": ("FFmpeg's libkvazaar wrapper silently ignores region maps", "x265"),
    "openh264": ("libopenh264 silently ignores region maps", "x264"),
}


def find_codec(name: str) -> Codec:
    """Look a codec up by the name a user typed.

    Raises:
        MapIgnoredError: The encoder exists but would ignore the map.
        ConfigError: No such encoder is known.
    """
    wanted = name.lower()
    for codec in CODECS.values():
        if wanted in {codec.name, *codec.also_called}:
            return codec
    # Seldom asked for, and they take a while to load.
    from semvid.codecs.hardware.catalogue import HARDWARE

    if wanted in HARDWARE:
        return HARDWARE[wanted]
    for key, (why, instead) in _REFUSED.items():
        if _plain(key) in _plain(wanted):
            raise MapIgnoredError(f"{setting('codec', name)} is refused: {why}; use `codec={instead}`")
    raise ConfigError(
        f"{setting('codec', name)} is unknown; choose one of {', '.join(CODECS)}, or a hardware encoder that "
        "'semvid doctor' lists"
    )


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "")


def codec_of_format(coding_format: str) -> Codec:
    """Return the codec with this bitstream format, by FFmpeg's name."""
    return next(one for one in CODECS.values() if one.coding_format == coding_format)


def at_quality(config: CompressConfig, quality: float) -> CompressConfig:
    """Return a config with another quality, on the scale of its codec."""
    return replace(config, rate=find_codec(config.codec).scale.rate(quality))
