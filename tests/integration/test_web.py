"""The server of a live stream's page, over sockets; the stream behind it is a fake."""

import asyncio
import contextlib
import json
import socket
import time
from dataclasses import replace

import pytest
from fake_live import STATUS

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from live_pages import PATIENCE, TOKEN, Watcher, ask, port_of, until

from semvid.core.errors import ConfigError
from semvid.web.live.server import WebServer

JSON = {"Content-Type": "application/json"}


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
        ("/player.js", "text/javascript"),
        ("/base.css", "text/css"),
        ("/theme.js", "text/javascript"),
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
        ("/stream/encode", "GET", 404),
        ("/stream/recording", "GET", 404),
        ("/stream/recording", "POST", 405),
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
    fake.error = ConfigError("`bitrate=60000` is below what this encoder can do; give 100000")
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
    for path in (
        "/",
        "/page.js",
        "/stream/picture",
        "/stream/encode",
        "/stream/recording",
        "/api/status",
        "/metrics",
        "/nothing",
    ):
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
    # Spend the rest without waiting for it: the right token gets in all the same.
    for _ in range(10):
        server._server.config.app._wrong.spend("127.0.0.1")
    assert ask(server, "/?token=wrong")[0] == 429
    assert ask(server, "/api/status", headers={"Authorization": "Bearer wrong"})[0] == 429
    assert ask(server, f"/?token={TOKEN}")[0] == 200
    assert ask(server, "/api/status", headers=signed_in)[0] == 200


def test_wrong_tokens_from_other_sites_pages_do_not_count(fake, serve, monkeypatch):
    monkeypatch.setattr("semvid.web.guard._WRONG_TOKEN_SECONDS", 0)
    server = serve("0.0.0.0:0", token=TOKEN)
    own = f"http://127.0.0.1:{port_of(server)}/"
    for headers in (
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Referer": "http://evil.example/"},
        {"Origin": "http://evil.example"},
    ):
        assert {ask(server, "/?token=wrong", headers=headers)[0] for _ in range(15)} == {401}
    # Its own page, which still has the key of an earlier stream, and somebody who guesses.
    assert [ask(server, "/?token=wrong", headers={"Referer": own})[0] for _ in range(12)][-1] == 429


def half_a_request(server):
    client = socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE)
    client.sendall(b"GET / HTTP/1.1\r\nHost: local")
    return client


def test_slow_clients_from_one_address_keep_nobody_out(fake, serve):
    server = serve(max_clients=4)
    with contextlib.ExitStack() as stack:
        watcher = stack.enter_context(Watcher(server))
        watcher.picture()
        for _ in range(60):
            stack.enter_context(contextlib.closing(half_a_request(server)))
        until(lambda: len(server._gate.protocols) == server._gate.most)
        # Others, here even from the same address, are answered at once, and who watches goes on watching.
        for _ in range(5):
            assert ask(server, "/healthz")[0] == 200
            watcher.picture()
        assert len(server._gate.protocols) <= server._gate.most


def test_who_takes_no_pictures_gives_way_to_who_does(fake, serve):
    server = serve(max_clients=3, stalled_seconds=30)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(contextlib.closing(Watcher(server, receive_buffer=4096)))
        app = server._app
        until(
            lambda: (
                len(app._watchers) == 3
                and all(one.sending_since < time.monotonic() - 1.1 for one in app._watchers)
            )
        )
        for number in range(3):
            watcher = stack.enter_context(Watcher(server))
            watcher.picture()
            until(lambda: server._broadcast.num_watchers == 3)
            assert server.failure == "", number


def on_its_loop(server, call):
    """Transports may be ended nowhere else: from another thread the end can get lost."""

    async def called():
        return call()

    return asyncio.run_coroutine_threadsafe(called(), server._loop).result(PATIENCE)


def test_an_address_with_many_watchers_gives_way_to_one_with_fewer(fake, serve):
    server = serve(max_clients=3)
    app = server._app
    with contextlib.ExitStack() as stack:
        watchers = [stack.enter_context(Watcher(server)) for _ in range(3)]
        for one in watchers:
            one.picture()
        assert not on_its_loop(server, lambda: app._make_room("127.0.0.1"))
        assert on_its_loop(server, lambda: app._make_room("192.0.2.7"))
        until(lambda: server._broadcast.num_watchers == 2)


def test_a_server_that_ends_by_itself_is_told(fake, serve):
    server = serve()
    assert server.failure == ""

    def fail():
        raise SystemExit("odd")

    server._loop.call_soon_threadsafe(fail)
    until(lambda: server.failure)
    assert server.failure == "the page is gone (SystemExit: odd)"


def test_maps_that_fail_are_told(fake, serve):
    server = serve()
    fake.told = replace(STATUS, num_failed_maps=2, map_failure="ValueError: odd", num_damaged=3)
    status, _, body = ask(server, "/healthz")
    assert (status, json.loads(body)) == (503, {"status": "maps failing"})
    metrics = ask(server, "/metrics")[2].decode()
    assert "semvid_live_map_failures_total 2" in metrics
    assert "semvid_live_damaged_total 3" in metrics


def test_slow_clients_are_dropped_and_slow_nobody(fake, serve):
    server = serve(max_clients=24, stalled_seconds=1.0)
    with Watcher(server) as fast:
        fast.picture()
        slow = [Watcher(server, receive_buffer=4096) for _ in range(20)]
        began, before, num_read = time.monotonic(), fake.num_frames, 0
        most_waiting = 0
        while server._gate.num_stalled < 20:
            # One after the other they would take 20 s.
            assert time.monotonic() - began < 15
            fast.picture()
            num_read += 1
            waiting = [one.transport.get_write_buffer_size() for one in list(server._gate.protocols)]
            most_waiting = max(most_waiting, *waiting)
        seconds = time.monotonic() - began
        assert most_waiting < 65536 + 100_000
        # 25 frames and up to 15 pictures a second on a quiet machine; one, if each slow client were waited for.
        assert (fake.num_frames - before) / seconds > 4
        assert num_read / seconds > 2
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
    server._gate.idle_seconds = 0.5
    with socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: local")
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(100) == b""
    # Who watches is not idle.
    with Watcher(server) as client:
        began = time.monotonic()
        while time.monotonic() - began < 1.2:
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
    until(lambda: not server._thread.is_alive())
    until(lambda: not server._broadcast._thread.is_alive())
    with pytest.raises(ConnectionError):
        ask(server, "/healthz")
    for client in clients:
        client.close()
    never_started = WebServer(fake, f"127.0.0.1:{port_of(server)}")
    never_started.close()
