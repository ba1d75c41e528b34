"""Motion-JPEG: exact time, sizes that were asked for, colours players show."""

import io
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from clips import decode, make_clip, psnr, write_masks
from PIL import Image

import semvid
from semvid.codecs.jpeg.encoder import PictureCoder
from semvid.codecs.jpeg.self_test import test_motion_jpeg as run_self_test
from semvid.core.errors import ConfigError, OutputError
from semvid.core.events import Notice

MJPEG = {"codec": "mjpeg", "maps": semvid.MapsConfig(model="spectral"), "overwrite": True}


def rgb_of(path):
    return np.stack([one.to_ndarray(format="rgb24") for one in decode(path)]).astype(float)


@pytest.mark.parametrize("suffix", [".avi", ".mov", ".mkv"])
def test_every_container_plays(suffix, tmp_path):
    source = make_clip(tmp_path / "in.mkv", audio=suffix != ".avi", num_frames=24)
    result = semvid.compress(source, tmp_path / f"out{suffix}", semvid.CompressConfig(**MJPEG))
    before, after = decode(source), decode(result.output)
    assert len(after) == 24
    for a, b in zip(before, after, strict=True):
        assert abs(a.time - b.time) < (0.5 / 25 if suffix == ".avi" else 1e-3)
    assert after[0].format.name == "yuvj420p"
    assert result.quality == 80
    assert result.plain_bytes_estimate is None
    with av.open(str(result.output)) as container:
        packets = [one for one in container.demux(video=0) if one.size]
    assert all(one.is_keyframe for one in packets)
    assert Image.open(io.BytesIO(bytes(packets[3]))).size == (before[0].width, before[0].height)


def test_files_are_the_same_whatever_the_number_of_cores(tmp_path, monkeypatch):
    source = make_clip(tmp_path / "in.mkv", width=128, height=96, num_frames=40)
    files = []
    for cores in (1, 5):
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        config = semvid.CompressConfig(**MJPEG, rate=semvid.Bitrate(800_000))
        files.append(semvid.compress(source, tmp_path / f"{cores}.mkv", config).output)
    packets = []
    for path in files:
        with av.open(str(path)) as container:
            packets.append([bytes(one) for one in container.demux(video=0) if one.size])
    assert packets[0] == packets[1]


@pytest.mark.parametrize(("matrix", "full_range"), [(1, False), (5, False), (5, True)])
def test_colours_stay(matrix, full_range, tmp_path):
    """Bars in several matrices and ranges look the same as JPEG, whose matrix and range are fixed."""
    bars = np.repeat(
        np.array([[200, 40, 40], [30, 180, 60], [50, 70, 220], [128, 128, 128], [240, 230, 30]], np.uint8),
        32,
        0,
    )
    picture = np.repeat(bars[None], 96, 0)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv444p"
        codec = stream.codec_context
        codec.colorspace, codec.color_range = matrix, 2 if full_range else 1
        for index in range(3):
            converted = frame.reformat(
                format="yuv444p", dst_colorspace=matrix, dst_color_range=2 if full_range else 1
            )
            converted.colorspace, converted.color_range = matrix, 2 if full_range else 1
            converted.pts, converted.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(converted))
        container.mux(stream.encode())
    result = semvid.compress(
        tmp_path / "in.mkv", tmp_path / "out.mkv", semvid.CompressConfig(**MJPEG, rate=semvid.Quality(98))
    )
    with av.open(str(result.output)) as container:
        packet = next(container.demux(video=0))
    shown = np.asarray(Image.open(io.BytesIO(bytes(packet))).convert("RGB"), float)
    assert np.abs(shown[:, 8::16] - picture[:, 8::16]).max() < 7


def test_sizes_and_rates_are_met(tmp_path):
    source = make_clip(tmp_path / "in.mkv", num_frames=150, audio=True, cut_at=70)
    config = semvid.CompressConfig(**MJPEG, rate=semvid.Size(1_500_000))
    result = semvid.compress(source, tmp_path / "sized.mkv", config)
    assert 0.95 * 1_500_000 < result.output_bytes <= 1_500_000
    config = semvid.CompressConfig(**MJPEG, rate=semvid.Bitrate(2_000_000))
    result = semvid.compress(source, tmp_path / "rated.mkv", config)
    assert result.video_bytes * 8 / result.duration_seconds == pytest.approx(2_000_000, rel=0.05)


