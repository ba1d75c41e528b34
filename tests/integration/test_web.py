"""The page of a live stream: over sockets, and in a real browser; the stream behind it is a fake."""

import contextlib
import http.client
import json
import shutil
import socket
import time
from dataclasses import replace

import pytest
from fake_live import STATUS, FakeLive

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from semvid.errors import ConfigError
from semvid.web.server import WebServer

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
TOKEN = "a-token-for-tests"  # noqa: S105
PATIENCE = 15.0
JSON = {"Content-Type": "application/json"}


@pytest.fixture
def fake():
    fake = FakeLive()
    yield fake
    fake.close()


@pytest.fixture
def serve(fake):
    """Start servers of the fake; they must close at once, whoever is connected."""
    servers = []

    def serve(address="127.0.0.1:0", **options):
        server = WebServer(fake, address, **options)
        servers.append(server)
        server.start()
        return server

    yield serve
    for server in servers:
        began = time.monotonic()
        server.close()
        assert time.monotonic() - began < 2


def port_of(server):
    return int(server.url.rstrip("/").rsplit(":", 1)[1])


def ask(server, path, method="GET", body=None, headers=None):
    """Return status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def until(condition, seconds=PATIENCE):
    """Wait for something; what happens is the same on slow machines, only later."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.02)


