"""A source of maps needs nothing but ``update``, wherever one can be given."""

import typing
from contextlib import closing

import cv2
import numpy as np
import pytest
from clips import pictures

import semvid
from semvid.core.errors import ConfigError
from semvid.core.map_source import MapSource, complete
from semvid.importance.files.sidecar import SidecarReader


class Bare:
    """As the README has it."""

    def __init__(self, values=((1.0, 0.0),)):
        self.values = np.asarray(values)
        self.num_asked = 0

    def __len__(self):
        return 0  # an object may be false

    def update(self, frame):
        self.num_asked += 1
        return semvid.ImportanceMap(self.values)


def test_compress(clip, tmp_path):
    source = Bare()
    config = semvid.CompressConfig(preset="superfast", save_maps=tmp_path / "out.svmap")
    assert semvid.compress(clip, tmp_path / "out.mp4", config, importance=source).num_frames == 24
    assert source.num_asked == 24
    with closing(SidecarReader(tmp_path / "out.svmap")) as kept:
        assert kept.header.made_by["source"] == "Bare"


def test_export_overlay(clip, tmp_path):
    source = Bare()
    written = semvid.export_overlay(clip, tmp_path / "out", semvid.OverlayConfig(every=12), importance=source)
    assert written.num_frames == 2
    assert source.num_asked == 24


def test_compress_image(tmp_path):
    source = Bare()
    (grey,) = pictures(64, 48, 1)
    cv2.imwrite(str(tmp_path / "in.png"), grey)
    semvid.compress_image(tmp_path / "in.png", tmp_path / "out.jpg", importance=source)
    assert source.num_asked == 1


def test_live(clip):
    source = Bare()
    with closing(semvid.live(str(clip), importance=source)) as frames:
        seen = [importance for _, importance in frames]
    assert len(seen) == 24
    assert source.num_asked >= 1
    with semvid.LiveStream(semvid.LiveConfig(), Bare()) as stream:
        rgb = np.dstack([pictures(64, 48, 1)[0]] * 3)
        assert stream.feed_array(rgb, 0.0)


def test_what_a_source_has_is_heeded(clip, tmp_path):
    class Fuller(Bare):
        map_every = 8
        closed = 0

        def finish(self, num_frames):
            return f"saw {num_frames}"

        def close(self):
            self.closed += 1

    source, events = Fuller(), []
    semvid.compress(clip, tmp_path / "out.mp4", importance=source, on_event=events.append)
    assert source.num_asked < 24
    assert source.closed == 1
    assert semvid.Notice("saw 24") in events


@pytest.mark.parametrize(
    ("importance", "words"),
    [
        (Bare, "class .*Bare.*not a source of maps; give an object with an update"),
        (np.zeros((2, 2)), "not a source of maps"),
        (0, "importance is 0, which is not a source"),
        (
            Bare([[0, 255]]),
            "Bare.update returned importance from 0 to 255 for frame 0; it must be 0 to 1",
        ),
        (Bare([[0, np.nan]]), "from nan to nan"),
        (Bare([[-0.5, 0]]), "from -0.5 to 0"),
    ],
    ids=["class", "array", "number", "bytes", "nan", "negative"],
)
def test_what_is_no_source_is_named(importance, words, clip, tmp_path):
    with pytest.raises(ConfigError, match=words):
        semvid.compress(clip, tmp_path / "out.mp4", importance=importance)
    assert list(tmp_path.iterdir()) == []


def test_an_array_instead_of_a_map_is_named(clip, tmp_path):
    class Wrong:
        def update(self, frame):
            return np.zeros((2, 2), np.float32)

    with pytest.raises(ConfigError, match="Wrong.update returned ndarray; return semvid.ImportanceMap"):
        semvid.compress(clip, tmp_path / "out.mp4", importance=Wrong())


def test_maps_of_other_types_are_brought_to_ours():
    for dtype in (bool, np.float64, np.uint8):
        values = complete(Bare(np.array([[0, 1]], dtype))).update(None).values
        assert values.dtype == np.float32
        assert values.tolist() == [[0, 1]]


def test_a_whole_source_is_taken_as_it_is():
    class Whole(MapSource):
        def update(self, frame):
            return semvid.ImportanceMap(np.zeros((1, 1), np.float32))

    source = Whole()
    assert complete(source) is source


def test_everything_to_annotate_a_callback_with_is_there():
    members = typing.get_args(semvid.Event)
    assert {one.__name__ for one in members} <= set(semvid.__all__)
    assert {"Event", "MapSource", "PacketTaker", "Pooled", "StreamInfo"} <= set(semvid.__all__)
