"""Tests by encoding whether Motion-JPEG is available and obeys a map."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
from av.video.reformatter import ColorRange

from semvid.codecs.base.self_test import RATE, Coded, SelfTest, compare_halves
from semvid.core.config import CompressConfig
from semvid.core.rate import Quality
from semvid.core.types import AnalysedFrame, Frame, VideoInfo

_QUALITY = 50
"""In the middle, as are the CRFs other encoders are tested at; at 80 a map moves a third as much."""


def test_motion_jpeg() -> SelfTest:
    """Run the self-test; takes as long as the coder needs to be compiled, and far less the next time."""
    return compare_halves("mjpeg", "semvid", _encode)


def _encode(frames: list[Frame], mark: bool) -> Coded:
    # Its libraries may be what is wrong.
    from semvid.codecs.jpeg.motion import JpegCoding

    height, width = frames[0].luma.shape
    importance = np.zeros((height, width), np.float32)
    importance[:, : width // 2] = 1
    coding = JpegCoding(CompressConfig(codec="mjpeg", rate=Quality(_QUALITY)))
    prepared = []
    for frame in frames:
        # As JPEG has it, so that levels come back as they were.
        frame.picture.color_range = ColorRange.JPEG
        prepared.append(coding.prepare(AnalysedFrame(frame, importance if mark else None, is_cut=False)))
    with closing(coding.open(prepared[0], _describe(frames[0]), ".mkv")) as encoder:
        packets = [one for picture in prepared for one in encoder.encode(picture)]
        return encoder.parameters, packets + encoder.flush()


def _describe(first: Frame) -> VideoInfo:
    height, width = first.luma.shape
    return VideoInfo(
        path=Path(), size_bytes=0, container="", stream_index=0, codec="rawvideo", width=width, height=height,
        pixel_format="yuv420p", frame_rate=RATE, time_base=1 / RATE, sample_aspect_ratio=None,
        duration_seconds=None, num_frames_from_header=None, streams=(),
    )  # fmt: skip
