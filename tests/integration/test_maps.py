"""Map and box files: every kind is read, lands exactly, and is refused clearly."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from clips import make_clip, write_masks
from PIL import Image

import semvid
from semvid.core.errors import MapError
from semvid.core.events import Notice
from semvid.importance.files.boxes import BoxSource
from semvid.importance.files.map_files import MapFileSource
from semvid.media.reading.reader import VideoReader

WIDTH, HEIGHT = 322, 194


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    path = make_clip(tmp_path_factory.mktemp("maps") / "clip.mp4", width=WIDTH, height=HEIGHT, num_frames=6)
    with VideoReader(path) as reader:
        return [item for item in reader.read() if isinstance(item, semvid.Frame)]


def square(width, height, dtype=np.uint8):
    mask = np.zeros((height, width), dtype)
    mask[height // 4 : height // 2, width // 2 : 3 * width // 4] = np.iinfo(dtype).max
    return mask


def write_video(path, masks, pixel_format):
    codec = "ffv1" if pixel_format.startswith("gray") else "libx264"
    options = {} if codec == "ffv1" else {"crf": "1"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = masks[0].shape
        stream.pix_fmt = pixel_format
        for index, mask in enumerate(masks):
            frame = av.VideoFrame.from_ndarray(mask, format="gray").reformat(format=pixel_format)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize("size", [(WIDTH, HEIGHT), (80, 48), (1288, 776)])
@pytest.mark.parametrize("kind", ["png", "png16", "gray video", "limited-range video"])
def test_a_square_is_found_where_it_was_painted(kind, size, frames, tmp_path):
    mask = square(*size, np.uint16 if kind == "png16" else np.uint8)
    if kind.startswith("png"):
        path = write_masks(tmp_path / "maps", [mask] * 6)
    else:
        path = write_video(tmp_path / "maps.mkv", [mask] * 6, "gray" if kind == "gray video" else "yuv420p")
    source = MapFileSource(path, expected_frames=6)
    for frame in frames:
        values = source.update(frame).values
        assert values.min() >= 0
        assert values.max() <= 1
        upright = cv2.resize(values, (64, 64), interpolation=cv2.INTER_AREA)
        assert upright[18:30, 34:46].min() > 0.95
        assert upright[:14].max() < 0.05
        assert upright[:, :30].max() < 0.05
        assert upright[34:].max() < 0.05
    assert source.finish(6) is None
    source.close()


def test_one_picture_serves_all_frames(frames, tmp_path):
    path = write_masks(tmp_path / "maps", [square(64, 40)]) / "00000.png"
    source = MapFileSource(path, expected_frames=6)
    first, *others = [source.update(frame).values for frame in frames]
    assert all(np.array_equal(first, other) for other in others)


def test_too_few_maps_name_the_frame_and_can_be_held(frames, tmp_path):
    path = write_masks(tmp_path / "maps", [square(64, 40)] * 4)
    source = MapFileSource(path)
    with pytest.raises(
        MapError, match="frame 4 of the video has none; add maps or pass `hold=True`"
    ) as caught:
        for frame in frames:
            source.update(frame)
    assert caught.value.frame == 4
    held = MapFileSource(path, hold=True, expected_frames=6)
    assert [held.update(frame).values.max() for frame in frames] == [1] * 6


@pytest.mark.parametrize("count", [60, 140])
def test_a_gross_mismatch_is_refused_before_any_work(count, tmp_path):
    path = write_masks(tmp_path / "maps", [square(16, 10)] * count)
    with pytest.raises(MapError, match=f"{count} maps but the video has 100 frames, they part at frame"):
        MapFileSource(path, expected_frames=100)


def test_left_over_maps_are_told(clip, tmp_path):
    maps = write_masks(tmp_path / "maps", [square(64, 40)] * 26)
    notices = []
    semvid.compress(
        clip, tmp_path / "out.mp4", semvid.CompressConfig(maps=semvid.MapsConfig(path=maps)),
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    assert any("left over: the video ended after 24 frames" in one for one in notices)


def test_left_over_maps_of_a_still_are_told(tmp_path):
    """By each product that makes a map of a still."""
    maps = semvid.MapsConfig(path=write_masks(tmp_path / "maps", [square(64, 40)] * 2))
    source = tmp_path / "in.png"
    Image.fromarray(square(64, 40)).save(source)
    told = []

    def tell(event):
        told.append(event.message)

    semvid.export_maps(source, tmp_path / "map.png", semvid.ExportConfig(maps=maps), on_event=tell)
    semvid.export_overlay(source, tmp_path / "drawn.png", semvid.OverlayConfig(maps=maps), on_event=tell)
    config = semvid.ImageConfig(maps=maps, allow_larger=True)
    told += semvid.compress_image(source, tmp_path / "one.jpg", config).notices
    semvid.compress_images(
        [source], tmp_path / "many", config,
        on_event=lambda event: tell(event) if isinstance(event, Notice) else None,
    )  # fmt: skip
    assert [one.partition(" has ")[2] for one in told] == ["maps left over: there was only one picture"] * 4


def test_unreadable_maps_are_named(frames, tmp_path):
    folder = write_masks(tmp_path / "maps", [square(64, 40)] * 6)
    (folder / "00002.png").write_text("no picture")
    source = MapFileSource(folder)
    with pytest.raises(MapError, match=r"frame 2: .*00002.png is not a picture that can be read"):
        for frame in frames:
            source.update(frame)
    (tmp_path / "text.mkv").write_text("no video")
    with pytest.raises(MapError, match="`maps`: .*text.mkv cannot be opened"):
        MapFileSource(tmp_path / "text.mkv")
    with pytest.raises(MapError, match="does not exist"):
        MapFileSource(tmp_path / "none.mkv")
    (tmp_path / "empty").mkdir()
    with pytest.raises(MapError, match=r"folder without .png files"):
        MapFileSource(tmp_path / "empty")


def test_a_failed_map_leaves_no_output(clip, tmp_path):
    maps = write_masks(tmp_path / "maps", [square(64, 40)] * 23)
    with pytest.raises(MapError, match="frame 23"):
        semvid.compress(clip, tmp_path / "out.mp4", semvid.CompressConfig(maps=semvid.MapsConfig(path=maps)))
    assert [one.name for one in tmp_path.iterdir()] == ["maps"]


def test_boxes_are_drawn_by_area_and_overlaps_take_the_highest(frames, tmp_path):
    path = tmp_path / "boxes.jsonl"
    path.write_text(
        '{"frame": 0, "box": [80, 40, 82, 60], "score": 0.5}\n'
        '{"frame": 0, "box": [120, 40, 200, 60]}\n'
        '{"frame": 2, "box": [300, 180, 500, 500], "class": "car", "score": 0.25}\n'
    )
    source = BoxSource(path, expected_frames=6)
    first, second, third = (source.update(frame).values for frame in frames[:3])
    assert first[12, 22] == np.float32(0.5)
    assert first[12, 35] == 1
    assert first[12, 10] == first[5, 35] == 0
    # 80.5 samples of 322/81 pixels: the left edge of the first box covers a part of its sample.
    assert not second.any()
    assert third[-1, -1] == np.float32(0.25)


def test_a_box_outside_the_frame_is_named(clip, tmp_path):
    path = tmp_path / "boxes.jsonl"
    path.write_text('{"frame": 3, "box": [400, 10, 20, 20]}\n')
    with pytest.raises(
        MapError, match=r"line 1: frame 3: box \[400, 10, 20, 20\] has no part inside the 320x192"
    ):
        semvid.compress(clip, tmp_path / "out.mp4", semvid.CompressConfig(maps=semvid.MapsConfig(boxes=path)))
    path.write_text('{"frame": 99, "box": [4, 10, 20, 20]}\n')
    with pytest.raises(MapError, match="frame 99 does not exist, the video has 24 frames"):
        semvid.compress(clip, tmp_path / "out.mp4", semvid.CompressConfig(maps=semvid.MapsConfig(boxes=path)))
    assert [one.name for one in tmp_path.iterdir()] == ["boxes.jsonl"]


SIXTEEN_BIT = [
    "gray16be",
    "gray16le",
    "gray10be",
    "gray12le",
    "yuv420p10be",
    "yuv444p16be",
    "nv12",
    "ya8",
    "rgb48be",
]


@pytest.mark.parametrize("pixel_format", SIXTEEN_BIT)
def test_map_videos_of_any_depth_and_byte_order_are_read_right(pixel_format, frames, tmp_path):
    ramp = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None], 16, 0)
    with av.open(str(tmp_path / "maps.nut"), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 16, pixel_format
        picture = av.VideoFrame.from_ndarray(ramp, format="gray16le").reformat(format=pixel_format)
        picture.pts, picture.time_base = 0, Fraction(1, 25)
        container.mux([*stream.encode(picture), *stream.encode()])
    source = MapFileSource(tmp_path / "maps.nut")
    values = source.update(frames[0]).values
    source.close()
    assert np.abs(values - ramp / 65535).max() < 0.008


@pytest.mark.parametrize("name", ["little.tif", "big.tif", "map.png", "map.pgm"])
def test_map_pictures_of_16_bits_are_read_right(name, frames, tmp_path):
    ramp = np.repeat(np.linspace(0, 65535, 64).astype(np.uint16)[None], 16, 0)
    image = Image.fromarray(ramp)
    if name == "big.tif":
        image = Image.frombytes("I;16B", (64, 16), ramp.astype(">u2").tobytes())
    image.save(tmp_path / name)
    if name == "big.tif":
        assert (tmp_path / name).read_bytes().startswith(b"MM")
    source = MapFileSource(tmp_path / name)
    assert np.abs(source.update(frames[0]).values - ramp / 65535).max() < 1e-4


def test_pictures_of_a_folder_come_in_the_order_of_their_numbers(frames, tmp_path):
    for value, name in enumerate(["1", "2", "10", "11", "100", "101"]):
        Image.fromarray(np.full((8, 8), 40 * value, np.uint8)).save(tmp_path / f"{name}.PNG")
    # macOS leaves such files beside others on foreign disks.
    (tmp_path / "._1.PNG").write_bytes(b"resource fork")
    source = MapFileSource(tmp_path, expected_frames=6)
    greys = [round(float(source.update(frame).values.max()) * 255) for frame in frames]
    assert greys == [0, 40, 80, 120, 160, 200]


@pytest.mark.parametrize("names", [("1.png", "01.png"), ("a.png", "A.png"), ("x1y02.png", "x01y2.png")])
def test_pictures_whose_order_cannot_be_told_are_refused(names, tmp_path):
    for name in names:
        Image.new("L", (8, 8)).save(tmp_path / name)
    with pytest.raises(MapError, match="which of them comes first cannot be told"):
        MapFileSource(tmp_path)
