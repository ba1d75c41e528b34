"""Who is kept out of the studio, from what, and what much at once does to it."""

import http.client
import re
import socket
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
from clips import make_clip

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from live_pages import until
from studio_pages import PATIENCE, Client, studio_of

from semvid.studio import folder as folder_module
from semvid.web.studio.app import application

MOST = 2**20
SPARE_BYTES = 300 * 2**20
"""More than clients at once may cost: each has at most some decoded frames under way."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("guard") / "films"
    place.mkdir()
    make_clip(place / "talk.mp4", num_frames=12)
    (place.parent / "secret.mp4").write_bytes(b"secret")
    (place / "out.mp4").symlink_to(place.parent / "secret.mp4")
    (place / "away").symlink_to(place.parent)
    return place


@pytest.fixture(scope="module")
def served(folder):
    with studio_of(folder) as (studio, server):
        yield studio, server


@pytest.fixture
def client(served):
    return Client(served[1])


def all_routes(studio):
    """Method and path of everything that the page can ask for."""
    for route in application(studio).routes:
        path = re.sub(r"{\w+:int}", "1", route.path)
        for method in sorted(route.methods - {"HEAD"}):
            yield method, re.sub(r"{\w+}", "0123456789abcdef", path)


def test_every_address_is_for_those_with_the_token_and_for_no_other_site(served, folder):
    studio, server = served
    client, stranger, before = Client(server), Client(server, ""), sorted(folder.rglob("*"))
    routes = [*all_routes(studio)]
    assert {"GET", "POST", "PUT"} == {method for method, _ in routes}
    assert len(routes) > 40
    open_to_all = {"/icon.svg", "/favicon.ico", "/healthz"}
    for method, path in routes:
        if path not in open_to_all:
            assert stranger.ask(method, path, Authorization="")[0] == 401, path
        for host in ("evil.example", f"evil.example:{client.port}", "127.0.0.1.evil.example"):
            assert client.ask(method, path, Host=host)[0] == 421, path
        assert client.ask(method, path, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors")[0] == 403, path
        assert client.ask(method, path, Sec_Fetch_Site="same-site", Sec_Fetch_Mode="no-cors")[0] == 403, path
        if method != "GET":
            for origin in (
                "http://evil.example",
                "null",
                f"https://127.0.0.1:{client.port}",
                "http://127.0.0.1:1",
            ):
                assert client.ask(method, path, b"{}", Origin=origin)[0] == 403, (path, origin)
    assert sorted(folder.rglob("*")) == before, "nobody of them wrote anything"


def test_guessing_tokens_is_slowed_down_and_locks_out_only_who_guesses(served):
    _, server = served
    with ThreadPoolExecutor(12) as pool:
        found = [
            *pool.map(lambda one: Client(server, f"wrong-{one}").ask("GET", "/api/folder")[0], range(12))
        ]
    assert set(found) == {401, 429}
    assert Client(server).ask("GET", "/api/folder")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "../secret.mp4", "..%2Fsecret.mp4", "/etc/passwd", "out.mp4", "away/secret.mp4", "away", "..", "x/../../secret.mp4",
        "..\\secret.mp4", "\0", "talk.mp4/../../secret.mp4",
    ],
)  # fmt: skip
def test_nothing_outside_is_reached(client, path):
    for address, body in (
        ("/api/open", {"path": path}), ("/api/stills/choose", {"paths": [path]}), ("/api/stills/choose", {"folder": path}),
    ):  # fmt: skip
        status, said = client.json("POST", address, body)
        assert status in {400, 404}, (address, said)
        assert "secret" not in said["error"].replace(path, "")
    status, _, said = client.ask("GET", f"/api/folder?path={path}".replace("\0", "%00").replace("\\", "%5C"))
    assert status in {400, 404}
    assert b"entries" not in said


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(folder_module, "MOST_DROPPED_BYTES", MOST)


def dropped(folder):
    return [one.name for one in folder.rglob(".semvid/dropped/*")]


def test_a_drop_that_says_it_is_too_large_is_refused_at_once(client, folder, small):
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=PATIENCE)
    connection.putrequest("PUT", "/api/drop?name=large.mkv")
    connection.putheader("Authorization", f"Bearer {client.token}")
    connection.putheader("Content-Length", str(MOST + 1))
    connection.endheaders()
    # Not a byte of it was sent.
    answer = connection.getresponse()
    assert answer.status == 507
    assert b"the most that can be dropped" in answer.read()
    connection.close()
    assert dropped(folder) == []


def test_a_drop_without_a_length_is_counted(client, folder, small):
    def stream():
        for _ in range(64):
            yield b"x" * (MOST // 16)

    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=PATIENCE)
    try:
        headers = {"Authorization": f"Bearer {client.token}"}
        connection.request("PUT", "/api/drop?name=large.mkv", stream(), headers, encode_chunked=True)
        assert connection.getresponse().status == 507
    except (BrokenPipeError, ConnectionResetError):
        # The server hung up while more was being sent.
        pass
    finally:
        connection.close()
    until(lambda: dropped(folder) == [])


def test_drops_that_break_off_leave_nothing(client, folder):
    with socket.create_connection(("127.0.0.1", client.port), PATIENCE) as half:
        half.sendall(
            f"PUT /api/drop?name=half.mkv HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nAuthorization: Bearer "
            f"{client.token}\r\nContent-Length: 100000\r\n\r\nonly this".encode()
        )
        until(lambda: dropped(folder) != [])
    until(lambda: dropped(folder) == [])


def test_many_clients_at_once_are_answered_or_let_go_and_cost_little_memory(served, client):
    video = client.open("talk.mp4")
    client.maps(video)
    paths = ("frame/{}?width=96", "map/{}", "maps")

    def look(number):
        try:
            path = paths[number % 3].format(number % 12)
            return client.ask("GET", f"/api/video/{video['id']}/{path}")[0]
        except (OSError, http.client.HTTPException):
            return 0

    before = psutil.Process().memory_info().rss
    with ThreadPoolExecutor(200) as pool:
        found = list(pool.map(look, range(200)))
    assert set(found) <= {0, 200}
    assert 200 in found
    assert psutil.Process().memory_info().rss - before < SPARE_BYTES
    assert client.ask("GET", "/api/folder")[0] == 200


def test_clients_that_only_connect_are_let_go_for_those_that_ask(served, client):
    idle = [socket.create_connection(("127.0.0.1", client.port), PATIENCE) for _ in range(200)]
    try:
        assert client.ask("GET", "/api/folder")[0] == 200
        assert len(served[1]._gate.protocols) <= 64
    finally:
        for one in idle:
            one.close()
