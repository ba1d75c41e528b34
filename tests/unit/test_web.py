"""Addresses, tokens, hosts, limits, what clients send, metrics, and pictures: all without a network."""

import asyncio
import contextlib
import importlib
import importlib.util
import re
from dataclasses import replace

import numpy as np
import pytest
from clips import make_clip
from fake_live import STATUS, FakeLive, draw_frame
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageStat

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

import io
import json

from starlette.datastructures import Headers

import semvid.web
from semvid.core.config import CLASSES
from semvid.core.errors import ConfigError, OutputError
from semvid.core.types import Frame
from semvid.media.reading.reader import VideoReader
from semvid.streaming.base.types import Snapshot
from semvid.streaming.handle import LiveControls
from semvid.web.address import Address, ServedNames, check_token, listen, parse_address, shown_url
from semvid.web.guard import Allowance, Keys
from semvid.web.live.broadcast import Picture
from semvid.web.live.picture_stream import PictureStream
from semvid.web.live.pictures import VIEWS, PictureMaker, picture_size
from semvid.web.live.server import WebServer
from semvid.web.live.status import (
    WebStatus,
    parse_controls,
    plain_controls,
    plain_status,
    prometheus_text,
    shown_names,
)

WEB = WebStatus(3, 32, 1, 0, 0.21)


@pytest.mark.parametrize(
    ("text", "ip", "port", "is_loopback"),
    [
        ("8000", "127.0.0.1", 8000, True),
        (":8000", "127.0.0.1", 8000, True),
        ("localhost:0", "127.0.0.1", 0, True),
        ("127.0.0.9:65535", "127.0.0.9", 65535, True),
        ("[::1]:80", "::1", 80, True),
        ("0.0.0.0:80", "0.0.0.0", 80, False),  # noqa: S104
        ("[::]:80", "::", 80, False),
        ("192.168.1.5:80", "192.168.1.5", 80, False),
    ],
)
def test_addresses_are_read(text, ip, port, is_loopback):
    address = parse_address(text)
    assert (address.ip, address.port, address.is_loopback) == (ip, port, is_loopback)


@pytest.mark.parametrize(
    "text",
    ["", ":", "host:", "127.0.0.1", "1:2:3", "::1:80", "http://localhost:80", "a b:80", "localhost:65536", "localhost:-1",
     "[::1]", "[nothing]:80", "u@localhost:80", "999.999.999.999:80", "localhost:80/x"],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ConfigError, match="`address="):
        parse_address(text)


@given(st.text(max_size=12).filter(lambda text: not re.search(r"[A-Za-z]", text)))
def test_any_text_is_an_address_or_refused(text):
    try:
        address = parse_address(text)
    except ConfigError as error:
        assert "`address=" in str(error)
    else:
        assert 0 <= address.port <= 65535


@pytest.mark.parametrize("ip", ["0.0.0.0", "::", "10.0.0.3"])  # noqa: S104
def test_what_others_reach_needs_a_good_token(ip):
    address = Address(ip, ip, 80)
    with pytest.raises(ConfigError, match="needs a token"):
        check_token(address, None)
    for bad in ("", "short", "with space1", "ümlaut123", "x" * 257, "line\nbreak1"):
        with pytest.raises(ConfigError, match="8 to 256"):
            check_token(address, bad)
    check_token(address, "A-long.enough_token~1")
    check_token(Address("localhost", "127.0.0.1", 80), None)


def test_without_the_extra_the_remedy_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'semvid[web]'")):
        importlib.reload(semvid.web)
    monkeypatch.undo()
    importlib.reload(semvid.web)


def test_taken_and_foreign_addresses_are_refused():
    fake = FakeLive((64, 36))
    try:
        with listen(parse_address("127.0.0.1:0")) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(OutputError, match=f":{port}`: the port is taken"):
                WebServer(fake, f"127.0.0.1:{port}")
        with pytest.raises(OutputError, match="does not have that address"):
            WebServer(fake, "192.0.2.7:0", token="long" * 4)
        with pytest.raises(ConfigError, match="needs a token"):
            WebServer(fake, "0.0.0.0:0")
    finally:
        fake.close()


@pytest.mark.parametrize(
    ("address", "host", "serves"),
    [
        ("8000", "localhost:8000", True),
        ("8000", "LOCALHOST", True),
        ("8000", "127.0.0.1:9000", True),
        ("8000", "[::1]:8000", True),
        ("8000", "evil.example", False),
        ("8000", "localhost.evil.example:8000", False),
        ("8000", "127.0.0.1.evil.example", False),
        ("8000", "10.0.0.1:8000", False),
        ("8000", "", False),
        ("8000", "localhost:8000:1", False),
        ("8000", "evil@localhost", False),
        ("0.0.0.0:80", "10.0.0.1", True),
        ("0.0.0.0:80", "[fe80::1]:80", True),
        ("0.0.0.0:80", "evil.example", False),
    ],
)
def test_only_own_names_are_served(address, host, serves):
    assert ServedNames(parse_address(address)).serves(host) == serves


