"""Frames of an open video by their index: found by seeking, and kept as small pictures."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import closing

import cv2
import numpy as np
from av import VideoCodecContext, VideoFrame
from av.container import InputContainer
from av.error import FFmpegError

from semvid.core.closing import Closing
from semvid.core.errors import InputError
from semvid.core.geometry import scaled_size, turned_size
from semvid.core.types import Frame, Span, VideoInfo
from semvid.media.colour import to_bgr
from semvid.media.ffmpeg_log import end_threads
from semvid.media.probe import decoder_of, open_video
from semvid.media.reading.entry import is_indexed
from semvid.media.reading.packets import ShownFrames, clock_shift, clock_streams
from semvid.media.reading.reader import VideoReader

LEAST_WIDTH, MOST_WIDTH = 48, 1920
"""Pixels of the pictures that are made."""
_QUALITY = 85
_MOST_CACHED = 24 * 2**20
"""Bytes of pictures that are kept of one video."""
_THREADS = 2
"""Of the decoder: more hold back more frames, and all of those take memory."""


class Pictures(Closing):
    """The frames of a video. Any thread may ask; one is served at a time.

    Args:
        info: Of the video.
        frames: When its frames are shown.
    """

    def __init__(self, info: VideoInfo, frames: ShownFrames) -> None:
        self._info, self._frames = info, frames
        self._keys = np.flatnonzero(frames.is_key)
        self._may_seek = is_indexed(info)
        self._lock = threading.Lock()
        self._container: InputContainer | None = None
        self._decoder: VideoCodecContext | None = None
        self._decoded: Iterator[VideoFrame] = iter(())
        self._last, self._wanted = -1, 0
        self._recent: Frame | None = None
        self._cache: OrderedDict[tuple[int, int], bytes] = OrderedDict()
        self._num_cached = 0

    def key_before(self, index: int) -> int:
        """Return the key frame from which a frame is decoded: it is found quickest itself."""
        place = int(np.searchsorted(self._keys, index, "right")) - 1
        return int(self._keys[place]) if place >= 0 else 0

    def frame(self, index: int) -> Frame:
        """Return a frame.

        Raises:
            InputError: It cannot be decoded.
        """
        with self._lock:
            if self._recent is not None and self._recent.index == index:
                return self._recent
            # What clocks and indices lead astray is read as everything else reads it, which takes longer.
            found = (self._sought(index) if self._may_seek else None) or self._read(index)
            self._recent = found
        return found

    def jpeg(self, index: int, width: int, size: tuple[int, int]) -> bytes:
        """Return a frame as a JPEG, upright.

        Args:
            index: Of the frame.
            width: In pixels; never more than the frame has.
            size: ``(width, height)`` of the upright picture in square pixels.

        Raises:
            InputError: It cannot be decoded.
        """
        width = min(max(width, LEAST_WIDTH), MOST_WIDTH, size[0])
        with self._lock:
            if (kept := self._cache.get((index, width))) is not None:
                self._cache.move_to_end((index, width))
                return kept
        data = self.picture_of(self.frame(index), width, size)
        self._keep((index, width), data)
        return data

    def picture_of(self, frame: Frame, width: int, size: tuple[int, int]) -> bytes:
        """Make the JPEG of a frame that is there."""
        fitting = scaled_size(size, width / size[0])
        drawn = frame.upright(to_bgr(frame, turned_size(fitting, frame.quarter_turns)))
        _, data = cv2.imencode(".jpg", np.ascontiguousarray(drawn), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        return data.tobytes()

    def rest(self) -> None:
        """Close the file and forget pictures; both come again when they are asked for."""
        with self._lock:
            self._close()
            self._recent = None
            self._cache.clear()
            self._num_cached = 0

    def close(self) -> None:
        """Close the file."""
        self.rest()

    def _keep(self, key: tuple[int, int], data: bytes) -> None:
        with self._lock:
            if key not in self._cache:
                self._cache[key] = data
                self._num_cached += len(data)
            while self._num_cached > _MOST_CACHED:
                self._num_cached -= len(self._cache.popitem(last=False)[1])

    def _close(self) -> None:
        self._decoded, self._last = iter(()), -1
        if self._container is not None:
            if self._decoder is not None:
                end_threads(self._decoder)
            self._container.close()
            # Its threads end with it.
            self._container = self._decoder = None

    def _sought(self, index: int) -> Frame | None:
        key = self.key_before(index)
        self._wanted = int(self._frames.pts[index])
        try:
            if self._container is None or not key <= self._last < index:
                self._seek(key)
            for picture in self._decoded:
                if picture.pts is None:
                    return None
                pts = picture.pts + self._ticks
                place = int(np.searchsorted(self._frames.pts, pts))
                self._last = place
                if pts == self._frames.pts[index]:
                    picture.pts = pts
                    return Frame(picture, index)
                if place > index:
                    break
        except (FFmpegError, OSError):
            pass
        self._close()
        return None

    def _seek(self, key: int) -> None:
        if self._container is None or self._decoder is None:
            self._container, self._stream, _ = open_video(self._info.path)
            counting = clock_streams(self._container, self._stream)
            self._ticks = round(clock_shift(self._info, counting) / self._info.file_time_base)
            self._decoder = decoder_of(self._stream, self._info)
            self._decoder.thread_type, self._decoder.thread_count = "AUTO", _THREADS
        target = int(self._frames.pts[key]) - self._ticks
        self._container.seek(target, stream=self._stream)
        self._decoder.flush_buffers()
        self._decoded = self._decode_on(self._container, self._decoder)
        self._last = -1

    def _decode_on(self, container: InputContainer, decoder: VideoCodecContext) -> Iterator[VideoFrame]:
        for packet in container.demux(self._stream):
            # What is shown before the frame that is wanted is decoded only if others need it.
            is_before = packet.pts is not None and packet.pts + self._ticks < self._wanted
            decoder.skip_frame = "NONREF" if is_before else "DEFAULT"
            yield from decoder.decode(packet)

    def _read(self, index: int) -> Frame:
        pts = int(self._frames.pts[index])
        with (
            VideoReader(self._info.path, span=Span(pts, pts + 1)) as reader,
            closing(reader.read()) as items,
        ):
            found = next((one for one in items if isinstance(one, Frame)), None)
        if found is None:
            raise InputError(f"frame {index} of {self._info.path.name} cannot be decoded; look at another")
        return Frame(found.picture, index, turns=found.turns)
