"""All hardware encoders that are known; which of them work is found out where they are used."""

from __future__ import annotations

from semvid.codecs.hardware.spec import HardwareSpec
from semvid.codecs.hardware.with_regions import QSV, VAAPI
from semvid.codecs.hardware.without_regions import AMF, MEDIACODEC, NVENC, V4L2, VIDEOTOOLBOX

HARDWARE: dict[str, HardwareSpec] = {
    one.name: one for family in (NVENC, QSV, VAAPI, AMF, VIDEOTOOLBOX, MEDIACODEC, V4L2) for one in family
}
"""By their names on the command line, which are FFmpeg's."""