def test_urls_can_be_opened():
    assert shown_url(parse_address("8000"), 8000) == "http://127.0.0.1:8000/"
    assert shown_url(parse_address("[::1]:1"), 2) == "http://[::1]:2/"
    assert "0.0.0.0" not in shown_url(parse_address("0.0.0.0:1"), 2)  # noqa: S104


def test_keys_fit_or_do_not():
    keys = Keys("correct-token", 8000)
    cookie = f"{keys.cookie_name}={keys.cookie_value}"
    for header, verdict in (
        ({}, None),
        ({"authorization": "Bearer correct-token"}, True),
        ({"authorization": "bearer  correct-token "}, True),
        ({"authorization": "Bearer wrong"}, False),
        ({"authorization": "Bearer \udcff"}, False),
        ({"authorization": "Basic correct-token"}, None),
        ({"cookie": cookie}, True),
        ({"cookie": f"other=1; {cookie}"}, True),
        ({"cookie": f"{keys.cookie_name}=correct-token"}, False),
        ({"cookie": f"{keys.cookie_name}=\xff"}, False),
        ({"cookie": f"a=ü; [odd]; {cookie}"}, True),
        ({"cookie": "=;;;"}, None),
    ):
        raw = [(name.encode(), value.encode("latin-1", "replace")) for name, value in header.items()]
        assert keys.verdict(Headers(raw=raw)) is verdict, header
    assert "correct-token" not in keys.cookie_value
    assert Keys("correct-tokeN", 8000).cookie_value != keys.cookie_value


def test_allowances_run_out_and_fill_up():
    now = [0.0]
    allowance = Allowance(3, 0.5, lambda: now[0])
    assert [allowance.spend("a") for _ in range(4)] == [True, True, True, False]
    assert allowance.spend("b")
    now[0] = 2
    assert allowance.spend("a")
    assert not allowance.spend("a")
    for index in range(1000):
        allowance.spend(str(index))
    assert len(allowance._stocks) <= 256


def test_controls_change_what_they_name():
    now = LiveControls(strength=0.5, focus={"face": 2})
    assert parse_controls(b"{}", now) == now
    wanted = parse_controls(b'{"strength": 2, "bitrate": 5e6, "maps_on": false, "focus": {"text": 0}}', now)
    assert wanted == LiveControls(
        strength=2.0, bitrate=5_000_000, focus={"face": 2, "text": 0.0}, maps_on=False
    )
    assert parse_controls(json.dumps(plain_controls(wanted)).encode(), now).bitrate == 5_000_000
    without = parse_controls(b'{"focus": {"person": 0}}', LiveControls())
    assert plain_controls(without)["focus"] == {**dict.fromkeys(CLASSES, 1.0), "person": 0, "face": 0}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not JSON"),
        (b"\xff", "not UTF-8 text"),
        (b"[" * 4000, "nested more than 32 levels"),
        (b"[]", "not an object with keys"),
        (b'{"volume": 1}', "'volume' is unknown"),
        (b'{"strength": 3.1}', "`strength=3.1` is out of range; it must be 0 to 3"),
        (b'{"strength": NaN}', "'NaN' is not a number"),
        (b'{"strength": 1e999}', "'1e999' is not a number"),
        (b'{"strength": 1' + b"0" * 400 + b"}", "more than 18 digits"),
        (b'{"strength": "1"}', "strength is '1', not a number"),
        (b'{"strength": true}', "strength is true, not a number"),
        (b'{"bitrate": 49999}', "`bitrate=49999` is out of range"),
        (b'{"bitrate": 60000.5}', "bitrate is 60000.5, not a whole number"),
        (b'{"strength": null}', "strength is missing"),
        (b'{"maps_on": 1}', "maps_on is 1, not true or false"),
        (b'{"focus": 1}', "focus is 1, not an object with keys"),
        (b'{"focus": {"cat": 1}}', "'focus.cat' is unknown; known are person"),
        (b'{"focus": {"face": 11}}', "`focus=face=11` is out of range"),
    ],
)
def test_wrong_controls_are_named(body, words):
    with pytest.raises(ConfigError, match=words) as caught:
        parse_controls(body, LiveControls())
    assert "\n" not in str(caught.value)


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
names = st.sampled_from(["strength", "bitrate", "focus", "maps_on", *CLASSES]) | st.text(max_size=5)


@given(
    st.binary(max_size=60)
    | st.dictionaries(names, values | st.dictionaries(names, values, max_size=3), max_size=4).map(
        lambda one: json.dumps(one).encode()
    )
)
def test_any_body_is_controls_or_refused(body):
    try:
        wanted = parse_controls(body, LiveControls())
    except ConfigError as error:
        assert "\n" not in str(error)
    else:
        assert 0 <= wanted.strength <= 3
        assert isinstance(wanted.bitrate, int)
        assert all(0 <= one <= 10 for one in wanted.focus.values())


def test_names_of_sinks_tell_no_secrets():
    assert shown_names([
        "rtmp://user:pass@live.example/app/secret-key", "srt://[::1]:9000?passphrase=x", "/home/me/talk.mkv", "file:///a/b.ts",
        "rtmp://live.example/other-key", "http://[bad",
    ]) == ["rtmp://live.example", "srt://[::1]:9000", "talk.mkv", "file://", "rtmp://live.example (2)", "address"]  # fmt: skip


