"""Correcting maps in the studio: what is painted is seen, followed, kept, undone, and reaches an encode."""

import time
from concurrent.futures import ThreadPoolExecutor

import av
import cv2
import numpy as np
import pytest
from clips import make_clip

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from quantizers import macroblock_qps
from studio_pages import PATIENCE, Client, studio_of

import semvid
from semvid.importance.edits.region import region_at
from semvid.importance.edits.shapes import Polygon, Stroke, rasterised

BOX = {"points": [[0.1, 0.1], [0.5, 0.1], [0.5, 0.6], [0.1, 0.6]]}


@pytest.fixture
def served(tmp_path):
    make_clip(tmp_path / "talk.mp4", num_frames=16, cut_at=10)
    with studio_of(tmp_path) as served:
        yield served


def edits(client, video, body):
    status, said = client.json("POST", f"/api/video/{video['id']}/edits", body)
    assert status == 200, said
    return said


def applied(client, video):
    deadline = time.monotonic() + PATIENCE
    while True:
        _, said = client.json("GET", f"/api/video/{video['id']}/edits")
        assert not said["failure"], said
        if said["is_applied"]:
            return said
        assert time.monotonic() < deadline, said
        time.sleep(0.05)


def map_of(client, video, index):
    status, _, body = client.ask("GET", f"/api/video/{video['id']}/map/{index}")
    assert status == 200
    return cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED)


def inside(grey):
    rows, cols = grey.shape
    return grey[int(0.2 * rows) : int(0.5 * rows), int(0.2 * cols) : int(0.4 * cols)]


def test_what_is_painted_is_seen_at_once_followed_and_kept(served, tmp_path):
    client = Client(served[1])
    video = client.open("talk.mp4")
    said = edits(client, video, {"add": {"frame": 2, "shape": BOX, "matters": True, "follows": False}})
    assert (said["num_done"], said["frames"]) == (1, [2])
    assert inside(map_of(client, video, 2)).min() == 255
    client.maps(video)
    assert applied(client, video)["followed"] == 16
    plain = map_of(client, video, 1)
    assert inside(map_of(client, video, 9)).min() == 255
    assert inside(plain).min() < 255
    assert inside(map_of(client, video, 10)).min() < 255, "behind the cut"
    # The command line has the same.
    config = served[0].opened(video["id"]).editing.for_encode(semvid.CompressConfig())
    sidecar = config.maps.path
    semvid.export_maps(
        tmp_path / "talk.mp4",
        tmp_path / "maps.npz",
        semvid.ExportConfig(maps=semvid.MapsConfig(path=sidecar)),
    )
    with np.load(tmp_path / "maps.npz") as found:
        assert np.array_equal(found["maps"][9], map_of(client, video, 9))
    edits(client, video, {"undo": True})
    applied(client, video)
    assert inside(map_of(client, video, 9)).min() < 255
    assert edits(client, video, {"redo": True})["num_done"] == 1
    applied(client, video)
    # Somebody comes back another day.
    last = served[0].opened(video["id"]).editing.sidecar
    followed = last.stat().st_mtime_ns
    with studio_of(tmp_path) as again:
        client = Client(again[1])
        video = client.open("talk.mp4")
        client.maps(video)
        assert applied(client, video)["num_done"] == 1
        assert inside(map_of(client, video, 9)).min() == 255
        assert last.stat().st_mtime_ns == followed, "it was not followed again"
        assert edits(client, video, {"clear": True})["num_done"] == 0
        applied(client, video)
        assert inside(map_of(client, video, 9)).min() < 255


