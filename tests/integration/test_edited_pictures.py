"""Pictures are cropped, turned, scaled and cleaned before all else, and everything keeps to the result."""

from __future__ import annotations

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
from clips import decode, decode_luma, make_clip, pictures, psnr, texture
from notices import heard
from players import ffmpeg

import semvid
from semvid.core.config import CompressConfig, EditConfig, ExportConfig, MapsConfig, OverlayConfig
from semvid.core.errors import ConfigError, MapError
from semvid.core.types import Frame
from semvid.media.reading.probe_edited import probe_edited
from semvid.media.reading.reader import VideoReader

SPECTRAL = MapsConfig(model="spectral")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return make_clip(
        tmp_path_factory.mktemp("clip") / "in.mp4", width=160, height=96, num_frames=24, audio=True
    )


def read(path, edit=None, **more):
    with VideoReader(path, edit=edit, **more) as reader:
        return [one for one in reader.read() if isinstance(one, Frame)], reader


def planes(frame):
    return [np.asarray(one) for one in np.split(frame.picture.to_ndarray(), [frame.size[1]])]


@pytest.mark.parametrize(
    ("edit", "made"),
    [
        (EditConfig(crop="64:48:32:16"), lambda luma: luma[16:64, 32:96]),
        (EditConfig(rotate=90), lambda luma: np.rot90(luma, -1)),
        (EditConfig(rotate=180), lambda luma: np.rot90(luma, 2)),
        (EditConfig(rotate=270), np.rot90),
        (EditConfig(crop="64:48:0:0", rotate=90), lambda luma: np.rot90(luma[:48, :64], -1)),
        (EditConfig(filter="vflip,hflip"), lambda luma: luma[::-1, ::-1]),
        (EditConfig(size="720p"), lambda luma: luma),
    ],
)
@pytest.mark.parametrize("rotation", [0, 90, 180])
def test_pixels_are_those_that_are_shown(edit, made, rotation, tmp_path):
    path = make_clip(tmp_path / "in.mp4", width=160, height=96, num_frames=8, rotation=rotation)
    source, _ = read(path)
    found, reader = read(path, edit)
    assert [one.pts for one in found] == [one.pts for one in source]
    for before, after in zip(source, found, strict=True):
        wanted = made(before.upright(before.luma))
        assert after.quarter_turns == 0
        assert np.array_equal(after.luma, wanted)
        assert after.size == (reader.info.width, reader.info.height)


def test_every_part_of_an_edited_video_is_as_in_the_whole(clip):
    edit = EditConfig(start=0.2, crop="128:80:16:8", denoise="medium", size="75%", filter="vflip")
    whole, reader = read(clip, edit)
    times = [one.pts for one in whole]
    span = semvid.Span(times[5], times[12])
    part, _ = read(clip, edit, span=span)
    assert [one.pts for one in part] == times[5:12]
    for one, other in zip(part, whole[5:12], strict=True):
        assert np.array_equal(one.luma, other.luma)
    assert (reader.info.width, reader.info.height) == (96, 60)


@pytest.mark.parametrize(
    ("size", "enlarge", "made"),
    [("50%", False, (80, 48)), ("80x80", False, (80, 48)), ("48p", False, (80, 48)), ("720p", False, (160, 96)),
     ("200%", True, (320, 192)), ("1000x192", True, (320, 192)), ("33%", False, (52, 32))],
)  # fmt: skip
def test_sizes(size, enlarge, made, clip):
    frames, reader = read(clip, EditConfig(size=size, enlarge=enlarge))
    assert {one.size for one in frames} == {made} == {(reader.info.width, reader.info.height)}


def test_sizes_and_crops_count_in_displayed_pixels(tmp_path):
    path = make_clip(tmp_path / "in.mp4", width=160, height=96, num_frames=4, aspect=Fraction(2))
    frames, reader = read(path, EditConfig(size="50%"))
    assert (frames[0].size, reader.info.sample_aspect_ratio) == ((160, 48), None)
    source, _ = read(path)
    frames, reader = read(path, EditConfig(crop="160:48:80:16"))
    assert (frames[0].size, reader.info.sample_aspect_ratio) == ((80, 48), 2)
    assert np.array_equal(frames[0].luma, source[0].luma[16:64, 40:120])
    frames, reader = read(path, EditConfig(rotate=90))
    assert (frames[0].size, reader.info.sample_aspect_ratio) == ((96, 160), Fraction(1, 2))
    semvid.compress(
        path,
        tmp_path / "out.mp4",
        CompressConfig(maps=SPECTRAL, preset="superfast", edit=EditConfig(rotate=90)),
    )
    assert probe_edited(tmp_path / "out.mp4", EditConfig()).sample_aspect_ratio == Fraction(1, 2)


