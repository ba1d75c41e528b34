"""One mask, or boxes, of one frame: the maps of a video follow what was marked, and say where it was lost."""

import json
from contextlib import closing
from fractions import Fraction

import av
import clips
import cv2
import numpy as np
import pytest
from PIL import Image

import semvid
from semvid.core.errors import ConfigError, MapError
from semvid.importance.files.sidecar import SidecarReader
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader
from semvid.temporal.settle import settled_grid

WIDTH, HEIGHT, SIDE, NUM_FRAMES = 256, 144, 48, 12
TOP = 20


def thing(seed):
    """A picture of a ball with stripes, and its mask."""
    y, x = np.mgrid[0:SIDE, 0:SIDE] - SIDE / 2 + 0.5
    stripes = np.where(np.sin(np.hypot(x, y + seed) * 0.9) > 0, 230, 20)
    return stripes.astype(np.uint8), np.hypot(x, y) < SIDE / 2


def left_of(index):
    return 20 + 4 * index


def truth(index):
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[TOP : TOP + SIDE, left_of(index) : left_of(index) + SIDE] = thing(0)[1]
    return mask


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A ball that rolls over a texture, and two of the same kind that lie there."""
    folder = tmp_path_factory.mktemp("track")
    ball, shape = thing(0)
    scenery = clips.texture(WIDTH, HEIGHT)
    for left, top in ((200, 90), (10, 90)):
        scenery[top : top + SIDE, left : left + SIDE][shape] = ball[shape]
    with av.open(str(folder / "in.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for index in range(NUM_FRAMES):
            picture = scenery.copy()
            picture[truth(index)] = ball[shape]
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        container.mux(stream.encode())
    Image.fromarray(np.uint8(255 * truth(0))).save(folder / "mask.png")
    Image.fromarray(np.uint8(255 * truth(5))).resize((999, 99)).save(folder / "mask5.png")
    Image.new("L", (64, 36)).save(folder / "empty.png")
    (folder / "text.png").write_text("no picture")
    box = [left_of(0), TOP, SIDE, SIDE]
    (folder / "boxes.jsonl").write_text(json.dumps({"frame": 0, "box": box}) + "\n")
    return folder


def maps_of(folder, tmp_path, *marks):
    notices = []
    config = semvid.ExportConfig(maps=semvid.MapsConfig(track=marks))
    semvid.export_maps(
        folder / "in.mkv", tmp_path / "maps.npz", config,
        on_event=lambda one: notices.append(one.message) if isinstance(one, semvid.Notice) else None,
    )  # fmt: skip
    with np.load(tmp_path / "maps.npz") as file:
        maps = file["maps"].astype(np.float32) / 255
    return [cv2.resize(one, (WIDTH, HEIGHT)) for one in maps], notices


def iou(values, mask):
    found = values > 0.5
    return (found & mask).sum() / (found | mask).sum()


@pytest.mark.parametrize("name", ["mask.png", "boxes.jsonl"])
def test_what_is_marked_is_followed_among_others_of_its_kind(name, folder, tmp_path):
    maps, notices = maps_of(folder, tmp_path, semvid.Mark(path=folder / name))
    assert len(maps) == NUM_FRAMES
    assert np.mean([iou(one, truth(index)) for index, one in enumerate(maps)]) > 0.7
    assert max(one[95:].max() for one in maps) < 0.5
    assert notices == []


def test_a_mark_acts_from_its_time_on(folder, tmp_path):
    maps, notices = maps_of(folder, tmp_path, semvid.Mark(path=folder / "mask5.png", seconds=0.2))
    assert all(one.max() == 0 for one in maps[:5])
    assert min(iou(one, truth(index)) for index, one in enumerate(maps) if index >= 5) > 0.6
    assert notices == ["nothing is marked in 5 frames before the first mark"]


def test_a_sidecar_says_what_was_marked_and_its_maps_are_settled(folder, tmp_path):
    out = tmp_path / "maps.svmap"
    mark = semvid.Mark(path=folder / "mask.png", seconds=0)
    semvid.export_maps(folder / "in.mkv", out, semvid.ExportConfig(maps=semvid.MapsConfig(track=(mark,))))
    reader = SidecarReader(out)
    made_by = reader.header.made_by
    assert next(reader.maps()).grey.shape == settled_grid(WIDTH, HEIGHT)
    reader.close()
    assert made_by["track"] == [{"file": "mask.png", "seconds": 0.0}]
    assert made_by["model"] == "msroi"


@pytest.mark.parametrize(
    ("name", "seconds", "message"),
    [
        ("none.png", None, "none.png` does not exist; check the path"),
        ("text.png", None, "`track`: .*text.png"),
        ("empty.png", None, "marks nothing: .* paint what matters white"),
        (
            "mask.png",
            60,
            "mask.png@60` is past the end of the video, which lasts 0.480 s; give an earlier time",
        ),
        ("boxes.jsonl", 1, "is no picture, and boxes name their frames; leave out the time"),
    ],
)
def test_marks_that_do_not_fit_are_refused(name, seconds, message, folder, tmp_path):
    with pytest.raises(MapError, match=message):
        maps_of(folder, tmp_path, semvid.Mark(path=folder / name, seconds=seconds))
    assert not (tmp_path / "maps.npz").exists()


def test_a_part_is_followed_from_a_mark_in_it_and_not_from_one_before_it(folder):
    with VideoReader(folder / "in.mkv") as reader:
        frames = [one for one in reader.read() if isinstance(one, semvid.Frame)]
    config = semvid.MapsConfig(track=(semvid.Mark(path=folder / "mask5.png", seconds=0.2),))
    with closing(open_source(config, None)) as source:
        source.begin_part(Fraction(0))
        assert source.update(frames[4]).values.max() == 0
        assert iou(cv2.resize(source.update(frames[5]).values, (WIDTH, HEIGHT)), truth(5)) > 0.9
    with closing(open_source(config, None)) as source:
        source.begin_part(Fraction(0))
        with pytest.raises(MapError, match="before the part that is read, which begins at 0.240 s"):
            source.update(frames[6])


def test_a_mark_that_no_frame_comes_for_is_told(folder):
    config = semvid.MapsConfig(track=(semvid.Mark(path=folder / "mask5.png", seconds=9),))
    with closing(open_source(config, None)) as source:
        assert "mask5.png@9` has marks for after the last frame" in source.finish(NUM_FRAMES)


def test_what_is_lost_is_told(folder):
    with VideoReader(folder / "in.mkv") as reader:
        frames = [one for one in reader.read() if isinstance(one, semvid.Frame)]
    black = np.zeros((HEIGHT, WIDTH), np.uint8)
    config = semvid.MapsConfig(track=(semvid.Mark(path=folder / "mask.png"),))
    with closing(open_source(config, None)) as source:
        source.update(frames[0])
        picture = av.VideoFrame.from_ndarray(black, format="gray")
        picture.pts, picture.time_base = frames[1].pts, frames[1].picture.time_base
        for _ in range(3):
            values = source.update(semvid.Frame(picture, 1)).values
        assert values.max() < 0.5
        assert "was not found in" in source.finish(2)


def test_a_picture_has_nothing_to_follow(folder, tmp_path):
    config = semvid.ExportConfig(maps=semvid.MapsConfig(track=(semvid.Mark(path=folder / "mask.png"),)))
    with pytest.raises(ConfigError, match="`track` follows marks through a video, and this is a picture"):
        semvid.export_maps(folder / "mask.png", tmp_path / "map.png", config)


def test_a_live_stream_takes_no_marks(folder, tmp_path):
    config = semvid.LiveConfig(maps=semvid.MapsConfig(track=(semvid.Mark(path=folder / "mask.png"),)))
    with pytest.raises(ConfigError, match="a live stream takes no `maps`, `boxes` or `track`"):
        next(iter(semvid.live(str(folder / "in.mkv"), str(tmp_path / "out.mkv"), config=config)))
