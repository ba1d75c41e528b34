"""Video that changes its size, format or colours on the way: brought to what it was at first, and told."""

import itertools
import subprocess
from contextlib import closing

import clips
import imageio_ffmpeg
import numpy as np
import pytest
from notices import compress, heard

import semvid
from semvid.core.events import Notice
from semvid.core.types import Frame
from semvid.media.reading.reader import VideoReader
from semvid.streaming.live import open_session

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
X264 = (
    "-c:v", "libx264", "-preset", "ultrafast", "-crf", 12, "-bf", 0, "-g", 5, "-color_range", "tv",
    "-colorspace", "smpte170m", "-color_primaries", "bt709", "-color_trc", "bt709",
)  # fmt: skip
PARTS = {
    "size": ((*X264,), {"size": "96x160"}, "96x160 instead of 192x96; scaled, with black bars"),
    "larger": ((*X264,), {"size": "384x192"}, "384x192 instead of 192x96; scaled"),
    "sampling": ((*X264,), {"pixels": "yuv422p"}, "yuv422p instead of yuv420p; converted"),
    "depth": ((*X264,), {"pixels": "yuv420p10le"}, "yuv420p10le instead of yuv420p; converted"),
    "range": ((*X264, "-color_range", "pc"), {"pixels": "yuvj420p"}, "full range instead of limited range; conv"),
    "aspect": ((*X264, "-aspect", "4:3"), {}, "pixel aspect 2/3 instead of pixel aspect 1; scaled, with black"),
    "matrix": ((*X264, "-colorspace", "bt2020nc"), {}, "matrix bt2020nc instead of colour matrix bt601; converted"),
    "light": (X264, {"filters": ",setparams=color_trc=smpte2084"}, "its colours may look wrong"),
}  # fmt: skip
NUM = 5


def run(*arguments):
    subprocess.run([FFMPEG, "-v", "error", "-y", *map(str, arguments)], check=True)


def make(path, coder, *, size="192x96", pixels="yuv420p", filters=""):
    run(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=192x96:r=25:d=0.2",
        "-vf",
        f"scale={size},setsar=1{filters}",
        "-pix_fmt",
        pixels,
        *coder,
        path,
    )


