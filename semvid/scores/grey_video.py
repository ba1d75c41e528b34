"""Lossless scratch files of luma alone: what VMAF and XPSNR look at, cut and composed as a score needs it."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from semvid.core.closing import Closing
from semvid.core.luma import LumaArray, plane_of
from semvid.media.names import ffmpeg_name

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

MOST_BITS = 10
"""Of a sample: FFmpeg's filters take no more of 4:2:0."""
SUFFIX = ".nut"


class GreyWriter(Closing):
    """Writes luma as lossless 4:2:0 video without colour; an odd last column or row is left out.

    Args:
        path: A file that ends in ``SUFFIX``.
        bits: Of the samples, at most ``MOST_BITS``.
        frame_rate: Frames per second.
    """

    def __init__(self, path: Path, bits: int, frame_rate: Fraction) -> None:
        self._bits, self._rate = bits, frame_rate
        self._name = "yuv420p" if bits == 8 else "yuv420p10le"
        self._container: OutputContainer | None = av.open(ffmpeg_name(path), "w")
        self._stream: VideoStream | None = None
        self._num_frames = 0

    def write(self, luma: LumaArray) -> None:
        """Write ``(height, width)`` samples; all pictures of a file have one size."""
        assert self._container is not None  # noqa: S101 - it is open
        height, width = (side & ~1 for side in luma.shape)
        if self._stream is None:
            # Four times as fast as FFV1, and half as large as raw.
            self._stream = self._container.add_stream("ffvhuff", rate=self._rate)
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = self._name
            self._stream.codec_context.time_base = 1 / self._rate
        kind = np.uint8 if self._bits == 8 else np.uint16
        samples = np.full((height * 3 // 2, width), 1 << (self._bits - 1), kind)
        samples[:height] = luma[:height, :width]
        picture = av.VideoFrame.from_ndarray(samples, self._name)
        picture.pts, picture.time_base = self._num_frames, 1 / self._rate
        self._num_frames += 1
        self._container.mux(self._stream.encode(picture))

    def close(self) -> None:
        """Complete the file."""
        if self._container is None:
            return
        container, self._container = self._container, None
        with container:
            if self._stream is not None:
                container.mux(self._stream.encode())


def grey_pictures(path: Path) -> Generator[LumaArray, None, None]:
    """Yield the luma that a ``GreyWriter`` wrote."""
    with av.open(ffmpeg_name(path)) as container:
        for picture in container.decode(video=0):
            yield plane_of(picture)
