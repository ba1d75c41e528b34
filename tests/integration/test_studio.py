"""semvid studio as its page sees it: files, frames, maps, and who is refused."""

import os
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import make_clip

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from studio_pages import Client, studio_of

from semvid import ExportConfig, export_maps
from semvid.importance.files.sidecar_source import all_maps


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("studio") / "films"
    place.mkdir()
    make_clip(place / "talk.mp4", num_frames=40, cut_at=20, audio=True, options={"preset": "fast", "bf": "3"})
    make_clip(place / "turned.mkv", num_frames=8, rotation=90)
    make_clip(place / "clock.ts", num_frames=12)
    (place / "broken.mp4").write_bytes(b"no video")
    (place.parent / "secret.mp4").write_bytes(b"secret")
    (place / "out.mp4").symlink_to(place.parent / "secret.mp4")
    return place


@pytest.fixture(scope="module")
def served(folder):
    with studio_of(folder) as (studio, server):
        yield studio, server


@pytest.fixture
def client(served):
    return Client(served[1])


def picture(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)


def test_files_are_listed_and_described(client):
    _, listed = client.json("GET", "/api/folder")
    assert [one["name"] for one in listed["entries"]] == ["broken.mp4", "clock.ts", "talk.mp4", "turned.mkv"]
    video = client.open("talk.mp4")
    assert (video["width"], video["height"], video["num_frames"], video["codec"]) == (320, 192, 40, "h264")
    assert video["duration"] == pytest.approx(1.6)
    assert client.open("talk.mp4")["id"] == video["id"]


@pytest.mark.parametrize("name", ["talk.mp4", "clock.ts"])
def test_frames_are_those_of_the_video(client, served, name):
    video = client.open(name)
    last = video["num_frames"] - 1
    # Back and forth: each is sought, or decoded from the one before.
    found = {
        index: client.ask("GET", f"/api/video/{video['id']}/frame/{index}?width=160")[2]
        for index in (7, 2, 3, last, 0, 7)
    }
    assert all(picture(one).shape == (96, 160, 3) for one in found.values())
    pictures = served[0].video(video["id"]).pictures
    for index in found:
        wanted = pictures._read(index)
        assert np.array_equal(pictures.frame(index).luma, wanted.luma)
        assert wanted.pts == served[0].video(video["id"]).pts[index]


def test_turned_videos_are_upright(client):
    video = client.open("turned.mkv")
    assert (video["width"], video["height"]) == (192, 320)
    assert picture(client.ask("GET", f"/api/video/{video['id']}/frame/3?width=96")[2]).shape == (160, 96, 3)


def test_maps_are_those_of_the_command(client, folder, tmp_path):
    video = client.open("talk.mp4")
    quick, _, body = client.ask("GET", f"/api/video/{video['id']}/map/0")
    assert quick == 200
    assert picture(body).ndim == 2
    maps = client.maps(video)
    assert (maps["made"], maps["total"]) == (40, 40)
    assert 20 in maps["cuts"]
    assert all(0 < one["share"] <= 1 and 0 < one["sureness"] <= 1 for one in maps["classes"])
    export_maps(folder / "talk.mp4", tmp_path / "talk.svmap", ExportConfig())
    for index, (_, values) in enumerate(all_maps(tmp_path / "talk.svmap")):
        status, headers, body = client.ask("GET", f"/api/video/{video['id']}/map/{index}")
        assert (status, headers["X-Map"]) == (200, "exact")
        assert np.array_equal(picture(body), np.rint(values * 255))
    assert (folder / maps["sidecar"]).read_bytes() == (tmp_path / "talk.svmap").read_bytes()


def test_maps_are_read_again_and_the_same(client, folder):
    video = client.open("talk.mp4")
    cuts = client.maps(video)["cuts"]
    before = client.ask("GET", f"/api/video/{video['id']}/map/33")[2]
    with studio_of(folder) as (_, server):
        other = Client(server)
        again = other.open("talk.mp4")
        assert other.maps(again)["cuts"] == cuts
        assert other.ask("GET", f"/api/video/{again['id']}/map/33")[2] == before


