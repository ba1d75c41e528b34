"""The page and a real stream together: what is shown is the stream's, what is set acts on it."""

import contextlib
import io
import json
import threading
import time
import urllib.error
import urllib.request
from contextlib import closing
from dataclasses import replace

import av
import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

from live_frames import LeftThird
from sound_clips import write_flashes

from semvid.core.config import LiveConfig
from semvid.core.rate import Bitrate
from semvid.streaming.live import open_session
from semvid.streaming.tap import TapReader
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


PICTURES = "lavfi:testsrc2=s=384x256:r=30"


@contextlib.contextmanager
def streaming(source=PICTURES, **options):
    """Run a stream with its page; the session and the server."""
    config = LiveConfig(
        rate=Bitrate(400_000), realtime=source != PICTURES, loop=source != PICTURES, **options
    )
    session = open_session(source, None, config, importance=LeftThird())

    def run():
        with closing(session.run()) as events:
            for _ in events:
                pass

    with WebServer(session, "127.0.0.1:0") as server:
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield session, server
        finally:
            session.stop()
            thread.join(60)
    assert not thread.is_alive()


def read(url, num_bytes):
    """What a client gets until it has enough; the media type and the bytes."""
    with urllib.request.urlopen(url, timeout=60) as answer:  # noqa: S310 - ours
        return answer.headers, answer.read(num_bytes)


def decoded(data):
    """Frames of each stream of a file that may be cut off anywhere."""
    frames = {}
    with av.open(io.BytesIO(data)) as container, contextlib.suppress(av.FFmpegError):
        for frame in container.decode():
            frames.setdefault(type(frame).__name__, []).append(frame)
    return frames


@pytest.mark.parametrize(
    ("codec", "media_type"),
    [
        ("x264", 'video/mp4; codecs="avc1.'),
        ("vp9", 'video/mp4; codecs="vp09.00.'),
        ("vp8", 'video/webm; codecs="vp8"'),
    ],
)
def test_the_encode_is_had_from_a_key_frame_on(codec, media_type):
    with streaming(codec=codec) as (session, server):
        for _ in range(2):
            headers, data = read(f"{server.url}stream/encode", 60_000)
            assert headers["Content-Type"].startswith(media_type)
            frames = decoded(data)["VideoFrame"]
            assert len(frames) > 10
            assert frames[0].key_frame
            assert (frames[0].width, frames[0].height) == (384, 256)
        wait_for(lambda: not session.packets()._readers)
        # Nobody watches: nothing is kept, and no key frame is wanted.
        assert not session.packets().wants_keyframe


def test_recordings_have_the_sound_and_end_with_the_stream(tmp_path):
    source = write_flashes(tmp_path / "film.ts", seconds=5)
    got = []
    with streaming(str(source)) as (session, server):
        client = threading.Thread(target=lambda: got.append(read(f"{server.url}stream/recording", None)))
        client.start()
        wait_for(lambda: session.packets()._readers)
        began = session.status().num_frames
        wait_for(lambda: session.status().num_frames > began + 60)
        session.stop()
        client.join(60)
    headers, data = got[0]
    assert headers["Content-Disposition"].startswith('attachment; filename="semvid-')
    frames = decoded(data)
    assert len(frames["VideoFrame"]) > 30
    assert len(frames["AudioFrame"]) > 10
    assert 0 <= frames["VideoFrame"][0].time < 0.1


def test_no_browser_plays_motion_jpeg_but_it_is_recorded():
    with streaming(codec="mjpeg") as (_, server):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            read(f"{server.url}stream/encode", 1)
        _, data = read(f"{server.url}stream/recording", 200_000)
        assert len(decoded(data)["VideoFrame"]) > 5


PLAYED = "document.getElementById('encode').currentTime"


def test_a_browser_plays_the_encode_and_records_it(browser, tmp_path, monkeypatch):
    with streaming() as (session, server):
        page = browser.new_context(accept_downloads=True).new_page()
        page.set_default_timeout(60_000)
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(server.url)
        wait_for(lambda: page.evaluate(PLAYED) > 0.5)
        assert page.get_by_label("Encode", exact=True).is_checked()
        page.locator("#caption", has_text="The encode itself").wait_for()
        # Another bit rate begins another encode, and the same player goes on.
        session.adjust(replace(session.controls(), bitrate=900_000))
        before = page.evaluate(PLAYED)
        wait_for(lambda: page.evaluate(PLAYED) > before + 2)
        # What it is too slow for it misses, and goes on from the next key frame.
        with monkeypatch.context() as patch:
            patch.setattr(
                TapReader, "put", lambda self, item, *, is_start: setattr(self, "waits_for_start", True)
            )
            time.sleep(3)
        before = page.evaluate(PLAYED)
        wait_for(lambda: page.evaluate(PLAYED) > before + 3)
        page.get_by_label("Heat", exact=True).check()
        wait_for(lambda: not session.packets()._readers)
        page.get_by_label("Encode", exact=True).check()
        with page.expect_download() as download:
            page.get_by_role("button", name="Record").click()
            page.locator("#recorded", has_text="00:02").wait_for()
            page.get_by_role("button", name="Stop and save").click()
        download.value.save_as(tmp_path / "kept.mp4")
        assert len(decoded((tmp_path / "kept.mp4").read_bytes())["VideoFrame"]) > 20
        page.locator("#recorded", has_text="Saved semvid-").wait_for()
        wait_for(lambda: page.evaluate(PLAYED) > 0)
        page.close()
        wait_for(lambda: not session.packets()._readers)
        assert said == []


def test_a_browser_that_cannot_play_it_says_so_and_shows_the_preview(browser):
    with streaming(codec="mjpeg") as (_, server):
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.goto(server.url)
        page.locator("#caption", has_text="not the encode").wait_for()
        page.locator("#caption", has_text="no browser plays mjpeg").wait_for()
        assert page.get_by_label("Preview", exact=True).is_checked()
        assert page.get_by_label("Encode", exact=True).is_disabled()
        page.close()
    with streaming(codec="x264") as (_, server):
        page = browser.new_page()
        page.set_default_timeout(60_000)
        page.add_init_script(
            "MediaSource.isTypeSupported = () => false; delete globalThis.ManagedMediaSource"
        )
        page.goto(server.url)
        page.locator("#caption", has_text="this browser does not play avc1.").wait_for()
        assert page.get_by_label("Preview", exact=True).is_checked()
        page.close()
