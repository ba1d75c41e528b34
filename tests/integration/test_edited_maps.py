"""Maps with a user's edits: a sidecar that any run reads."""

import numpy as np
import pytest
from clips import make_clip

import semvid
from semvid.core.config import ExportConfig, MapsConfig
from semvid.core.errors import ConfigError, MapError, OutputExistsError
from semvid.core.events import Notice, Progress
from semvid.importance.edits.edits import Edit, Edits
from semvid.importance.edits.shapes import Polygon, Stroke
from semvid.importance.files.sidecar import SidecarReader
from semvid.products import edited_frames
from semvid.products.edited_frames import Followed
from semvid.products.edited_maps import edit_maps, edit_maps_events

BOX = Polygon(((0.1, 0.1), (0.5, 0.1), (0.5, 0.6), (0.1, 0.6)))


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("edited") / "clip.mp4", width=192, height=96, num_frames=12)


@pytest.fixture(scope="module")
def maps(clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("maps") / "clip.svmap"
    semvid.export_maps(clip, path, ExportConfig(maps=MapsConfig(model="spectral")))
    return path


def maps_in(path, *, unedited=False):
    reader = SidecarReader(path)
    try:
        return [(one.pts, one.grey) for one in (reader.unedited_maps() if unedited else reader.maps())]
    finally:
        reader.close()


def test_edits_and_what_they_changed_are_kept(clip, maps, tmp_path):
    pts = [one for one, _ in maps_in(maps)]
    edits = Edits().added(Edit(pts[4], BOX, matters=True)).added(Edit(pts[8], BOX, matters=False)).undo()
    edited = tmp_path / "edited.svmap"
    result = edit_maps(clip, maps, edits, edited)
    assert result.num_frames == 12
    before, after = maps_in(maps), maps_in(edited)
    assert [one for one, _ in after] == pts
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(before[:4], after[:4], strict=True))
    rows, cols = after[4][1].shape
    inside = after[4][1][int(0.2 * rows) : int(0.5 * rows), int(0.2 * cols) : int(0.4 * cols)]
    assert inside.min() == 255
    assert len(after) == len(maps_in(edited, unedited=True))
    assert all(
        np.array_equal(a[1], b[1]) for a, b in zip(before, maps_in(edited, unedited=True), strict=True)
    )
    reader = SidecarReader(edited)
    assert reader.header.edits == edits
    reader.close()
    # Of what was edited once more only the last counts, also in place.
    with pytest.raises(OutputExistsError):
        edit_maps(clip, edited, Edits(), edited)
    edit_maps(clip, edited, Edits(), edited, ExportConfig(overwrite=True))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(before, maps_in(edited), strict=True))


def test_maps_of_no_network_are_followed_by_the_usual_one(clip, maps, tmp_path):
    spectral = ExportConfig(maps=MapsConfig(model="spectral"))
    edits = Edits().added(Edit(0, BOX, matters=True))
    edit_maps(clip, maps, edits, tmp_path / "one.svmap", spectral)
    edit_maps(clip, maps, edits, tmp_path / "two.svmap")
    one, two = (maps_in(tmp_path / f"{name}.svmap") for name in ("one", "two"))
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(one, two, strict=True))


def test_an_encode_reads_them(clip, maps, tmp_path):
    edited = tmp_path / "edited.svmap"
    edit_maps(clip, maps, Edits().added(Edit(0, BOX, matters=True, follows=False)), edited)
    sizes = {
        name: semvid.compress(
            clip, tmp_path / f"{name}.mp4",
            semvid.CompressConfig(maps=MapsConfig(path=path), probe="none", preset="superfast"),
        ).output_bytes
        for name, path in (("plain", maps), ("edited", edited))
    }  # fmt: skip
    assert sizes["plain"] != sizes["edited"]


def test_edits_that_are_out_of_range_or_late_do_no_harm(clip, maps, tmp_path):
    kept = tmp_path / "kept.svmap"
    kept.write_bytes(maps.read_bytes())
    with pytest.raises(ConfigError, match="radius"):
        wrong = Edits((Edit(0, Stroke(BOX.points, 2.0), matters=True),))
        edit_maps(clip, kept, wrong, kept, ExportConfig(overwrite=True))
    assert kept.read_bytes() == maps.read_bytes()
    told = []
    late = Edits().added(Edit(10**12, BOX, matters=True))
    edit_maps(clip, maps, late, tmp_path / "late.svmap", on_event=told.append)
    assert any("1 edit begins after the last frame" in one.message for one in told if isinstance(one, Notice))


def test_maps_of_another_video_are_refused(clip, maps, tmp_path):
    other = make_clip(tmp_path / "other.mp4", width=192, height=96, num_frames=14)
    with pytest.raises(MapError, match="make the maps of this very video"):
        edit_maps(other, maps, Edits(), tmp_path / "edited.svmap")
    assert not list(tmp_path.glob("*.svmap"))


def test_a_run_that_goes_on_follows_as_one_from_the_beginning(clip, maps, tmp_path, monkeypatch):
    monkeypatch.setattr(edited_frames, "_FRAMES_PER_CHECKPOINT", 3)
    pts = [one for one, _ in maps_in(maps)]
    first = Edits().added(Edit(pts[2], BOX, matters=True))
    second = first.added(Edit(pts[7], Polygon(((0.4, 0.4), (0.9, 0.4), (0.9, 0.9))), matters=False))
    config, earlier, output = ExportConfig(overwrite=True), None, tmp_path / "going-on.svmap"
    for edits in (first, second):
        kept = {}
        found = Followed(edits.by_frames(), kept.get)
        took = lambda one, kept=kept: kept.update({one.pts: one.grey})  # noqa: E731
        events = edit_maps_events(clip, maps, edits, output, config, took, found=found, earlier=earlier)
        assert sum(isinstance(one, Progress) for one in events) == 12
        earlier = found
    edit_maps(clip, maps, second, tmp_path / "at-once.svmap")
    assert output.read_bytes() == (tmp_path / "at-once.svmap").read_bytes()
    assert [one.after for one in earlier.checkpoints][-1] >= pts[8]
