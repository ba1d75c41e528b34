"""Refuses Dolby Vision without a base layer that ordinary players can show."""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from semvid.core.errors import InputError
from semvid.media.side_data import side_data_bytes

if TYPE_CHECKING:
    from av import VideoFrame

# struct AVDOVIMetadata begins with the offset of its AVDOVIRpuDataHeader, in which these bytes are.
_RPU_PROFILE, _FULL_RANGE = 4, 10
_PRIVATE_COLOURS = {5, 10, 20}
"""Profiles of Dolby Vision whose pictures are IPT, unless compatible with something."""


def refuse_private_colours(first: VideoFrame, stream: Sequence[tuple[str, str]], path: object) -> None:
    """Refuse a video whose pictures have right colours only in a Dolby Vision player.

    Args:
        first: First decoded frame.
        stream: ``VideoInfo.side_data``.
        path: The video's name for messages.

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