def test_another_focus_makes_other_maps(client):
    video = client.open("clock.ts")
    client.maps(video)
    before = client.ask("GET", f"/api/video/{video['id']}/map/5")[2]
    settings = {"focus": dict.fromkeys(video["settings"]["focus"], 0), "strength": 0.5}
    status, now = client.json("POST", f"/api/video/{video['id']}/settings", settings)
    assert (status, now["strength"], now["focus"]["face"]) == (200, 0.5, 0)
    client.maps(video)
    assert client.ask("GET", f"/api/video/{video['id']}/map/5")[2] != before
    status, said = client.json("POST", f"/api/video/{video['id']}/settings", {"strength": 9})
    assert status == 400
    assert "0 to 3" in said["error"]


def test_the_making_can_be_stopped_and_goes_on(folder):
    with studio_of(folder) as (_, server):
        client = Client(server)
        video = client.open("turned.mkv")
        status, maps = client.json("POST", f"/api/video/{video['id']}/maps", {"go_on": False})
        assert status == 200
        assert maps["is_stopped"] or maps["is_done"]
        client.json("POST", f"/api/video/{video['id']}/maps", {"go_on": True})
        assert client.maps(video)["made"] == 8


def test_what_is_dropped_is_opened(client, folder):
    data = (folder / "turned.mkv").read_bytes()
    status, _, said = client.ask("PUT", "/api/drop?name=mine.mkv", data)
    assert status == 200, said
    assert (folder / ".semvid" / "dropped" / "mine.mkv").read_bytes() == data
    status, _, said = client.ask("PUT", "/api/drop?name=..%2Fmine.mkv", data)
    assert status == 400
    status, _, said = client.ask("PUT", "/api/drop?name=junk.mkv", b"junk")
    assert status == 400
    assert b"cannot be opened" in said
    assert client.ask("PUT", "/api/drop?name=photo.jpg", b"junk")[0] == 400
    assert [one.name for one in (folder / ".semvid" / "dropped").iterdir()] == ["mine.mkv"]


@pytest.mark.parametrize(
    "path", ["../secret.mp4", "/etc/passwd", "out.mp4", "talks/../../secret.mp4", "\0", ".."]
)
def test_nothing_outside_is_opened(client, path):
    status, said = client.json("POST", "/api/open", {"path": path})
    assert status == 400, said
    assert "secret" not in said["error"].replace(path, "")


def test_what_cannot_be_is_told(client):
    assert client.json("POST", "/api/open", {"path": "none.mp4"})[0] == 404
    assert client.json("POST", "/api/open", {"path": "broken.mp4"})[0] == 400
    assert client.json("POST", "/api/open", {"nothing": 1})[0] == 400
    assert client.ask("GET", "/api/video/0123456789abcdef/frame/0")[0] == 404
    video = client.open("talk.mp4")
    for path in ("frame/40", "frame/0?width=x", "frame/0?width=99999999", "map/99"):
        assert client.ask("GET", f"/api/video/{video['id']}/{path}")[0] == 400


def test_the_page_is_small(client):
    sizes = [
        len(client.ask("GET", path)[2])
        for path in ("/", "/base.css", "/theme.js", "/studio.css", "/run.css", "/icon.svg")
    ]
    from semvid.web.studio.app import SCRIPTS

    sizes += [len(client.ask("GET", f"/{one}.js")[2]) for one in SCRIPTS]
    assert sum(sizes) < 300_000


def test_many_videos_leave_no_threads(folder):
    before = {one.name for one in threading.enumerate() if one.is_alive()}
    with studio_of(folder) as (studio, server):
        client = Client(server)
        for _ in range(3):
            for name in ("talk.mp4", "clock.ts", "turned.mkv"):
                client.maps(client.open(name), until=lambda maps: maps["made"] or maps["is_done"])
        assert len(studio._opened) <= 6
    after = [one.name for one in threading.enumerate() if one.name == "semvid-maps" and one.is_alive()]
    assert len(after) <= sum(one == "semvid-maps" for one in before)


@pytest.mark.skipif(sys.platform in {"win32", "darwin"}, reason="names are text there")
def test_a_folder_whose_name_is_no_text_is_shown(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    folder.mkdir()
    make_clip(folder / "talk.mp4", num_frames=3)
    with studio_of(folder) as (_, server):
        client = Client(server)
        status, told = client.json("GET", "/api/folder")
        assert (status, told["root"]) == (200, r"\xff")
        video = client.open("talk.mp4")
        client.maps(video)
        status, told = client.json("GET", "/api/queue")
        assert status == 200
        job = client.json("POST", f"/api/video/{video['id']}/queue", {"preset": "superfast"})
        assert job == (200, {"job": 1, "map_words": ""})
        assert client.json("GET", "/api/choices")[0] == 200
