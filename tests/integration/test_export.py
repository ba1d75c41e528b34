"""Maps as pictures: the right size, the right place, readable again."""

import av
import cv2
import numpy as np
import pytest
from clips import REPEATABLE_WIDTH, decode, make_clip
from PIL import Image

import semvid
from semvid.core.errors import EncoderError, InputMissingError, OutputError, OutputExistsError
from semvid.core.events import Progress
from semvid.importance.files.map_sink import MapSink

SPECTRAL = semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True)


@pytest.mark.parametrize("rotation", [0, 90])
def test_a_video_becomes_a_grey_video_of_its_upright_size_and_time(rotation, tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=320, height=192, num_frames=8, rotation=rotation)
    seen = []
    result = semvid.export_maps(source, tmp_path / "maps.mkv", SPECTRAL, on_event=seen.append)
    with av.open(str(result.output)) as container:
        frames = list(container.decode(video=0))
    assert [one.time for one in frames] == pytest.approx([one.time for one in decode(source)])
    assert (frames[0].width, frames[0].height) == ((320, 192) if rotation == 0 else (192, 320))
    assert frames[0].format.name == "gray"
    assert result.num_frames == 8
    assert result.output_bytes == result.output.stat().st_size
    assert sum(isinstance(one, Progress) for one in seen) == 8


def test_what_was_exported_steers_like_the_model_itself(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH, num_frames=8)
    semvid.export_maps(source, tmp_path / "maps.mkv", SPECTRAL)
    semvid.export_maps(source, tmp_path / "maps", SPECTRAL)
    sizes = [
        semvid.compress(source, tmp_path / "out.mp4", config).video_bytes
        for config in (
            semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), overwrite=True),
            semvid.CompressConfig(maps=semvid.MapsConfig(path=tmp_path / "maps.mkv"), overwrite=True),
            semvid.CompressConfig(maps=semvid.MapsConfig(path=tmp_path / "maps"), overwrite=True),
        )
    ]
    assert sizes[1] == sizes[2]
    assert sizes[1] == pytest.approx(sizes[0], rel=0.05)
    assert len(list((tmp_path / "maps").iterdir())) == 8


def test_boxes_land_where_they_say(tmp_path):
    source = make_clip(tmp_path / "in.mp4", width=320, height=192, num_frames=3)
    (tmp_path / "boxes.jsonl").write_text('{"frame": 0, "box": [40, 20, 100, 80]}\n')
    semvid.export_maps(
        source, tmp_path / "maps", semvid.ExportConfig(maps=semvid.MapsConfig(boxes=tmp_path / "boxes.jsonl"))
    )
    drawn = cv2.imread(str(tmp_path / "maps" / "000000.png"), cv2.IMREAD_UNCHANGED)
    assert drawn.shape == (192, 320)
    assert drawn[30:90, 50:130].min() > 200
    assert drawn[140:, 180:].max() < 10


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_picture_becomes_a_grey_picture_as_viewers_show_it(orientation, tmp_path):
    pixels = np.random.default_rng(1).integers(0, 255, (90, 130, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(pixels).save(tmp_path / "in.jpg", exif=exif)
    result = semvid.export_maps(tmp_path / "in.jpg", tmp_path / "map.png", SPECTRAL)
    with Image.open(result.output) as shown:
        assert shown.mode == "L"
        assert shown.size == ((130, 90) if orientation == 1 else (90, 130))


def test_a_frame_that_got_no_map_is_missed(tmp_path, clip, monkeypatch):
    record = MapSink.record

    def forgetful(self, frame, values, **more):
        return values if frame.index == 3 else record(self, frame, values, **more)

    monkeypatch.setattr(MapSink, "record", forgetful)
    for name in ("maps.svmap", "maps.mkv", "folder"):
        with pytest.raises(EncoderError, match="frames of .* were read, but .* got maps"):
            semvid.export_maps(
                clip, tmp_path / name, semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"))
            )
    assert not list(tmp_path.iterdir())


def test_places_that_cannot_or_must_not_be_written_are_refused(tmp_path, clip):
    for folder, file in (("strange", "notes.txt"), ("full", "000000.png")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).touch()
    keep = semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"))
    Image.new("L", (64, 64)).save(tmp_path / "in.png")
    for source, output, config, error, words in (
        (clip, "maps.mp4", SPECTRAL, OutputError, "holds no maps of a video; end `output` in .svmap, .mkv"),
        (clip, "strange", SPECTRAL, OutputError, "holds notes.txt"),
        (clip, "full", keep, OutputExistsError, "is not empty"),
        (clip, "none/maps", SPECTRAL, OutputError, "does not exist"),
        (clip, "in.png", SPECTRAL, OutputError, "holds no maps of a video"),
        (tmp_path / "in.png", "map.mkv", SPECTRAL, OutputError, "end `output` in .png"),
        (tmp_path / "in.png", "in.png", SPECTRAL, OutputError, "is the input itself"),
        (tmp_path / "missing.mp4", "maps", SPECTRAL, InputMissingError, "does not exist"),
    ):
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(error, match=words):
            semvid.export_maps(source, tmp_path / output, config)
        assert sorted(tmp_path.rglob("*")) == before
    semvid.export_maps(clip, tmp_path / "full", SPECTRAL)
    assert len(list((tmp_path / "full").iterdir())) > 1
