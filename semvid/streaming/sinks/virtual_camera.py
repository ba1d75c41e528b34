"""Offers the stream as a camera to other programs."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any

import av
import numpy as np

from semvid.core.coded import TIME_BASE, CodedPacket, software_decoder
from semvid.core.conversion import converted
from semvid.core.errors import OutputError
from semvid.streaming.base.types import SinkState

_MOST_WAITING = 30
"""Packets; when the camera cannot keep up, the oldest up to a key frame are dropped."""


class VirtualCamera:
    """A sink that decodes the stream and passes it to the system's virtual camera.

    Args:
        frame_rate: Frames per second that the camera reports.

    Raises:
        OutputError: pyvirtualcam is not installed.
    """

    name = "the virtual camera"

    def __init__(self, frame_rate: float) -> None:
        try:
            import pyvirtualcam
        except ImportError as error:
            raise OutputError(
                "`virtual_camera` needs the extra camera; pip install 'semvid[camera]', and on Linux load "
                "v4l2loopback, on Windows or macOS install OBS"
            ) from error
        self._library: Any = pyvirtualcam
        self._frame_rate = frame_rate
        self.state: SinkState = "opening"
        self.num_reconnections = 0
        self.last_error = ""
        self.shortfall = ""
        self._waiting: deque[CodedPacket] = deque()
        self._changed = threading.Condition()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="semvid-camera", daemon=True)
        self._thread.start()

    @property
    def failure(self) -> str:
        """See ``PacketTaker``."""
        return self.last_error

    def offer(self, packet: CodedPacket) -> None:
        """Take a packet; never waits."""
        with self._changed:
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.clear()
            if self._waiting or packet.is_keyframe or self.state == "open":
                self._waiting.append(packet)
                self._changed.notify()

    def close(self) -> None:
        """Release the camera."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
        self._thread.join(2)
        self.state = "closed"

    def _run(self) -> None:
        camera: Any = None
        decoder: Any = None
        try:
            while (packet := self._take()) is not None:
                if decoder is None:
                    decoder = av.CodecContext.create(software_decoder(packet.codec), "r")
                coded = av.Packet(packet.data)
                coded.pts, coded.time_base = packet.pts, TIME_BASE
                for frame in decoder.decode(coded):
                    rgb = np.asarray(converted(frame, "rgb24").to_ndarray(), np.uint8)
                    height, width = rgb.shape[:2]
                    if camera is None or (camera.width, camera.height) != (width, height):
                        if camera is not None:
                            camera.close()
                        camera = self._library.Camera(width=width, height=height, fps=self._frame_rate)
                        self.state = "open"
                    camera.send(rgb)
        except RuntimeError as error:
            # pyvirtualcam's way to say that the system has none.
            self.last_error = (
                f"no virtual camera can be opened: {error}; on Linux load v4l2loopback, on Windows or macOS "
                "install OBS"
            )
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            self.last_error = (
                f"the virtual camera failed: {type(error).__name__}: {error}; leave out `virtual_camera`"
            )
        finally:
            self.state = "closed"
            if camera is not None:
                camera.close()

    def _take(self) -> CodedPacket | None:
        with self._changed:
            while not self._waiting and not self._is_closed:
                self._changed.wait()
            return None if self._is_closed else self._waiting.popleft()
