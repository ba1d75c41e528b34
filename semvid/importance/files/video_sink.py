"""Writes maps as grey videos: for people, and for MSU's x264."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from semvid.core.geometry import grid_shape
from semvid.core.threads import thread_budget
from semvid.core.types import FloatArray, Frame, VideoInfo
from semvid.importance.files.map_sink import MapSink, SinkContext, full_size
from semvid.media.names import ffmpeg_name

_LIMITED_BLACK, _LIMITED_RANGE = 16, 219


class VideoSink(MapSink):
    """Lossless grey video with the timestamps of the source."""

    container, pixel_format = "matroska", "gray"
    bytes_written = 0

    def __init__(self, path: Path, context: SinkContext) -> None:
        self._output = av.open(ffmpeg_name(path), "w", format=self.container)
        self._stream = self._output.add_stream("ffv1", rate=context.info.frame_rate or 25)
        self._time_base = self._time_base_for(context.info)
        self._is_open = False

    def _time_base_for(self, info: VideoInfo) -> Fraction:
        return info.time_base

    def _draw(self, frame: Frame, importance: FloatArray) -> tuple[NDArray[np.uint8], int | None]:
        """Return the picture as PyAV wants it, and its timestamp."""
        return full_size(importance, frame.upright_size), frame.picture.pts

    def _write(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        samples, pts = self._draw(frame, importance)
        picture = av.VideoFrame.from_ndarray(samples, format=self.pixel_format)
        picture.pts, picture.time_base = pts, self._time_base
        if not self._is_open:
            codec = self._stream.codec_context
            codec.height, codec.width = picture.height, picture.width
            codec.pix_fmt, codec.thread_count = self.pixel_format, thread_budget().helper
            codec.time_base = self._stream.time_base = self._time_base
            self._is_open = True
        self._mux(picture)
        return importance

    def _mux(self, picture: av.VideoFrame | None) -> None:
        for packet in self._stream.encode(picture):
            self.bytes_written += packet.size
            self._output.mux(packet)

    def finish(self) -> None:
        """See ``MapSink``."""
        if self._is_open:
            self._mux(None)

    def close(self) -> None:
        """See ``MapSink``."""
        self._output.close()


class SaliencySink(VideoSink):
    """The video for MSU's x264 with ``--saliency``: one picture per frame, luma of limited range."""

    container, pixel_format = "avi", "yuv420p"

    def _time_base_for(self, info: VideoInfo) -> Fraction:
        return 1 / (info.frame_rate or Fraction(25))

    def _draw(self, frame: Frame, importance: FloatArray) -> tuple[NDArray[np.uint8], int | None]:
        height, width = (2 * side for side in grid_shape(*frame.upright_size, 2))
        planes = np.full((height * 3 // 2, width), 128, np.uint8)
        grey = full_size(importance, (width, height)).astype(np.float32)
        planes[:height] = np.rint(_LIMITED_BLACK + grey * (_LIMITED_RANGE / 255))
        return planes, self.num_frames
