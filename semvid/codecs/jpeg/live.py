"""Live Motion-JPEG on all cores: a frame comes out when as many more are being encoded as there are cores."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import av
import numpy as np

from semvid.codecs.base.live import LiveOptions
from semvid.codecs.jpeg.budget import Budget
from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.motion import JpegCoding
from semvid.codecs.jpeg.planes import planes_of
from semvid.core.coded import TIME_BASE, CodedPacket
from semvid.core.config import AllocationConfig, CompressConfig
from semvid.core.types import AnalysedFrame, FloatArray, Frame


class JpegLiveEncoder:
    """See ``LiveEncoder``.

    Args:
        options: Bit rate, delay and so on.
        allocation: How strongly importance decides.
    """

    def __init__(self, options: LiveOptions, allocation: AllocationConfig) -> None:
        self.saving: float | None = None
        self._coding = JpegCoding(CompressConfig(codec="mjpeg"))
        self._choice = Choice(background_weight=allocation.background_weight, strength=allocation.strength)
        self._budget = Budget(options.bitrate / 8 / options.frame_rate, None, 50)
        self._duration = round(1 / (options.frame_rate * TIME_BASE))
        self._depth = min(os.cpu_count() or 1, max(int(options.latency_ms / 1000 * options.frame_rate), 1))
        self._pool = ThreadPoolExecutor(self._depth, "semvid-jpeg")
        self._pending: deque[tuple[int, Future[bytes]]] = deque()
        # What is compiled on first use takes seconds: before the first frame, not while it waits.
        grey = np.full((64, 64, 3), 128, np.uint8)
        blank = av.VideoFrame.from_ndarray(grey)
        blank.pts, blank.time_base = 0, TIME_BASE
        analysed = AnalysedFrame(Frame(blank, 0), None, is_cut=True)
        picture = self._coding.prepare(analysed).picture
        PictureCoder(planes_of(picture), np.zeros((1, 1), np.float32)).encode(self._choice)

    def encode(
        self, frame: Frame, importance: FloatArray | None, *, is_cut: bool, wants_key: bool = False
    ) -> list[CodedPacket]:
        """See ``LiveEncoder``."""
        coded = None if importance is None else frame.as_coded(importance)
        prepared = self._coding.prepare(AnalysedFrame(frame, coded, is_cut))
        choice = replace(self._choice, quality=self._budget.next_quality())
        job = self._pool.submit(lambda: PictureCoder(planes_of(prepared.picture), coded).encode(choice))
        self._pending.append((frame.picture.pts or 0, job))
        return [] if len(self._pending) < self._depth else [self._oldest()]

    def _oldest(self) -> CodedPacket:
        pts, done = self._pending.popleft()
        data = done.result()
        self._budget.spend(len(data))
        return CodedPacket(data, "mjpeg", pts, pts, self._duration, is_keyframe=True)

    def reweigh(self, allocation: AllocationConfig) -> None:
        """See ``LiveEncoder``."""
        self._choice = replace(self._choice, strength=allocation.strength)

    def flush(self) -> list[CodedPacket]:
        """See ``LiveEncoder``."""
        return [self._oldest() for _ in range(len(self._pending))]

    def take_remarks(self, *, waits: bool = False) -> list[str]:
        """There are none."""
        return []

    def close(self) -> None:
        """See ``LiveEncoder``."""
        self._pool.shutdown(cancel_futures=True)