def test_what_is_painted_is_coded_finer_and_so_it_is_where_it_moves_to(tmp_path):
    texture = np.random.default_rng(1).integers(0, 256, (96, 300), dtype=np.uint8).repeat(2, 0).repeat(2, 1)
    ball = np.random.default_rng(2).integers(0, 256, (48, 48), dtype=np.uint8)
    frames = [texture[:192, :320].copy() for _ in range(24)]
    for index, one in enumerate(frames):
        one[72:120, 40 + 6 * index : 88 + 6 * index] = ball
    clip, maps, edited = (tmp_path / name for name in ("clip.mkv", "clip.svmap", "edited.svmap"))
    write_grey(clip, frames)
    semvid.export_maps(clip, maps, semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral")))
    shape = semvid.Polygon(tuple((x / 320, y / 192) for x, y in ((40, 72), (88, 72), (88, 120), (40, 120))))
    semvid.edit_maps(clip, maps, semvid.Edits().added(semvid.Edit(0, shape, matters=True)), edited)
    qps = {}
    for name, path in (("before", maps), ("after", edited)):
        config = semvid.CompressConfig(
            maps=semvid.MapsConfig(path=path), probe="none", preset="superfast", rate=semvid.Crf(30),
            allocation=semvid.AllocationConfig(match="size"),
        )  # fmt: skip
        semvid.compress(clip, tmp_path / f"{name}.mkv", config)
        qps[name] = [macroblock_qps(tmp_path / f"{name}.mkv", index) for index in (0, 20)]
    for place, left in enumerate((48, 48 + 120)):
        change = qps["after"][place] - qps["before"][place]
        inside = change[5:7, left // 16 : left // 16 + 2].mean()
        assert inside < change.mean() - 1, place


def write_grey(path, frames):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        for one in frames:
            picture = av.VideoFrame.from_ndarray(one, format="gray").reformat(format="yuv420p")
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    "body",
    [
        {}, {"paint": 1}, {"add": {"frame": 99, "shape": BOX, "matters": True, "follows": True}},
        {"add": {"frame": 0, "shape": {"points": [[0, 0]]}, "matters": True, "follows": True}},
        {"lock": {"frame": 0, "point": [0.5, 7], "matters": True}},
    ],
)  # fmt: skip
def test_other_bodies_are_refused(served, body):
    client = Client(served[1])
    video = client.open("talk.mp4")
    status, said = client.json("POST", f"/api/video/{video['id']}/edits", body)
    assert status == 400
    assert "paint it again" in said["error"]


def test_what_comes_at_once_is_all_kept(served):
    client = Client(served[1])
    video = client.open("talk.mp4")
    place = f"/api/video/{video['id']}"
    asked = [(f"{place}/settings", {"strength": 0.5}), (f"{place}/settings", {"background": 0.25})]
    asked += [
        (f"{place}/edits", {"add": {"frame": frame, "shape": BOX, "matters": True, "follows": False}})
        for frame in range(6)
    ]
    with ThreadPoolExecutor(len(asked)) as pool:
        answers = [*pool.map(lambda one: client.json("POST", *one), asked)]
    assert [status for status, _ in answers] == [200] * len(asked)
    assert applied(client, video)["frames"] == [*range(6)]
    settings = client.json("POST", "/api/open", {"path": "talk.mp4"})[1]["settings"]
    assert (settings["strength"], settings["background"]) == (0.5, 0.25)


def test_one_thing_is_locked_on(served):
    client = Client(served[1])
    video = client.open("talk.mp4")
    said = edits(client, video, {"lock": {"frame": 0, "point": [0.5, 0.5], "matters": True}})
    assert said["num_done"] == 1
    client.maps(video)
    applied(client, video)
    config = served[0].opened(video["id"]).editing.for_encode(semvid.CompressConfig())
    assert config.maps.path is not None


def test_the_thing_at_a_place_is_what_is_joined_and_matters_as_much():
    grey = np.zeros((34, 60), np.uint8)
    grey[10:20, 10:20], grey[10:20, 40:50] = 200, 220
    found = region_at(grey, 15 / 60, 15 / 34)
    assert isinstance(found, Polygon)
    mask = rasterised(found, 34, 60)
    assert mask[11:19, 11:19].min() > 0.5
    assert mask[:, 30:].max() == 0
    assert isinstance(region_at(grey, 0.5, 0.9), Stroke), "nothing is there"
    assert isinstance(region_at(np.full((34, 60), 200, np.uint8), 0.5, 0.5), Stroke), "all is one thing"
