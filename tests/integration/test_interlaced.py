"""Interlaced video: what each encoder does with it, where its offsets land, and that it is told."""

import subprocess
from contextlib import closing
from dataclasses import replace
from fractions import Fraction

import av
import clips
import imageio_ffmpeg
import numpy as np
import pytest
from notices import compress, heard

import semvid
from semvid.core.events import Notice
from semvid.core.types import ImportanceMap
from semvid.media.fields import Deinterlacer, ProgressiveMarker, field_order
from semvid.streaming.live import open_session

WIDTH, HEIGHT, NUM_FRAMES = 192, 96, 10
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def run_ffmpeg(*arguments):
    subprocess.run([FFMPEG, "-v", "error", "-y", *map(str, arguments)], check=True)


def write_fields(path, *, height=HEIGHT, step=8):
    """A fast pan whose fields are half a frame apart, without a mark that says so."""
    scene = clips.texture(WIDTH + 2 * step * NUM_FRAMES, height)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=clips.RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, height, "yuv420p"
        for index in range(NUM_FRAMES):
            luma = np.empty((height, WIDTH), np.uint8)
            for field in (0, 1):
                left = step * (2 * index + field)
                luma[field::2] = scene[field::2, left : left + WIDTH]
            grey = np.full((height // 2, WIDTH), 128, np.uint8)
            frame = av.VideoFrame.from_ndarray(np.vstack([luma, grey]), format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, clips.RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def mark(source, output, order):
    """Mark as tff, bff or prog."""
    run_ffmpeg("-i", source, "-vf", f"setfield={order}", "-c:v", "ffv1", output)


@pytest.fixture(scope="module")
def interlaced(tmp_path_factory):
    """Clips by mark: the same pictures, called top field first, bottom field first, and progressive."""
    folder = tmp_path_factory.mktemp("fields")
    write_fields(folder / "raw.mkv")
    for order in ("tff", "bff", "prog"):
        mark(folder / "raw.mkv", folder / f"{order}.mkv", order)
    return folder


@pytest.fixture(scope="module")
def late(interlaced):
    """Progressive at first, interlaced from frame 10 on."""
    for name, options in (("p", ()), ("i", ("-flags", "+ilme+ildct", "-vf", "setfield=tff"))):
        coder = ("-c:v", "mpeg2video", "-q:v", 2, "-bf", 0, *options)
        run_ffmpeg("-i", interlaced / "raw.mkv", *coder, interlaced / f"{name}.ts")
    (interlaced / "list.txt").write_text("file p.ts\nfile i.ts\n")
    run_ffmpeg("-f", "concat", "-i", interlaced / "list.txt", "-c", "copy", interlaced / "late.mkv")
    return interlaced / "late.mkv"


def told(notices):
    return [one for one in notices if "interlaced" in one]


def orders(path):
    """What the pictures say, and what the container says (4 and 5: woven, top or bottom first)."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
        number = container.streams.video[0].codec_context.field_order
    return {field_order(frame) for frame in frames}, number


@pytest.mark.parametrize(("order", "first"), [("tff", "top"), ("bff", "bottom")])
@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_x264_codes_interlaced_video_as_such(interlaced, tmp_path, order, first, suffix):
    output = tmp_path / f"out{suffix}"
    notices = compress(interlaced / f"{order}.mkv", output, preset="superfast")
    assert told(notices) == [
        f"the video is interlaced; coded as interlaced, {first} field first "
        "(`deinterlace=bwdif` makes it progressive)"
    ]
    assert orders(output)[0] == {first}
    source = clips.decode_luma(interlaced / f"{order}.mkv")
    assert clips.psnr(source, clips.decode_luma(output)) > 25  # every line is where it was


class Band:
    """The upper half of a pair of macroblock rows matters."""

    map_every, smoothing, movement = 1, 0.0, 0.0

    def __init__(self, top, bottom):
        self._values = np.zeros((HEIGHT, WIDTH), np.float32)
        self._values[top:bottom] = 1

    def update(self, frame):
        return ImportanceMap(self._values)

    def finish(self, num_frames):
        return None

    def close(self):
        pass


def test_offsets_of_interlaced_video_land_on_both_fields_of_the_right_rows(interlaced, tmp_path):
    source, output = interlaced / "tff.mkv", tmp_path / "out.mkv"
    config = semvid.CompressConfig(preset="superfast", rate=semvid.Crf(34))
    semvid.compress(source, output, config, importance=Band(32, 64))
    error = (clips.decode_luma(source) - clips.decode_luma(output)) ** 2
    fields = [[error[:, top + field : top + 32 : 2].mean() for field in (0, 1)] for top in (0, 32, 64)]
    assert max(fields[1]) < 0.6 * min(fields[0] + fields[2])
    assert max(fields[1]) < 1.5 * min(fields[1])


@pytest.mark.parametrize(
    ("codec", "preset"), [("x265", "veryfast"), ("vp8", "5"), ("vp9", "8"), ("mjpeg", None)]
)
def test_what_cannot_be_coded_as_interlaced_is_deinterlaced(interlaced, tmp_path, codec, preset):
    output = tmp_path / "out.mkv"
    notices = compress(interlaced / "tff.mkv", output, codec=codec, preset=preset)
    assert "deinterlaced with bwdif" in told(notices)[0]
    assert orders(output)[0] == {None}
    assert orders(output)[1] < 2
    reference = tmp_path / "bwdif.mkv"
    run_ffmpeg("-i", interlaced / "tff.mkv", "-vf", "bwdif=mode=send_frame", "-c:v", "ffv1", reference)
    assert clips.psnr(clips.decode_luma(reference), clips.decode_luma(output)) > 25
    times = [frame.time for frame in clips.decode(interlaced / "tff.mkv")]
    assert [frame.time for frame in clips.decode(output)] == pytest.approx(times, abs=0.001)


@pytest.mark.parametrize(
    ("codec", "suffix", "number", "words"),
    [
        ("x265", ".mkv", 5, "the file says that the bottom field is first"),
        ("vp9", ".mp4", 5, "the file says that the bottom field is first"),
        ("vp8", ".webm", 1, ".webm cannot tell players so"),
        ("mjpeg", ".mov", 5, "the file says that the bottom field is first"),
        ("mjpeg", ".avi", 0, ".avi cannot tell players so"),
    ],
)
def test_kept_lines_are_flagged_where_the_container_can(interlaced, tmp_path, codec, suffix, number, words):
    output = tmp_path / f"out{suffix}"
    notices = compress(interlaced / "bff.mkv", output, codec=codec, deinterlace="keep")
    assert words in told(notices)[0]
    assert orders(output)[1] == number
    assert clips.psnr(clips.decode_luma(interlaced / "bff.mkv"), clips.decode_luma(output)) > 25


def test_x264_deinterlaces_when_asked_and_where_it_could_not_place_the_map(interlaced, tmp_path):
    notices = compress(interlaced / "tff.mkv", tmp_path / "a.mp4", preset="superfast", deinterlace="bwdif")
    assert told(notices) == ["the video is interlaced; deinterlaced with bwdif, one picture from each frame"]
    write_fields(tmp_path / "odd.mkv", height=104)
    mark(tmp_path / "odd.mkv", tmp_path / "odd-tff.mkv", "tff")
    notices = compress(tmp_path / "odd-tff.mkv", tmp_path / "b.mp4", preset="superfast")
    assert "deinterlaced with bwdif" in told(notices)[0]
    assert orders(tmp_path / "b.mp4")[0] == {None}


def test_video_that_becomes_interlaced_on_the_way_is_told_and_deinterlaced_from_there(late, tmp_path):
    frames = clips.decode(late)
    first = next(index for index, frame in enumerate(frames) if frame.interlaced_frame)
    assert first == NUM_FRAMES
    notices = compress(late, tmp_path / "out.mkv", preset="superfast", rate=semvid.Crf(1))
    assert told(notices)[0].startswith(f"10 of 20 frames are interlaced, the first is frame {first}; deint")
    source, output = clips.decode_luma(late), clips.decode_luma(tmp_path / "out.mkv")
    assert len(source) == len(output)
    assert clips.psnr(source[:first], output[:first]) > clips.psnr(source[first:], output[first:]) + 10
    notices = compress(late, tmp_path / "out.mkv", preset="superfast", deinterlace="keep")
    assert "nothing tells players so" in told(notices)[0]


def test_progressive_frames_among_interlaced_ones_stay_as_they_are(interlaced):
    marker, filtered = ProgressiveMarker(), Deinterlacer()
    frames = clips.decode(interlaced / "tff.mkv")
    mixed = [marker.mark(one) if index % 5 < 2 else one for index, one in enumerate(frames)]
    made = [ready for one in mixed for ready in filtered.feed(one)] + filtered.flush()
    assert [(one.pts, one.time_base, one.duration) for one in made] == [
        (one.pts, one.time_base, one.duration) for one in frames
    ]
    assert not any(one.interlaced_frame for one in made)
    same = [np.array_equal(a.to_ndarray(), b.to_ndarray()) for a, b in zip(made, frames, strict=True)]
    assert same == [index % 5 < 2 for index in range(NUM_FRAMES)]


@pytest.mark.parametrize("name", ["out.svmap", "out.npz", "out.mkv", "folder", "out.roi"])
def test_maps_of_interlaced_video_are_told_and_steer_as_made_by_compress(interlaced, tmp_path, name):
    config = semvid.ExportConfig(maps=semvid.MapsConfig(model="spectral"))
    _, notices = heard(semvid.export_maps, interlaced / "tff.mkv", tmp_path / name, config)
    assert told(notices) == ["the video is interlaced; a map is of both fields of a frame together"]


@pytest.mark.parametrize("name", ["out.mp4", "out.gif", "folder"])
def test_overlays_are_drawn_on_deinterlaced_pictures(interlaced, tmp_path, name):
    config = semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))
    result, notices = heard(semvid.export_overlay, interlaced / "tff.mkv", tmp_path / name, config)
    assert result.num_frames == NUM_FRAMES
    assert told(notices) == ["the video is interlaced; deinterlaced with bwdif, one picture from each frame"]


def test_compare_deinterlaces_the_reference_of_a_deinterlaced_video(interlaced, tmp_path):
    source, config = (
        interlaced / "tff.mkv",
        semvid.CompareConfig(maps=semvid.MapsConfig(model="spectral"), metrics=("psnr", "weighted")),
    )
    for deinterlace, words in (
        ("auto", "both are interlaced"),
        ("bwdif", "is not; compared with what bwdif"),
    ):
        output = tmp_path / f"{deinterlace}.mkv"
        compress(source, output, preset="superfast", rate=semvid.Crf(10), deinterlace=deinterlace)
        result = semvid.compare(source, output, config)
        assert any(words in one for one in result.notices)
        assert result.pooled["psnr"].minimum > 35
        assert result.pooled["weighted"].minimum > 35


def test_a_report_of_deinterlaced_video_measures_against_the_same_pictures(interlaced, tmp_path):
    config = semvid.CompressConfig(
        maps=semvid.MapsConfig(model="spectral"),
        codec="x264",
        preset="superfast",
        rate=semvid.Crf(20),
        deinterlace="bwdif",
    )
    result = semvid.compress(interlaced / "tff.mkv", tmp_path / "out.mkv", config)
    plain = semvid.compress(
        interlaced / "tff.mkv", tmp_path / "plain.mkv",
        replace(config, allocation=semvid.AllocationConfig(strength=0)),
    )  # fmt: skip
    report, notices = heard(semvid.make_report, result, config, plain=plain)
    assert "compared with what bwdif makes of it" in told(notices)[0]
    assert min(report.mapped.scores["whole"]) > 30
    assert "--deinterlace bwdif" in report.command


@pytest.mark.parametrize(
    ("deinterlace", "words"), [("auto", "deinterlaced with bwdif"), ("keep", "woven in")]
)
def test_live_video_is_deinterlaced_unless_told_not_to(interlaced, tmp_path, deinterlace, words):
    config = semvid.LiveConfig(maps=semvid.MapsConfig(model="spectral"), deinterlace=deinterlace)
    session = open_session(str(interlaced / "tff.mkv"), str(tmp_path / "out.mkv"), config)
    with closing(session.run()) as events:
        notices = [one.message for one in events if isinstance(one, Notice)]
    assert told(notices)[0].startswith("the source is interlaced; ")
    assert words in told(notices)[0]
    assert len(clips.decode(tmp_path / "out.mkv")) == NUM_FRAMES