def join(folder, output, *parts):
    (folder / "list.txt").write_text("".join(f"file {one.name}\n" for one in parts))
    run("-f", "concat", "-i", folder / "list.txt", "-c", "copy", output)
    return output


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Clips of 10 frames, each with a change at frame 5, by what changes."""
    folder = tmp_path_factory.mktemp("changing")
    make(folder / "first.ts", X264)
    for name, (coder, options, _) in PARTS.items():
        make(folder / f"{name}-part.ts", coder, **options)
        join(folder, folder / f"{name}.ts", folder / "first.ts", folder / f"{name}-part.ts")
    jpeg, vp8 = ("-c:v", "mjpeg", "-q:v", 3), ("-c:v", "libvpx", "-deadline", "realtime")
    for suffix, coder, pixels in ((".avi", jpeg, "yuvj420p"), (".webm", vp8, "yuv420p")):
        parts = [folder / f"one{suffix}", folder / f"two{suffix}"]
        make(parts[0], coder, pixels=pixels)
        make(parts[1], coder, pixels=pixels, size="128x96")
        join(folder, folder / f"joined{suffix}", *parts)
    return folder


def frames_of(path):
    with VideoReader(path) as reader:
        frames = [one for one in reader.read() if isinstance(one, Frame)]
        return frames, reader.changes


@pytest.mark.parametrize("name", PARTS)
def test_frames_are_brought_to_the_first_ones_kind_and_told(folder, name):
    frames, changes = frames_of(folder / f"{name}.ts")
    pictures = [one.picture for one in frames]
    assert len(frames) == 2 * NUM
    assert {(one.width, one.height, one.format.name) for one in pictures} == {(192, 96, "yuv420p")}
    assert len(changes) == 1
    assert changes[0].startswith(f"from frame {NUM} on the video is ")
    assert PARTS[name][2] in changes[0]
    times = [one.pts for one in pictures]
    assert times == sorted(set(times))
    if name not in {"size", "aspect", "light"}:
        # The parts show the same pictures.
        assert np.abs(frames[0].luma.astype(int) - frames[NUM].luma).mean() < 3
        means = [np.asarray(one.reformat(format="rgb24").to_ndarray()).mean((0, 1)) for one in pictures]
        assert np.abs(means[0] - means[NUM]).max() < 3


def test_another_shape_keeps_its_aspect(folder):
    frames, _ = frames_of(folder / "size.ts")
    luma = frames[NUM].luma
    seen = np.flatnonzero(luma.mean(0) > 20)
    assert luma.shape == (96, 192)
    assert abs(seen[-1] + 1 - seen[0] - 96 * 96 / 160) <= 2
    assert abs(seen[0] - (192 - 58) / 2) <= 4


@pytest.mark.parametrize("suffix", [".avi", ".webm"])
@pytest.mark.parametrize(
    ("codec", "preset"), [("x264", "superfast"), ("x265", "veryfast"), ("vp8", "5"), ("vp9", "8")]
)
def test_every_codec_codes_them(folder, tmp_path, suffix, codec, preset):
    notices = compress(folder / f"joined{suffix}", tmp_path / "out.mkv", codec=codec, preset=preset)
    assert any("128x96" in one and "instead of 192x96" in one for one in notices)
    made = clips.decode(tmp_path / "out.mkv")
    assert {(one.width, one.height) for one in made} == {(192, 96)}
    assert len(made) == 2 * NUM


def test_motion_jpeg_codes_them(folder, tmp_path):
    notices = compress(folder / "size.ts", tmp_path / "out.mov", codec="mjpeg")
    assert any("scaled, with black bars" in one for one in notices)
    assert {(one.width, one.height) for one in clips.decode(tmp_path / "out.mov")} == {(192, 96)}


@pytest.mark.parametrize("name", ["out.svmap", "out.mkv", "out.npz", "folder", "out.roi"])
def test_maps_of_them(folder, tmp_path, name):
    config = semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"))
    result, notices = heard(semvid.export_maps, folder / "size.ts", tmp_path / name, config)
    assert result.num_frames == 2 * NUM
    assert any("scaled, with black bars" in one for one in notices)


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "out.webp", "folder"])
def test_overlays_of_them(folder, tmp_path, name):
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))
    result, notices = heard(semvid.export_overlay, folder / "size.ts", tmp_path / name, config)
    assert result.num_frames == 2 * NUM
    assert any("scaled, with black bars" in one for one in notices)


@pytest.mark.parametrize("name", ["size.ts", "range.ts", "joined.avi"])
def test_they_are_compared_as_the_pictures_they_were_made_into(folder, tmp_path, name):
    compress(folder / name, tmp_path / "out.mp4", preset="superfast", rate=semvid.Crf(8))
    config = semvid.CompareConfig(
        maps=semvid.MapsConfig(model="spectral"), metrics=("psnr", "ssim", "weighted")
    )
    result = semvid.compare(folder / name, tmp_path / "out.mp4", config)
    assert len(result.scores["psnr"]) == 2 * NUM
    assert result.pooled["psnr"].minimum > 40
    assert result.pooled["weighted"].minimum > 40
    assert any("from frame 5 on" in one for one in result.notices)


def test_a_report_of_them_has_all_measures(folder, tmp_path):
    config = semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"), preset="superfast")
    result = semvid.compress(folder / "size.ts", tmp_path / "out.mp4", config)
    report, notices = heard(semvid.make_report, result, config, plain=result)
    assert {"ssim", "vmaf"} <= report.mapped.scores.keys()
    assert not [one for one in notices if "SSIM" in one]


def test_many_changes_are_told_briefly(folder, tmp_path):
    parts = [folder / "first.ts", folder / "size-part.ts"]
    path = join(folder, folder / "many.ts", *itertools.islice(itertools.cycle(parts), 8))
    frames, changes = frames_of(path)
    assert len(frames) == 8 * NUM
    assert len(changes) == 5
    assert changes[1] == "from frame 10 on the video is as at its beginning again"
    assert changes[-1] == "the video changes 3 more times; treated likewise"


def test_live_pictures_keep_their_size(folder, tmp_path):
    config = semvid.LiveConfig(maps=semvid.MapsConfig(model="spectral"))
    session = open_session(str(folder / "size.ts"), str(tmp_path / "out.mkv"), config)
    with closing(session.run()) as events:
        told = [one.message for one in events if isinstance(one, Notice)]
    assert any("scaled, with black bars" in one for one in told)
    made = clips.decode(tmp_path / "out.mkv")
    assert {(one.width, one.height) for one in made} == {(192, 96)}
    assert len(made) == 2 * NUM


@pytest.mark.parametrize("order", ["first-turned", "turned-first"])
def test_turns_that_only_key_frames_tell_hold_until_the_next_one(folder, order):
    turn = ("-c", "copy", "-bsf:v", "h264_metadata=display_orientation=insert:rotate=90")
    run("-i", folder / "first.ts", *turn, folder / "turned.ts")
    parts = [folder / f"{name}.ts" for name in order.split("-")]
    frames, changes = frames_of(join(folder, folder / f"{order}.ts", *parts))
    assert len(changes) == 1
    assert changes[0].startswith(f"from frame {NUM} on the video is turned by ")
    assert {one.quarter_turns for one in frames} == {1 if order == "turned-first" else 0}
    assert {one.luma.shape for one in frames} == {(96, 192)}
    # Black bars beside what was turned.
    assert all(frame.luma[:, :40].max() < 30 for frame in frames[NUM:])
    assert all(frame.luma[:, :40].max() > 100 for frame in frames[:NUM])