def test_status_is_json_whatever_the_numbers():
    plain = plain_status(replace(STATUS, fps_in=float("nan"), latency_ms=float("inf")))
    assert json.loads(json.dumps(plain, allow_nan=False))["fps_in"] is None
    assert plain["latency_ms"] is None
    assert plain["sinks"][0] == {"name": "srt://relay.example:9000", "state": "open"}


@pytest.mark.parametrize("saving", [0.25, None])
def test_metrics_are_prometheus_text(saving):
    text = prometheus_text(
        replace(STATUS, saving=saving, fps_in=float("nan"), sinks={'a"b\\c\n': "lost"}), WEB
    )
    typed, found = {}, {}
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            assert name not in typed
            typed[name] = kind
        elif not line.startswith("# HELP "):
            matched = re.fullmatch(
                r'([a-z_]+)((?:\{[a-z]+="(?:[^"\\\n]|\\.)*"(?:,[a-z]+="(?:[^"\\\n]|\\.)*")*\})?) (\S+)', line
            )
            assert matched, line
            assert typed[matched[1]] == ("counter" if matched[1].endswith("_total") else "gauge")
            found[matched[1] + matched[2]] = float(matched[3])
    assert text.endswith("\n")
    assert found['semvid_live_latency_seconds{quantile="0.5"}'] == 0.062
    assert found["semvid_live_web_clients_stalled_total"] == 1
    assert found['semvid_live_source_state{state="playing"}'] == 1
    assert ("semvid_live_saving_ratio" in found) == (saving is not None)
    assert "secret" not in prometheus_text(STATUS, WEB)


@given(st.integers(1, 8192), st.integers(1, 8192))
def test_pictures_have_even_sides_within_bounds(width, height):
    shown = picture_size((width, height), 1280)
    assert all(side % 2 == 0 and 2 <= side <= 1280 for side in shown)
    assert shown[0] * shown[1] <= 1280 * 720 * 1.02


def decoded(jpeg):
    picture = Image.open(io.BytesIO(jpeg))
    picture.load()
    return picture


def test_views_show_what_they_say():
    maker, snapshot = PictureMaker(), draw_frame(3, (320, 180))
    shown = {view: decoded(maker.make(view, snapshot)) for view in VIEWS}
    assert {one.size for one in shown.values()} == {(320, 180)}
    grey = {view: np.asarray(one.convert("L"), float) for view, one in shown.items()}
    # The disc stays bright and the rest is darkened.
    assert grey["heat"].mean() < 0.8 * grey["picture"].mean()
    assert np.abs(grey["split"][:, :150] - grey["picture"][:, :150]).mean() < 6
    assert np.abs(grey["split"][:, 170:] - grey["heat"][:, 170:]).mean() < 6
    # A JPEG of what matters is smaller than one that is as fine everywhere.
    assert len(maker.make("picture", snapshot)) < len(maker.make("source", snapshot))
    without = Snapshot(snapshot.frame, None)
    assert ImageStat.Stat(decoded(maker.make("heat", without)).convert("L")).mean[0] == pytest.approx(
        grey["picture"].mean(), abs=2
    )
    maker.make("split", without)


def test_pictures_are_upright_and_scaled(tmp_path):
    turned = make_clip(tmp_path / "turned.mp4", width=1920, height=1080, num_frames=1, rotation=90)
    with VideoReader(turned) as reader:
        frame = next(one for one in reader.read() if isinstance(one, Frame))
    matters = np.zeros((8, 5), np.float32)
    matters[:4] = 1
    maker = PictureMaker()
    for width, size in ((1280, (720, 1280)), (640, (360, 640))):
        maker.width = width
        shown = decoded(maker.make("heat", Snapshot(frame, matters)))
        assert shown.size == size
        grey = np.asarray(shown.convert("L"), float)
        assert grey[: size[1] // 2].mean() > 1.5 * grey[size[1] // 2 :].mean()


class OnePictureAtATime:
    """Stands for a broadcast whose next picture comes when the test says so."""

    def __init__(self):
        self.next = asyncio.Event()

    def watching(self, view):
        return contextlib.nullcontext()

    async def after(self, view, number):
        await self.next.wait()
        self.next.clear()
        return Picture(number + 1, b"jpeg", 0.0)

    def newest(self, view):
        return None


@pytest.mark.parametrize("steps", range(4))
def test_who_leaves_as_a_picture_comes_is_gone(steps):
    """A task's end must not get lost where what it waits for comes in the same moment."""

    async def watch():
        broadcast, gone, watchers = OnePictureAtATime(), asyncio.Event(), []

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message):
            pass

        watching = asyncio.create_task(
            PictureStream(broadcast, "picture", ("", 0), watchers)({}, receive, send)
        )
        for _ in range(5):
            await asyncio.sleep(0)
        broadcast.next.set()
        for _ in range(steps):
            await asyncio.sleep(0)
        gone.set()
        await asyncio.wait([watching], timeout=30)
        assert watching.done()
        assert not watchers

    asyncio.run(watch())
