"""The virtual camera gets the decoded stream; where there is none, one clear line says so."""

import sys
import time
from types import SimpleNamespace

import pytest
from live_frames import LeftThird, captured_frames, feed_all

from semvid.core.config import LiveConfig
from semvid.core.errors import OutputError
from semvid.streaming.sinks.virtual_camera import VirtualCamera
from semvid.streaming.stream import LiveStream


@pytest.fixture(scope="module")
def packets():
    stream = LiveStream(LiveConfig(), LeftThird())
    try:
        return feed_all(stream, captured_frames(12))[0]
    finally:
        stream.close()


def wait_for(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_it_is_sent_what_viewers_see(packets, monkeypatch):
    sent = []

    class Camera:
        def __init__(self, width, height, fps):
            self.width, self.height, self.fps = width, height, fps

        def send(self, rgb):
            sent.append(rgb)

        def close(self):
            sent.append("closed")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=Camera))
    camera = VirtualCamera(30.0)
    for one in packets:
        camera.offer(one)
    wait_for(lambda: len(sent) >= 10)
    assert camera.state == "open"
    camera.close()
    assert sent[-1] == "closed"
    assert sent[0].shape == (256, 384, 3)
    assert camera.state == "closed"


def test_a_system_without_one_is_told(packets, monkeypatch):
    def nothing(**_):
        raise RuntimeError("no backend")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=nothing))
    camera = VirtualCamera(30.0)
    camera.offer(packets[0])
    wait_for(lambda: camera.state == "closed")
    assert "no virtual camera can be opened: no backend; on Linux load v4l2loopback" in camera.last_error
    camera.close()


def test_a_missing_package_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyvirtualcam", None)
    with pytest.raises(OutputError, match=r"pip install 'semvid\[camera\]'"):
        VirtualCamera(30.0)


def test_an_odd_failure_of_the_camera_is_told(packets, monkeypatch):
    class Odd:
        width = height = 0

        def __init__(self, **_):
            raise KeyError("odd")

    monkeypatch.setitem(sys.modules, "pyvirtualcam", SimpleNamespace(Camera=Odd))
    camera = VirtualCamera(30.0)
    for one in packets:
        camera.offer(one)
    wait_for(lambda: camera.state == "closed")
    assert "the virtual camera failed: KeyError: 'odd'" in camera.failure
    camera.close()
