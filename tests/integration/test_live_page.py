"""The page and a real stream together: what is shown is the stream's, what is set acts on it."""

import json
import threading
import time
import urllib.request
from contextlib import closing

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from live_frames import LeftThird

from semvid.core.config import LiveConfig
from semvid.core.rate import Bitrate
from semvid.streaming.live import open_session
from semvid.web.live.server import WebServer


def ask(url, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"} if data else {})  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - ours
        return answer.read()


def wait_for(condition, seconds=60):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_a_stream_is_watched_and_steered():
    config = LiveConfig(rate=Bitrate(400_000))
    session = open_session("lavfi:testsrc2=s=384x256:r=30", None, config, importance=LeftThird())
    seen = []

    def run():
        with closing(session.run()) as events:
            for event in events:
                seen.append(event)

    with WebServer(session, "127.0.0.1:0") as server:
        thread = threading.Thread(target=run)
        thread.start()
        try:
            wait_for(lambda: session.status().num_frames > 30)
            status = json.loads(ask(f"{server.url}api/status"))
            assert "384" not in str(status.get("error", ""))
            ask(f"{server.url}api/controls", {"bitrate": 1_500_000, "strength": 0.5, "maps_on": False})
            wait_for(lambda: session.controls().bitrate == 1_500_000)
            controls = session.controls()
            assert (controls.strength, controls.maps_on) == (0.5, False)
            wait_for(lambda: session.snapshot().importance is None)
            assert b"semvid" in ask(f"{server.url}metrics")
            assert ask(f"{server.url}healthz")
            with urllib.request.urlopen(f"{server.url}stream/picture", timeout=60) as stream:  # noqa: S310
                part = stream.read(4000)
            assert b"image/jpeg" in part
            assert b"\xff\xd8\xff" in part
        finally:
            session.stop()
            thread.join(60)
    assert not thread.is_alive()
