"""A live stream that codes nothing: moving pictures, and the controls it was given."""

import threading
import time
from dataclasses import replace
from functools import cache

import av
import cv2
import numpy as np

from semvid.core.types import Frame
from semvid.streaming.base.types import LiveStatus, Snapshot
from semvid.streaming.handle import LiveControls

STATUS = LiveStatus(
    seconds=0.0, source="playing", sinks={"srt://user:secret@relay.example:9000?passphrase=x": "open", "/home/me/talk.mkv": "open"},
    fps_in=30.0, fps_out=29.9, latency_ms=62.0, latency_p99_ms=118.0, bitrate_kbps=1940.0, maps_per_second=8.2,
    num_frames=900, num_dropped=3, num_repeated=0, num_reconnections=0, load_step=0, load_note="", saving=0.27,
)  # fmt: skip


@cache
def draw_frame(index, size=(640, 360)):
    """A bright disc that moves over texture, and the map of the disc."""
    width, height = size
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    luma = (90 + 40 * np.sin(x / 9 + y / 31) + 20 * np.sin(y / 5)).astype(np.uint8)
    centre = (round(width * (0.5 + 0.35 * np.sin(index / 12))), height // 2)
    cv2.circle(luma, centre, height // 5, 235, -1)
    matters = np.zeros((45, 80), np.float32)
    cv2.circle(matters, (centre[0] * 80 // width, 22), 9, 1.0, -1)
    chroma = np.full((height // 2, width), 128, np.uint8)
    chroma[: height // 4] = 110
    picture = av.VideoFrame.from_ndarray(np.vstack([luma, chroma]), format="yuv420p")
    return Snapshot(Frame(picture, index, luma, 8), cv2.GaussianBlur(matters, (7, 7), 0))


class FakeLive:
    """See ``LiveHandle``. A thread of its own makes 25 frames a second and measures its pace."""

    def __init__(self, size=(640, 360)):
        self.told = STATUS
        self.adjusted = []
        self.error = None
        self.is_moving = True
        self.tap = None
        self.longest_pause = 0.0
        self._controls = LiveControls()
        self._frames = [draw_frame(index, size) for index in range(50)]
        self._number = 0
        self._began = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        last = time.monotonic()
        while not self._stop.wait(0.04):
            now = time.monotonic()
            self.longest_pause = max(self.longest_pause, now - last)
            last = now
            if self.is_moving and self.told.source == "playing":
                self._number += 1

    def close(self):
        self._stop.set()
        self._thread.join()

    @property
    def num_frames(self):
        return self._number

    def status(self):
        return replace(
            self.told, seconds=time.monotonic() - self._began, num_frames=self.told.num_frames + self._number,
            latency_ms=self.told.latency_ms + 8 * np.sin(self._number / 30),
            bitrate_kbps=self._controls.bitrate / 1000 * (0.97 + 0.05 * np.sin(self._number / 17)),
            maps_per_second=self.told.maps_per_second if self._controls.maps_on else 0.0,
            saving=self.told.saving if self._controls.maps_on else None,
        )  # fmt: skip

    def snapshot(self):
        shown = self._frames[self._number % len(self._frames)]
        return shown if self._controls.maps_on else Snapshot(shown.frame, None)

    def packets(self):
        return self.tap

    def controls(self):
        return self._controls

    def adjust(self, controls):
        if self.error is not None:
            raise self.error
        self.adjusted.append(controls)
        self._controls = controls