class Watcher:
    """A client that asks for pictures and reads no more than it is told to."""

    def __init__(self, server, view="picture", receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(("127.0.0.1", port_of(server)))
        self.socket.sendall(f"GET /stream/{view} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        self._data = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def picture(self):
        """The next one."""
        while True:
            start = self._data.find(b"\xff\xd8\xff")
            end = self._data.find(b"\xff\xd9\r\n--semvid-picture\r\n", start)
            if 0 <= start < end:
                jpeg, self._data = self._data[start : end + 2], self._data[end + 2 :]
                return jpeg
            more = self.socket.recv(65536)
            assert more, "the stream ended"
            self._data += more


def test_pictures_move_and_nobody_watching_costs_nothing(fake, serve):
    server = serve()
    time.sleep(0.2)
    assert server._broadcast._number == 0
    with Watcher(server) as client:
        first, *_, last = [client.picture() for _ in range(4)]
        assert first[:2] == last[:2] == b"\xff\xd8"
        assert first != last
    until(lambda: server._broadcast.num_watchers == 0)
    made = server._broadcast._number
    time.sleep(0.3)
    assert server._broadcast._number <= made + 1
    fake.told = replace(STATUS, source="lost")
    with Watcher(server, "heat") as client:
        # The source stands still: the last picture comes again, for browsers that wait for the next.
        one, other = client.picture(), client.picture()
        assert one == other


def test_answers_and_their_headers(fake, serve):
    server = serve()
    status, headers, page = ask(server, "/")
    assert status == 200
    assert b"semvid" in page
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Access-Control-Allow-Origin"] is None
    assert headers["Server"] is None
    for path, kind in (
        ("/page.js", "text/javascript"),
        ("/gauges.js", "text/javascript"),
        ("/base.css", "text/css"),
        ("/page.css", "text/css"),
        ("/icon.svg", "image/svg+xml"),
        ("/metrics", "text/plain; version=0.0.4"),
    ):
        status, headers, _ = ask(server, path)
        assert status == 200
        assert headers["Content-Type"].startswith(kind)
    assert json.loads(ask(server, "/api/status")[2])["live"]["source"] == "playing"
    assert ask(server, "/stream/picture", "HEAD")[0] == 200
    for path, method, expected in (
        ("/nothing", "GET", 404),
        ("/stream/none", "GET", 404),
        ("/docs", "GET", 404),
        ("/openapi.json", "GET", 404),
        ("/../server.py", "GET", 404),
        ("/api/controls", "GET", 405),
        ("/", "POST", 405),
        ("/api/status", "DELETE", 405),
    ):
        status, headers, body = ask(server, path, method)
        assert status == expected, path
        assert json.loads(body)["error"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    assert ask(server, "/healthz")[0] == 200
    fake.told = replace(STATUS, source="lost")
    status, _, body = ask(server, "/healthz")
    assert (status, json.loads(body)) == (503, {"status": "source lost"})


def test_controls_act_and_wrong_ones_are_refused(fake, serve):
    server = serve()
    origin = {"Origin": f"http://127.0.0.1:{port_of(server)}"}

    def post(body, headers=JSON):
        status, _, said = ask(server, "/api/controls", "POST", body, headers)
        return status, json.loads(said)

    status, said = post('{"strength": 2, "focus": {"face": 3}}', JSON | origin)
    assert (status, said["strength"], said["focus"]["face"], said["focus"]["text"]) == (200, 2, 3, 1)
    assert fake.controls().strength == 2
    for body, headers, expected in (
        ("{}", {}, 415),
        ("{}", {"Content-Type": "text/plain"}, 415),
        ("x" * 5000, JSON, 413),
        ("nonsense", JSON, 400),
        ('{"strength": 9}', JSON, 400),
        ("{}", JSON | {"Origin": "http://evil.example"}, 403),
        ("{}", JSON | {"Origin": "null"}, 403),
        ("{}", JSON | {"Origin": "http://127.0.0.1:1"}, 403),
        ("{}", JSON | {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ("{}", JSON | {"Host": "evil.example"}, 421),
    ):
        status, said = post(body, headers)
        assert status == expected, (body, headers)
        assert said["error"]
    assert len(fake.adjusted) == 1
    fake.error = ConfigError("--bitrate 60000 is below what this encoder can do; give 100000")
    assert post("{}") == (400, {"error": str(fake.error)})
    assert (
        ask(
            server,
            "/stream/picture",
            headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
        )[0]
        == 403
    )
    assert ask(server, "/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})[0] == 200
    assert 429 in {post("{}")[0] for _ in range(80)}


def test_without_the_token_others_get_nothing(fake, serve):
    server = serve("0.0.0.0:0", token=TOKEN)
    assert server.link.endswith(f"/?token={TOKEN}")
    assert TOKEN not in server.url
    for path in ("/", "/page.js", "/stream/picture", "/api/status", "/metrics", "/nothing"):
        status, headers, body = ask(server, path)
        assert status == 401, path
        assert headers["WWW-Authenticate"] == "Bearer"
        assert b"semvid" in body
    assert ask(server, "/api/controls", "POST", "{}", JSON)[0] == 401
    assert ask(server, f"/api/status?token={TOKEN}")[0] == 401
    assert ask(server, "/healthz")[0] == ask(server, "/icon.svg")[0] == 200
    assert ask(server, "/metrics", headers={"Authorization": f"Bearer {TOKEN}"})[0] == 200
    status, headers, body = ask(server, f"/?token={TOKEN}")
    assert status == 200
    assert TOKEN.encode() not in body
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert TOKEN not in cookie
    signed_in = {"Cookie": cookie.partition(";")[0]}
    assert b"<img" in ask(server, "/", headers=signed_in)[2]
    assert ask(server, "/api/controls", "POST", "{}", JSON | signed_in)[0] == 200
    began = time.monotonic()
    assert ask(server, "/?token=wrong")[0] == 401
    assert time.monotonic() - began > 0.4
    # Spend the rest without waiting for it, then even the right token is not looked at.
    for _ in range(10):
        server._server.config.app._wrong.spend("127.0.0.1")
    assert ask(server, "/?token=wrong")[0] == 429
    assert ask(server, f"/?token={TOKEN}")[0] == 429


def test_slow_clients_are_dropped_and_slow_nobody(fake, serve):
    server = serve(max_clients=24, stalled_seconds=1.0)
    with Watcher(server) as fast:
        fast.picture()
        slow = [Watcher(server, receive_buffer=4096) for _ in range(20)]
        began, before, num_read = time.monotonic(), fake.num_frames, 0
        most_waiting = 0
        while server._gate.num_stalled < 20:
            assert time.monotonic() - began < PATIENCE
            fast.picture()
            num_read += 1
            waiting = [one.transport.get_write_buffer_size() for one in list(server._gate.protocols)]
            most_waiting = max(most_waiting, *waiting)
        seconds = time.monotonic() - began
        assert most_waiting < 65536 + 100_000
        # 25 frames and up to 15 pictures a second on a quiet machine.
        assert (fake.num_frames - before) / seconds > 15
        assert num_read / seconds > 4
        until(lambda: server._broadcast.num_watchers == 1)
        assert b"semvid_live_web_clients_stalled_total 20" in ask(server, "/metrics")[2]
        for client in slow:
            client.close()


def test_enough_is_enough(fake, serve):
    server = serve(max_clients=2)
    clients = [Watcher(server) for _ in range(2)]
    for client in clients:
        client.picture()
    status, headers, _ = ask(server, "/stream/picture")
    assert (status, headers["Retry-After"]) == (503, "5")
    idle = [socket.create_connection(("127.0.0.1", port_of(server))) for _ in range(60)]
    until(lambda: len(server._gate.protocols) == server._gate.most)
    for client in (*clients, *idle):
        client.close()
    until(lambda: not server._gate.protocols)
    assert ask(server, "/healthz")[0] == 200


def test_half_a_request_does_not_hold_a_connection(serve):
    server = serve()
    server._gate.idle_seconds = 0.2
    with socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: local")
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(100) == b""
    # Who watches is not idle.
    with Watcher(server) as client:
        began = time.monotonic()
        while time.monotonic() - began < 0.5:
            client.picture()


def test_a_picture_that_cannot_be_made_is_told(fake, serve, monkeypatch):
    def fail(*arguments):
        raise ValueError("odd pixels")

    server = serve()
    monkeypatch.setattr(server._broadcast._maker, "make", fail)
    with Watcher(server):
        until(lambda: "ValueError: odd pixels" in json.loads(ask(server, "/api/status")[2])["picture_note"])
    assert ask(server, "/healthz")[0] == 200


def test_closing_is_quick_and_final(fake, serve):
    server = serve()
    clients = [Watcher(server, receive_buffer=4096) for _ in range(5)]
    until(lambda: server._broadcast.num_watchers == 5)
    server.close()
    assert not server._thread.is_alive()
    assert not server._broadcast._thread.is_alive()
    with pytest.raises(ConnectionError):
        ask(server, "/healthz")
    for client in clients:
        client.close()
    never_started = WebServer(fake, f"127.0.0.1:{port_of(server)}")
    never_started.close()


@pytest.fixture(scope="module")
def browser():
    api = pytest.importorskip("playwright.sync_api", reason="no playwright")
    if CHROMIUM is None:
        pytest.skip("no chromium on the PATH")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, serve):
    """Open a page; whatever the console says is an error."""
    said, contexts = [], []

    def open_page(url, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(PATIENCE * 1000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(url)
        page.wait_for_selector("#state[data-kind='live']")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


SEEN = """() => {
  const image = document.getElementById("picture"), canvas = document.createElement("canvas");
  if (!image.naturalWidth) return null;
  canvas.width = 64; canvas.height = 36;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0, 64, 36);
  return Array.from(context.getImageData(0, 0, 64, 36).data);
}"""


def seen(page):
    """What the browser shows, scaled down; waits for a picture."""
    found = []

    def is_there():
        found[:] = [page.evaluate(SEEN)]
        return found[0] is not None

    until(is_there)
    return found[0]


def tell(page, fake, **changes):
    """Change what the stream says, and have the page ask at once, as when it is shown again."""
    fake.told = replace(STATUS, **changes)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def mean(values):
    return sum(values) / len(values)


def halves(page):
    """Mean level of the left and the right half of what is seen, but for the middle."""
    values = seen(page)
    rows = [values[start : start + 256] for start in range(0, len(values), 256)]
    return mean([mean(row[:120]) for row in rows]), mean([mean(row[136:]) for row in rows])


def test_the_page_shows_the_picture_and_views(fake, open_page, serve):
    server = serve()
    page = open_page(server.url)
    first = seen(page)
    until(lambda: seen(page) != first)
    fake.is_moving = False
    # The last picture comes again after a second, so it is the one that is seen.
    time.sleep(1.3)
    picture = halves(page)

    def looks_like(left, right):
        return all(abs(one - other) < 4 for one, other in zip(halves(page), (left, right), strict=True))

    page.get_by_label("Heat", exact=True).check()
    until(lambda: sum(halves(page)) < 0.9 * sum(picture))
    heat = halves(page)
    page.get_by_label("Heat", exact=True).press("ArrowRight")
    assert page.get_by_label("Split", exact=True).is_checked()
    until(lambda: looks_like(picture[0], heat[1]))
    page.get_by_label("Plain", exact=True).check()
    until(lambda: looks_like(*picture))
    # One view at a time, and none when the page is gone.
    until(lambda: server._broadcast._watchers == {"picture": 0, "heat": 0, "split": 0, "plain": 1})
    page.close()
    until(lambda: server._broadcast.num_watchers == 0)


def test_sliders_and_switch_reach_the_stream(fake, open_page, serve):
    server = serve()
    page = open_page(server.url)
    page.get_by_label("Strength", exact=True).fill("2.5")
    until(lambda: fake.controls().strength == 2.5)
    assert page.locator("output[for=strength]").inner_text() == "2.50"
    bitrate = page.get_by_label("Bitrate", exact=True)
    bitrate.fill("1000")
    until(lambda: fake.controls().bitrate == 200_000_000)
    bitrate.press("Home")
    until(lambda: fake.controls().bitrate == 50_000)
    assert bitrate.get_attribute("aria-valuetext") == "50\u00a0kbit/s"
    page.get_by_label("Face", exact=True).fill("7")
    until(lambda: fake.controls().focus.get("face") == 7)
    page.get_by_role("button", name="All alike").press("Enter")
    until(lambda: fake.controls().focus["face"] == 1)
    page.get_by_role("switch").press(" ")
    until(lambda: not fake.controls().maps_on)
    # Gauges follow, and so does the page when somebody else turns a knob.
    page.locator(".card", has_text="Saved").get_by_text("no map").wait_for()
    fake.adjust(replace(fake.controls(), strength=0.5, maps_on=True))
    until(lambda: page.get_by_label("Strength", exact=True).input_value() == "0.5")
    assert page.get_by_role("switch").is_checked()


def test_gauges_and_states_are_told(fake, open_page, serve):
    server = serve()
    page = open_page(server.url)
    card = page.locator(".card", has_text="Latency")
    first = card.locator(".big").inner_text()
    tell(page, fake, latency_ms=400.0, load_step=1, load_note="fewer maps")
    page.wait_for_selector("#state:has-text('load cut: fewer maps')")
    assert card.locator(".big").inner_text() != first
    until(lambda: "L" in card.locator("path").last.get_attribute("d"))
    assert "relay.example" in page.locator("#facts").inner_text()
    assert "secret" not in page.content()
    tell(page, fake, sinks={"srt://relay.example:9000": "lost"})
    page.wait_for_selector("#state:has-text('relay.example:9000 lost')")
    tell(page, fake, source="lost")
    page.get_by_text("The source is lost").wait_for()
    tell(page, fake)
    page.wait_for_selector("#veil", state="hidden")


@pytest.mark.parametrize("width", [1280, 360])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_wide_and_narrow(width, scheme, fake, open_page, serve):
    server = serve()
    page = open_page(server.url, width, color_scheme=scheme, reduced_motion="reduce")
    seen(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width

    def brightness():
        colour = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return mean([*map(int, colour[4:-1].split(","))])

    assert (brightness() > 128) == (scheme == "light")
    page.locator("#theme").click()
    assert (brightness() > 128) == (scheme == "dark")


def test_the_token_opens_the_page_and_leaves_the_address(fake, open_page, serve):
    server = serve("0.0.0.0:0", token=TOKEN)
    page = open_page(f"http://127.0.0.1:{port_of(server)}/?token={TOKEN}")
    assert TOKEN not in page.url
    seen(page)
    page.get_by_label("Strength", exact=True).fill("2")
    until(lambda: fake.controls().strength == 2)


def test_a_silent_server_is_told_and_found_again(fake, browser, serve):
    # Failed requests stand in the console: this page is opened apart.
    server = serve()
    context = browser.new_context()
    page = context.new_page()
    page.goto(server.url)
    page.wait_for_selector("#state[data-kind='live']")
    server.close()
    page.get_by_text("does not answer; trying again").wait_for()
    serve(f"127.0.0.1:{port_of(server)}")
    page.wait_for_selector("#state[data-kind='live']")
    until(lambda: (first := seen(page)) and seen(page) != first)
    context.close()
