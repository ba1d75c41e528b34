"""Tests by encoding whether Motion-JPEG is available and obeys a map."""

from __future__ import annotations

import numpy as np

from semvid.codecs.base.self_test import Coded, SelfTest, compare_halves
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.luma import all_planes
from semvid.core.types import Frame

_QUALITY = 50
"""In the middle, as are the CRFs other encoders are tested at; at 80 a map moves a third as much."""
_STRENGTH = 2.0
"""The usual one makes halves differ by less than what is clearly no chance."""


def test_motion_jpeg() -> SelfTest:
    """Run the self-test; takes as long as the coder needs to be compiled, and far less the next time."""
    return compare_halves("mjpeg", "semvid", _encode)


def _encode(frames: list[Frame], mark: bool) -> Coded:
    # Its libraries may be what is wrong.
    from semvid.codecs.jpeg.encoder import Choice, PictureCoder
    from semvid.codecs.jpeg.planes import Planes

    width, height = frames[0].size
    importance = np.zeros((height, width), np.float32)
    importance[:, : width // 2] = 1
    packets = []
    for frame in frames:
        # Taken as full range, so that levels come back as they were.
        planes = Planes(all_planes(frame.picture), "4:2:0")
        choice = Choice(_QUALITY, strength=_STRENGTH, mends_borders=False)
        jpeg = PictureCoder(planes, importance if mark else None).encode(choice)
        packets.append(CodedPacket(jpeg, "mjpeg", frame.pts, frame.pts, 1, is_keyframe=True))
    return StreamParameters("mjpeg"), packets
