"""Photographs in the studio as its page sees them: chosen, seen, corrected, tried, encoded, packed."""

import io
import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from PIL import Image
from still_pictures import ORIENTATION, PROFILE, photograph, write_holiday
from studio_pages import PATIENCE, Client, studio_of

from semvid.core.config import CLASSES
from semvid.web.studio import still_routes

QUICK = {"model": "spectral"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("studio") / "holiday"
    place.mkdir()
    write_holiday(place)
    photograph().save(place.parent / "secret.png")
    (place / "out.png").symlink_to(place.parent / "secret.png")
    return place


@pytest.fixture(scope="module")
def served(folder):
    with studio_of(folder) as (studio, server):
        studio.runs.start()
        yield studio, server
        studio.runs.queue.end_now()


@pytest.fixture
def client(served):
    return Client(served[1])


def opened(client, name):
    still = client.open(name)
    assert client.json("POST", f"/api/still/{still['id']}/settings", QUICK)[0] == 200
    return still


def seen(client, still, what):
    status, headers, body = client.ask("GET", f"/api/still/{still['id']}/{what}")
    assert status == 200, body
    return headers, Image.open(io.BytesIO(body))


def waited(client, path, until):
    deadline = time.monotonic() + PATIENCE
    while not until(told := client.json("GET", path)[1]):
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
    return told


def test_a_photograph_is_seen_upright_and_in_its_colours(client):
    still = opened(client, "turned.jpg")
    assert (still["kind"], still["width"], still["height"], still["codec"]) == ("still", 160, 112, "JPEG")
    _, picture = seen(client, still, "frame/0?width=80")
    assert picture.size == (80, 56)
    assert picture.info["icc_profile"] == PROFILE
    headers, grey = seen(client, still, "map/0")
    assert headers["X-Map"] == "exact"
    _, same = seen(client, opened(client, "b.png"), "map/0")
    assert grey.size == same.size
    assert np.corrcoef(np.ravel(grey), np.ravel(same))[0, 1] > 0.95
    assert client.json("GET", f"/api/still/{still['id']}/maps")[1]["is_done"]


def test_bad_ones_and_those_of_others_are_told_in_one_line(client, folder):
    status, said = client.json("POST", "/api/open", {"path": "broken.jpg"})
    assert status == 400
    assert said["error"].startswith("broken.jpg cannot be decoded")
    for path in ("../secret.png", "out.png", "/etc/passwd"):
        for body in ({"paths": [path]}, {"folder": path}):
            status, said = client.json("POST", "/api/stills/choose", body)
            assert status in {400, 404}, said
    assert client.json("POST", "/api/stills/choose", {"paths": []})[0] == 400
    assert client.ask("GET", "/api/still/0123456789abcdef/frame/0")[0] == 404
    assert client.json("POST", "/api/stills/queue", {"choices": {}, "stills": ["none"]})[0] == 404
    status, _, said = client.ask("PUT", "/api/drop?name=mine.png", b"junk")
    assert status == 400
    assert b"mine.png is not a picture" in said
    assert not [*(folder / ".semvid" / "dropped").iterdir()]


def test_others_are_refused(served):
    _, server = served
    for path in ("/api/stills", "/api/stills/zip?jobs=1", "/api/still/0/frame/0", "/stills.js"):
        assert Client(server, "wrong-token").ask("GET", path, Authorization="")[0] == 401
    client = Client(server)
    for path in ("choose", "take-out", "queue"):
        asked = client.ask("POST", f"/api/stills/{path}", "{}", Origin="http://evil.example", Content_Type="application/json")  # fmt: skip
        assert asked[0] == 403


def test_our_jpeg_and_a_plain_one_of_as_many_bytes(client):
    still = opened(client, "a.png")
    _, begun = client.json(
        "POST", f"/api/still/{still['id']}/try", {"wish": {"kind": "bytes", "value": 6000}}
    )
    told = waited(client, "/api/try", lambda one: one["state"] != "running")
    assert told["state"] == "done", told
    assert (told["id"], told["still"], told["width"], told["height"]) == (begun["id"], still["id"], 160, 112)
    for side in ("ours", "theirs"):
        data = client.ask("GET", f"/api/try/{told['id']}/{side}")[2]
        assert len(data) == told[side]["bytes"]
        assert Image.open(io.BytesIO(data)).size == (160, 112)
    assert told["ours"]["bytes"] <= 6000
    assert 0 <= told["theirs"]["bytes"] - told["ours"]["bytes"] < 600
    assert told["ours"]["scores"]["whole"] > 25
    assert told["as_good"]["measure"] in {"salient", "whole"}
    assert client.ask("GET", f"/api/try/{told['id']}/source")[0] == 200
    # A JPEG that is small enough stays as it is.
    still = opened(client, "turned.jpg")
    client.json("POST", f"/api/still/{still['id']}/try", {"wish": {"kind": "bytes", "value": 10**6}})
    told = waited(client, "/api/try", lambda one: one["state"] != "running")
    assert (told["ours"]["bytes"], told["theirs"]) == (still["bytes"], None)
    assert "Copied without loss" in told["notices"][-1]


def test_what_is_painted_is_seen_and_encoded_and_all_are_packed(client, folder):
    client.json("POST", "/api/stills/take-out", {"stills": [one["id"] for one in client.json("GET", "/api/stills")[1]["stills"]]})  # fmt: skip
    plain, still = opened(client, "turned.jpg"), opened(client, "a.png")
    for left, right, matters in ((-1, 0.4, True), (0.4, 2, False)):
        half = {"points": [[left, -1], [right, -1], [right, 2], [left, 2]]}
        edit = {"frame": 0, "shape": half, "matters": matters, "follows": True}
        status, told = client.json("POST", f"/api/still/{still['id']}/edits", {"add": edit})
    assert (status, told["num_done"]) == (200, 2), told
    painted = np.asarray(seen(client, still, "map/0")[1])
    assert (painted[:, 0] == 255).all()
    assert not painted[:, -1].any()
    client.json("POST", f"/api/still/{still['id']}/settings", {"strength": 3, "background": 0.05})
    wanted = {"choices": {"wish": {"kind": "quality", "value": 60}}}
    _, added = client.json("POST", "/api/stills/queue", wanted)
    assert len(added["jobs"]) == 2
    # The same once more is there already.
    assert client.json("POST", "/api/stills/queue", wanted)[1] == added
    # A slider that was moved and put back is no other wish.
    client.json("POST", f"/api/still/{still['id']}/settings", {"focus": dict.fromkeys(CLASSES, 1)})
    assert client.json("POST", "/api/stills/queue", wanted)[1] == added
    jobs = waited(client, "/api/queue", lambda one: all(each["state"] == "done" for each in one["jobs"]))[
        "jobs"
    ]
    assert [(one["source"], one["output"], one["is_picture"]) for one in jobs] == [
        ("turned.jpg", "turned.semvid.jpg", True), ("a.png", "a.semvid.jpg", True)
    ]  # fmt: skip
    with Image.open(folder / "turned.semvid.jpg") as written:
        assert (written.getexif()[ORIENTATION], written.info["icc_profile"]) == (6, PROFILE)
    files = (folder / one for one in ("a.png", "a.semvid.jpg"))
    errors = np.square(np.subtract(*(np.asarray(Image.open(one).convert("L"), float) for one in files)))
    assert errors[:, :56].mean() < 0.8 * errors[:, -56:].mean()
    status, headers, body = client.ask("GET", "/api/stills/zip?jobs=" + ",".join(map(str, added["jobs"])))
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert {one: archive.read(one) for one in archive.namelist()} == {
            name: (folder / name).read_bytes() for name in ("turned.semvid.jpg", "a.semvid.jpg")
        }
    assert client.json("POST", f"/api/queue/{added['jobs'][1]}/report", {})[0] == 200
    waited(client, "/api/queue", lambda one: one["jobs"][1]["report"] == "done")
    assert b"mozjpeg" in client.ask("GET", f"/api/queue/{added['jobs'][1]}/report")[2]
    assert client.ask("GET", "/api/stills/zip?jobs=1,x")[0] == 400
    assert client.ask("GET", "/api/stills/zip?jobs=99")[0] == 400
    # Results are not chosen with the folder they are in.
    _, chosen = client.json("POST", "/api/stills/choose", {"folder": ""})
    assert chosen["chosen"] == ["a.png", "b.png", "broken.jpg", "turned.jpg"]
    assert plain["id"] in [one["id"] for one in chosen["stills"]]
    # Nothing else was written.
    assert {one.name for one in folder.iterdir()} == {
        ".semvid", "a.png", "a.semvid.jpg", "a.semvid.jpg.report.html", "b.png", "broken.jpg", "out.png", "turned.jpg", "turned.semvid.jpg"
    }  # fmt: skip


def test_only_some_archives_are_sent_at_once(client, monkeypatch):
    refused, goes_on = threading.Semaphore(0), threading.Event()

    def slow(files):
        yield b"begun"
        goes_on.wait(PATIENCE)

    def ask(_):
        status = client.ask("GET", "/api/stills/zip?jobs=1")[0]
        if status == 429:
            refused.release()
        return status

    def outputs(self, jobs):
        # Others ask while the store is read.
        time.sleep(0.1)
        return []

    for _ in range(3):
        assert client.ask("GET", "/api/stills/zip?jobs=99")[0] == 400
    monkeypatch.setattr(still_routes, "packed", slow)
    monkeypatch.setattr(still_routes._Stills, "_outputs", outputs)
    with ThreadPoolExecutor(5) as pool:
        answers = pool.map(ask, range(5))
        assert all(refused.acquire(timeout=PATIENCE) for _ in range(3))
        goes_on.set()
        assert sorted(answers) == [200, 200, 429, 429, 429]
    deadline = time.monotonic() + PATIENCE
    while (status := ask(0)) == 429:
        assert time.monotonic() < deadline
    assert status == 200