@pytest.mark.parametrize(("tune", "gain"), [("perceptual", 0.3), ("psnr", 1)])
def test_what_matters_is_kept(tune, gain, tmp_path):
    source = make_clip(tmp_path / "in.mkv", num_frames=10)
    width, height = decode(source)[0].width, decode(source)[0].height
    mask = np.zeros((height, width), np.uint8)
    mask[:, : width // 2] = 255
    maps = write_masks(tmp_path / "maps", [mask])
    quality = {}
    for strength in (0, 1):
        config = semvid.CompressConfig(
            codec="mjpeg",
            tune=tune,
            maps=semvid.MapsConfig(path=maps, hold=True),
            rate=semvid.Bitrate(2_000_000),
            allocation=semvid.AllocationConfig(strength=strength),
            overwrite=True,
        )
        semvid.compress(source, tmp_path / "out.mkv", config)
        before, after = rgb_of(source), rgb_of(tmp_path / "out.mkv")
        half = width // 2
        quality[strength] = [
            psnr(before[:, :, :half], after[:, :, :half]),
            psnr(before[:, :, half:], after[:, :, half:]),
        ]
    assert quality[1][0] > quality[0][0] + gain
    assert quality[1][1] < quality[0][1] - gain


def test_what_a_container_cannot_keep_is_told(tmp_path):
    source = make_clip(
        tmp_path / "in.mkv", width=128, height=96, num_frames=5, rotation=90, aspect=Fraction(4, 3)
    )
    notices = []
    semvid.compress(
        source,
        tmp_path / "out.avi",
        semvid.CompressConfig(**MJPEG),
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )
    told = " ".join(notices)
    assert "rotation" in told
    assert semvid.probe(tmp_path / "out.avi").sample_aspect_ratio == Fraction(4, 3)


def test_options_of_other_encoders_are_refused(tmp_path, clip):
    for config, words in (
        ({"rate": semvid.Crf(20)}, "`Crf` is not for `codec=mjpeg`"),
        ({"preset": "fast"}, "`preset` is not for"),
        ({"allocation": semvid.AllocationConfig(coarsest=3)}, "`finest` and `coarsest` limit"),
        ({"rate": semvid.Bitrate(100)}, "`Bitrate\\(100\\)` is out of reach"),
        ({"rate": semvid.Size(9)}, "`Size\\(9\\)` is out of reach"),
    ):
        with pytest.raises(ConfigError, match=words):
            semvid.compress(clip, tmp_path / "out.mkv", semvid.CompressConfig(**MJPEG, **config))
    with pytest.raises(ConfigError, match="`Quality` is not for `codec=x264`; give `Crf` or `Bitrate`"):
        semvid.compress(clip, tmp_path / "out.mkv", semvid.CompressConfig(rate=semvid.Quality(80)))
    with pytest.raises(OutputError, match="cannot hold mjpeg video"):
        semvid.compress(clip, tmp_path / "out.mp4", semvid.CompressConfig(**MJPEG))
    with pytest.raises(OutputError, match="cannot hold h264 video"):
        semvid.compress(
            clip, tmp_path / "out.avi", semvid.CompressConfig(maps=semvid.MapsConfig(model="spectral"))
        )
    assert not list(tmp_path.glob("*"))


def test_the_self_test_passes():
    outcome = run_self_test()
    assert (outcome.name, outcome.is_available, outcome.detail) == ("mjpeg", True, "")
    assert outcome.obeys_map


def test_the_self_test_finds_a_map_without_effect(monkeypatch):
    monkeypatch.setattr(PictureCoder, "weights", PictureCoder.masking)
    outcome = run_self_test()
    assert (outcome.is_available, outcome.obeys_map) == (True, False)
    assert outcome.gain_db == pytest.approx(0, abs=0.01)


def test_the_self_test_tells_what_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, "semvid.codecs.jpeg.encoder", None)
    outcome = run_self_test()
    assert (outcome.is_available, outcome.obeys_map) == (False, False)
    assert "semvid.codecs.jpeg.encoder" in outcome.detail


@pytest.mark.parametrize(
    ("pixel_format", "is_told"),
    [
        ("yuv420p", 0),
        ("yuvj422p", 0),
        ("yuv444p", 0),
        ("yuv411p", 1),
        ("bgr0", 1),
        ("gray", 0),
        ("yuv422p10le", 0),
    ],
)
def test_fewer_samples_of_colour_are_told(pixel_format, is_told, tmp_path):
    source = make_clip(
        tmp_path / "in.mkv", width=128, height=96, num_frames=3, codec="ffv1" if pixel_format != "yuvj422p" else "mjpeg",
        pixel_format=pixel_format,
    )  # fmt: skip
    notices = []
    semvid.compress(
        source, tmp_path / "out.mkv", semvid.CompressConfig(**MJPEG),
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    assert sum("does not code" in one for one in notices) == is_told