def test_odd_pictures_are_cropped_and_scaled(tmp_path):
    path = tmp_path / "odd.mkv"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=101x67:r=25:d=0.4,format=yuv444p", "-c:v", "ffv1", path)
    source, _ = read(path)
    frames, _ = read(path, EditConfig(crop="51:33:7:5"))
    assert np.array_equal(frames[3].luma, source[3].luma[5:38, 7:58])
    frames, _ = read(path, EditConfig(size="64p"))
    assert frames[0].size == (96, 64)
    result = semvid.compress(
        path,
        tmp_path / "out.mkv",
        CompressConfig(maps=SPECTRAL, preset="superfast", edit=EditConfig(crop="51:33:7:5")),
    )
    assert result.num_frames == 10


def write_bars(path, *, top, left, scenes, size=(192, 128)):
    """Write scenes, each of a brightness, within black bars, coded with losses."""
    width, height = size
    picture = texture(width - 2 * left, height - 2 * top).astype(np.float32)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "libx264", rate=25, options={"crf": "20", "g": "1000", "preset": "veryfast"}
        )
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for scene, level in enumerate(scenes):
            for index in range(12):
                luma = np.full((height, width), 16, np.uint8)
                inner = np.roll(16 + (picture - 16) * level, 2 * index, 1)
                luma[top : height - top, left : width - left] = np.clip(inner, 16, 235)
                data = np.concatenate([luma.reshape(-1), np.full(width * height // 2, 128, np.uint8)])
                frame = av.VideoFrame.from_ndarray(data.reshape(height * 3 // 2, width), format="yuv420p")
                frame.pts = scene * 12 + index
                container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(("top", "left"), [(16, 0), (0, 24), (18, 10), (17, 0), (0, 0)])
def test_black_bars_are_found_and_no_picture_is_cut(top, left, tmp_path):
    path = write_bars(tmp_path / "in.mp4", top=top, left=left, scenes=(0.02, 0.12, 1.0, 0.0, 0.12))
    frames, reader = read(path, EditConfig(crop="auto"))
    width, height = 192 - 2 * left, 128 - 2 * top
    # Coding smears the picture into the bars, and pixels share their colours two by two.
    assert width <= frames[0].size[0] <= min(width + 8, 192)
    assert height <= frames[0].size[1] <= min(height + 8, 128)
    told = "found no black bars" if top == left == 0 else f"left {frames[0].size[0]}:{frames[0].size[1]}:"
    assert [one for one in reader.changes if told in one]


def test_a_bright_mark_in_a_bar_is_kept(tmp_path):
    path = write_bars(tmp_path / "in.mp4", top=16, left=0, scenes=(0.5, 0.9))
    marked = tmp_path / "marked.mp4"
    ffmpeg(
        "-i",
        path,
        "-vf",
        "drawbox=x=20:y=4:w=12:h=6:c=white:t=fill:enable='between(n,14,20)'",
        "-c:v",
        "libx264",
        "-qp",
        "12",
        marked,
    )
    frames, _ = read(marked, EditConfig(crop="auto"))
    assert frames[0].size == (192, 128 - 4 - 16)


def test_black_all_over_is_left(tmp_path):
    path = write_bars(tmp_path / "in.mp4", top=16, left=0, scenes=(0.0,))
    assert read(path, EditConfig(crop="auto"))[0][0].size == (192, 128)


@pytest.mark.parametrize(("sigma", "level"), [(3, "light"), (6, "medium"), (12, "strong")])
def test_noise_is_taken_out(sigma, level, tmp_path):
    clean = [cv2.GaussianBlur(one, (0, 0), 1.5) for one in pictures(160, 96, 8)]
    rng = np.random.default_rng(1)
    with av.open(str(tmp_path / "in.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        for index, one in enumerate(clean):
            noisy = np.clip(one + rng.normal(0, sigma, one.shape), 0, 255).astype(np.uint8)
            data = np.concatenate([noisy.reshape(-1), np.full(160 * 48, 128, np.uint8)]).reshape(144, 160)
            frame = av.VideoFrame.from_ndarray(data, format="yuv420p")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    before, after = read(tmp_path / "in.mkv")[0], read(tmp_path / "in.mkv", EditConfig(denoise=level))[0]
    truth = np.stack(clean).astype(np.float64)
    assert psnr(truth, np.stack([one.luma for one in after])) > 3 + psnr(
        truth, np.stack([one.luma for one in before])
    )


def test_colours_and_hdr_are_kept(tmp_path):
    path = tmp_path / "hdr.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=128x96:r=25:d=0.3,format=yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast",
           "-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv",
           "-x265-params", "log-level=none:hdr10=1:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:range=limited:"
           "master-display=G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,1):max-cll=1000,400", path)  # fmt: skip
    source, _ = read(path)
    frames, _ = read(path, EditConfig(crop="96:64:16:16", size="50%", denoise="light", rotate=90))
    for before, after in zip(source, frames, strict=True):
        for name in ("color_range", "colorspace", "color_primaries", "color_trc"):
            assert getattr(before.picture, name) == getattr(after.picture, name)
        kinds = {one.type for one in before.picture.side_data}
        assert {one.type for one in after.picture.side_data} >= {
            one for one in kinds if "MASTERING" in one.name or "LIGHT" in one.name
        }
        assert after.picture.format.name == "yuv420p10le"
    # Brightness is what it was.
    assert (
        abs(np.mean(frames[0].luma.astype(float)) - np.mean(source[0].luma[16:80, 16:112].astype(float))) < 2
    )
    _, said = heard(semvid.compress, path, tmp_path / "out.mp4",
                    CompressConfig(codec="x265", preset="veryfast", maps=SPECTRAL, edit=EditConfig(size="50%")))  # fmt: skip
    out = decode(tmp_path / "out.mp4")[0]
    assert (out.color_primaries, out.color_trc, out.colorspace) == (9, 16, 9)
    assert {one.type.name for one in out.side_data} >= {"MASTERING_DISPLAY_METADATA", "CONTENT_LIGHT_LEVEL"}
    assert not [one for one in said if "HDR" in one]


def test_interlaced_pictures_are_made_progressive_first(tmp_path):
    path = tmp_path / "fields.mkv"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=128x96:r=50:d=0.6,interlace",
        "-c:v",
        "libx264",
        "-flags",
        "+ildct+ilme",
        "-x264-params",
        "tff=1",
        path,
    )
    edit = EditConfig(size="50%")
    frames, reader = read(path, edit)
    assert not any(one.picture.interlaced_frame for one in frames)
    assert reader.num_frames == len(frames)
    assert [one for one in reader.changes if "the video is interlaced; deinterlaced with bwdif" in one]
    with pytest.raises(ConfigError, match="`deinterlace=keep` and `size` exclude each other"):
        CompressConfig(deinterlace="keep", edit=edit)
    result, said = heard(
        semvid.compress,
        path,
        tmp_path / "out.mp4",
        CompressConfig(maps=SPECTRAL, preset="superfast", edit=edit),
    )
    assert result.num_frames == 15
    assert len([one for one in said if "interlaced" in one]) == 1


@pytest.mark.parametrize("codec", ["x264", "x265", "vp8", "vp9", "av1", "mjpeg"])
def test_every_encoder_codes_what_is_left(codec, clip, tmp_path):
    output = tmp_path / ("out.mov" if codec == "mjpeg" else "out.mkv")
    edit = EditConfig(start=0.2, duration=0.4, crop="128:80:16:8", rotate=90, size="75%")
    presets = {"x264": "superfast", "x265": "veryfast", "av1": "10"}
    result = semvid.compress(
        clip, output, CompressConfig(codec=codec, preset=presets.get(codec), maps=SPECTRAL, edit=edit)
    )
    frames = decode(output)
    assert (result.num_frames, len(frames)) == (10, 10)
    assert (frames[0].width, frames[0].height) == (60, 96)
    source = np.stack([one.luma for one in read(clip, edit)[0]]).astype(np.float64)
    assert psnr(source, decode_luma(output)) > 26


def test_scores_and_reports_are_of_the_edited_video(clip, tmp_path):
    edit = EditConfig(crop="128:80:16:8", size="75%")
    options = CompressConfig(rate=semvid.RegionPsnr(36), maps=SPECTRAL, preset="superfast", edit=edit)
    result = semvid.compress(clip, tmp_path / "out.mp4", options)
    assert result.score == pytest.approx(36, abs=0.6)
    report = semvid.make_report(result, options)
    assert (report.source.width, report.source.height) == (96, 60)
    assert report.mapped.pooled["whole"].mean > 30
    assert report.mapped.pooled["ssim"].mean > 0.9
    assert "--crop 128:80:16:8 --size 75%" in report.command


def test_a_sidecar_is_for_the_filters_it_was_made_with(clip, tmp_path):
    edit = EditConfig(crop="128:80:16:8", denoise="light")
    semvid.export_maps(clip, tmp_path / "in.svmap", ExportConfig(maps=SPECTRAL, edit=edit))
    config = CompressConfig(maps=MapsConfig(path=tmp_path / "in.svmap"), preset="superfast", edit=edit)
    assert semvid.compress(clip, tmp_path / "out.mp4", config).num_frames == 24
    other = CompressConfig(
        maps=MapsConfig(path=tmp_path / "in.svmap"), preset="superfast", edit=EditConfig(denoise="light")
    )
    with pytest.raises(
        MapError, match="was made with `crop=128:80:16:8`, `denoise=light`, and this run has `denoise=light`"
    ):
        semvid.compress(clip, tmp_path / "none.mp4", other)


def test_maps_hold_for_another_size_and_with_less_noise(clip, tmp_path):
    semvid.export_maps(clip, tmp_path / "in.svmap", ExportConfig(maps=SPECTRAL))
    edit = EditConfig(size="50%", denoise="light")
    config = CompressConfig(maps=MapsConfig(path=tmp_path / "in.svmap"), preset="superfast", edit=edit)
    assert semvid.compress(clip, tmp_path / "out.mp4", config).num_frames == 24


def test_an_edited_video_is_drawn(clip, tmp_path):
    edit = EditConfig(crop="128:80:16:8", rotate=90)
    semvid.export_overlay(clip, tmp_path / "out.mp4", OverlayConfig(maps=SPECTRAL, edit=edit))
    frames = decode(tmp_path / "out.mp4")
    assert (len(frames), frames[0].width, frames[0].height) == (24, 80, 128)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (EditConfig(filter="nonsense"), "FFmpeg refuses `filter=nonsense`: no filter nonsense"),
        (EditConfig(filter="unsharp=foo=1"), "FFmpeg refuses `filter=unsharp=foo=1`: No such option: foo"),
        (
            EditConfig(crop="200:48:0:0"),
            "`crop=200:48:0:0` reaches beyond the picture, which has 160x96 pixels",
        ),
        (EditConfig(crop="63:48:0:0"), "`crop=63:48:0:0` parts pixels that share a colour, 2x2 each"),
    ],
)
def test_what_cannot_be_done_is_told(edit, words, clip, tmp_path):
    with pytest.raises(ConfigError, match=words.replace("(", r"\(").replace(")", r"\)").replace("\\,", ".*")):
        semvid.compress(
            clip, tmp_path / "out.mp4", CompressConfig(maps=SPECTRAL, preset="superfast", edit=edit)
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("pixel_format", ["yuvj420p", "yuv420p"])
def test_full_range_stays_full_range(pixel_format, tmp_path):
    path = tmp_path / "in.mov"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        "testsrc2=s=128x96:r=25:d=0.2",
        "-pix_fmt",
        pixel_format,
        "-c:v",
        "mjpeg",
        "-strict",
        "-1",
        path,
    )
    source, _ = read(path)
    for edit in (EditConfig(size="50%"), EditConfig(crop="64:64:0:0"), EditConfig(denoise="light")):
        frames, _ = read(path, edit)
        assert frames[0].picture.color_range == source[0].picture.color_range
        kept = source[0].luma[:64, :64] if edit.crop else source[0].luma
        assert abs(frames[0].luma.mean() - kept.mean()) < 1
        assert abs(int(frames[0].luma.min()) - int(kept.min())) < 12
