"""Pictures of a pixel, of a few, and of the widest there are: each works, or one line says why not."""

import subprocess
from contextlib import closing

import clips
import imageio_ffmpeg
import numpy as np
import pytest
from notices import heard
from PIL import Image

import semvid
from semvid.core.coded import CodedPacket
from semvid.core.errors import EncoderError, InputError, OutputError
from semvid.streaming.live import open_session
from semvid.streaming.sinks.outlet import LocalOutlet
from semvid.streaming.sinks.sink_address import parse_sink

SIZES = ("1x1", "2x2", "4x300", "300x4")
NUM_FRAMES = 3
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def write_video(path, size):
    source = f"testsrc2=s=64x64:r=25:d=0.12,scale={size}"
    command = [
        FFMPEG,
        "-v",
        "error",
        "-y",
        "-f",
        "lavfi",
        "-i",
        source,
        "-pix_fmt",
        "yuv420p",
        "-c:v",
        "ffv1",
        str(path),
    ]
    subprocess.run(command, check=True)
    return path


@pytest.fixture(scope="module")
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sizes")
    return {size: write_video(folder / f"{size}.mkv", size) for size in (*SIZES, "4x4", "16000x2", "16400x2")}


def pixels(size):
    return tuple(map(int, size.split("x")))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("codec", "preset", "suffix"),
    [("x264", "superfast", ".mp4"), ("vp8", "5", ".webm"), ("vp9", "8", ".mkv"), ("mjpeg", None, ".mov")],
)
def test_small_video_is_compressed(videos, tmp_path, size, codec, preset, suffix):
    config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), codec=codec, preset=preset)
    output = tmp_path / f"out{suffix}"
    semvid.compress(videos[size], output, config)
    frames = clips.decode(output)
    width, height = pixels(size)
    assert len(frames) == NUM_FRAMES
    assert frames[0].width - width in {0, 1}
    assert frames[0].height - height in {0, 1}


@pytest.mark.parametrize("size", SIZES)
def test_x265_says_which_sizes_it_takes(videos, tmp_path, size):
    with pytest.raises(EncoderError, match="takes 16 to 65535 pixels a side: choose another `codec`"):
        semvid.compress(
            videos[size],
            tmp_path / "out.mp4",
            semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), codec="x265"),
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", ["1x1", "4x300"])
@pytest.mark.parametrize("name", ["out.svmap", "out.mkv", "out.npz", "folder", "out.roi", "out.avi"])
def test_maps_of_small_video(videos, tmp_path, size, name):
    kind = "x264mod" if name.endswith(".avi") else None
    config = semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"), format=kind)
    assert semvid.export_maps(videos[size], tmp_path / name, config).num_frames == NUM_FRAMES


@pytest.mark.parametrize("size", ["1x1", "4x300"])
@pytest.mark.parametrize(
    ("style", "name"),
    [
        ("heat", "out.mp4"), ("heat", "out.gif"), ("heat", "out.webp"), ("heat", "folder"),
        ("contour", "out.mp4"), ("dim", "folder"), ("split", "out.mp4"), ("blocks", "out.mp4"),
    ],
)  # fmt: skip
def test_overlays_of_small_video(videos, tmp_path, size, style, name):
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"), style=style)
    assert semvid.export_overlay(videos[size], tmp_path / name, config).num_frames == NUM_FRAMES


@pytest.mark.parametrize("size", [*SIZES, "4x4"])
@pytest.mark.parametrize(("codec", "name"), [("x264", "out.mkv"), ("x264", "out.mp4"), ("vp9", "out.mkv")])
def test_small_video_is_streamed(videos, tmp_path, size, codec, name):
    config = semvid.LiveConfig(maps=semvid.MapsConfig(model="spectral"), codec=codec)
    with closing(open_session(str(videos[size]), str(tmp_path / name), config).run()) as events:
        list(events)
    assert len(clips.decode(tmp_path / name)) == NUM_FRAMES


def test_what_a_sink_cannot_hold_is_not_blamed_on_the_disk(tmp_path):
    """A key frame without parameter sets says nothing of the picture."""
    address = parse_sink(str(tmp_path / "out.mkv"), "x264")
    packet = CodedPacket(b"\0\0\0\1\x65\x88", "h264", 0, 0, 1, is_keyframe=True)
    with pytest.raises(
        OutputError, match="cannot hold this stream: .*; choose another `sink` or `codec`; nothing"
    ):
        LocalOutlet(address, address.url, packet)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("size", SIZES)
def test_small_pictures(tmp_path, size):
    width, height = pixels(size)
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "in.png")
    semvid.compress_image(
        tmp_path / "in.png",
        tmp_path / "out.jpg",
        semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"), allow_larger=True),
    )
    semvid.export_maps(
        tmp_path / "in.png",
        tmp_path / "map.png",
        semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral")),
    )
    semvid.export_overlay(
        tmp_path / "in.png",
        tmp_path / "over.png",
        semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral")),
    )
    for name in ("out.jpg", "map.png", "over.png"):
        with Image.open(tmp_path / name) as made:
            assert made.size == (width, height)


def test_small_video_is_compared_without_what_cannot_measure_it(videos, tmp_path):
    source, output = videos["4x300"], tmp_path / "out.mp4"
    config = semvid.CompressConfig(
        maps=semvid.MapsConfig(model="spectral"), preset="superfast", rate=semvid.Crf(10)
    )
    result = semvid.compress(source, output, config)
    scores = semvid.compare(source, output, semvid.CompareConfig(maps=semvid.MapsConfig(model="spectral")))
    assert set(scores.scores) == {"psnr", "ssim", "xpsnr", "weighted", "salient", "background"}
    assert scores.notices == ("vmaf is left out: it measures pictures of at least 32 pixels a side",)
    report, _ = heard(semvid.make_report, result, config, plain=result)
    assert len(report.seconds) == NUM_FRAMES


def test_wide_video_and_too_wide_video(videos, tmp_path):
    config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), preset="superfast")
    semvid.compress(videos["16000x2"], tmp_path / "out.mp4", config)
    assert clips.decode(tmp_path / "out.mp4")[0].width == 16000
    with pytest.raises(EncoderError, match="takes 1 to 16384 pixels a side"):
        semvid.compress(videos["16400x2"], tmp_path / "no.mp4", config)
    assert not (tmp_path / "no.mp4").exists()


@pytest.mark.parametrize("size", [(65535, 2), (2, 65535)])
def test_wider_pictures_than_a_jpeg_are_refused_in_one_line(tmp_path, size):
    source = tmp_path / "in.png"
    Image.new("RGB", size, (90, 120, 30)).save(source)
    for call, name, config in (
        (semvid.compress_image, "out.jpg", semvid.ImageConfig(maps=semvid.MapsConfig(model="spectral"))),
        (semvid.export_maps, "map.png", semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"))),
        (semvid.export_overlay, "over.webp", semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))),
    ):
        with pytest.raises(InputError, match="65500"):
            call(source, tmp_path / name, config)
    assert [one.name for one in tmp_path.iterdir()] == ["in.png"]
