"""What pictures carry beside their samples is kept, or its loss is told: nothing in between."""

import io
import struct
import subprocess
import sys
from fractions import Fraction

import av
import numpy as np
import pytest
from av.codec.context import Flags
from clips import RATE, decode, make_clip
from PIL import Image
from side_clips import HEIGHT, KINDS, WIDTH, compress, ffmpeg, frames_with, lavfi

import semvid
from semvid.codecs.base.coding import Target
from semvid.codecs.base.side_data_boxes import cropping_box, light_levels, mastering_numbers
from semvid.codecs.registry import find_codec
from semvid.core.coded import CodedPacket, StreamParameters
from semvid.core.errors import InputError
from semvid.core.events import Notice
from semvid.core.types import AnalysedFrame, Frame, VideoInfo
from semvid.media.colour import to_bgr
from semvid.media.side_data import side_data_bytes
from semvid.media.writing.stream_template import box
from semvid.media.writing.video_track import add_video_track, packet_of
from semvid.media.writing.writer import VideoWriter

ON_FRAMES = {
    "stereo_3d": "STEREO3D",
    "spherical": "SPHERICAL",
    "mastering_display_metadata": "MASTERING_DISPLAY_METADATA",
    "content_light_level": "CONTENT_LIGHT_LEVEL",
    "ambient_viewing_environment": "AMBIENT_VIEWING_ENVIRONMENT",
    "icc_profile": "ICC_PROFILE",
    "a53_cc": "A53_CC",
    "afd": "AFD",
    "s12m_timecode": "S12M_TIMECODE",
}
WORDS = {
    "stereo_3d": "stereo 3D",
    "spherical": "spherical",
    "mastering_display_metadata": "mastering display",
    "content_light_level": "content light",
    "ambient_viewing_environment": "ambient viewing",
    "icc_profile": "ICC profile",
    "a53_cc": "closed captions",
    "afd": "AFD",
    "s12m_timecode": "time codes",
}
OUTPUTS = [
    ("x264", ".mp4"), ("x264", ".mkv"), ("x264", ".mov"), ("x265", ".mp4"), ("x265", ".mkv"), ("vp8", ".webm"),
    ("vp9", ".webm"), ("vp9", ".mp4"), ("av1", ".mkv"), ("av1", ".mp4"), ("mjpeg", ".avi"), ("mjpeg", ".mov"), ("mjpeg", ".mkv"),
]  # fmt: skip


def meaning(kind, data):
    if kind == "mastering_display_metadata":
        return mastering_numbers(data)
    if kind == "content_light_level":
        return light_levels(data)
    if kind == "ambient_viewing_environment":
        numbers = struct.unpack_from("=6i", data)
        return [Fraction(*numbers[index : index + 2]) for index in (0, 2, 4)]
    return data[:8] if kind == "stereo_3d" else data


def code(frames, codec, path, side_data=()):
    """Code frames plainly; return the notices."""
    config = semvid.CompressConfig(codec=codec, allocation=semvid.AllocationConfig(strength=0))
    coding, coded = find_codec(config.codec).coding(config), None
    source = path.with_name("times.mkv")
    if path.suffix == ".avi":
        # Its frames are laid out by the times of all the source's.
        ffmpeg(*lavfi(frames=len(frames)), "-c:v", "ffv1", source)
    info = VideoInfo(
        source, 1, "none", 0, "rawvideo", WIDTH, HEIGHT, "yuv420p", Fraction(RATE), Fraction(1, RATE), None,
        None, None, (), side_data,
    )  # fmt: skip
    with VideoWriter(path, overwrite=True) as writer:
        for index, picture in enumerate(frames):
            luma = np.frombuffer(picture.planes[0], np.uint8).reshape(HEIGHT, -1)[:, :WIDTH]
            prepared = coding.prepare(AnalysedFrame(Frame(picture, index, luma, 8), None, is_cut=not index))
            if coded is None:
                coded = coding.open(prepared, Target.of_file(info, path.suffix))
                writer.add_video(coded.parameters)
                writer.start()
            for packet in coded.encode(prepared):
                writer.write(packet)
        for packet in coded.flush():
            writer.write(packet)
        coded.close()
        writer.commit()
    return coded.notices


def carried(path, index=0):
    return dict(side_data_bytes(decode(path)[index]))


def test_an_encoder_does_not_say_what_it_cannot(tmp_path):
    # x264 knows no right eye first; Matroska does.
    right_first = struct.pack("=5I", 1, 1, 0, 0, 0) + KINDS["stereo_3d"][20:]
    for suffix, expected in ((".mkv", [right_first[:8]]), (".mp4", [])):
        notices = code(frames_with({"stereo_3d": right_first}), "x264", tmp_path / f"out{suffix}")
        found = side_data_bytes(decode(tmp_path / f"out{suffix}")[0])
        assert [data[:8] for name, data in found if name == "STEREO3D"] == expected
        assert any("stereo" in one for one in notices) == (suffix == ".mp4")


@pytest.mark.parametrize(("codec", "suffix"), OUTPUTS)
def test_every_kind_is_kept_or_told(codec, suffix, tmp_path):
    path = tmp_path / f"out{suffix}"
    notices = code(frames_with(KINDS), codec, path)
    found = carried(path)
    for kind, data in KINDS.items():
        told = any(WORDS[kind] in notice for notice in notices)
        is_kept = (
            meaning(kind, found[ON_FRAMES[kind]]) == meaning(kind, data)
            if ON_FRAMES[kind] in found
            else False
        )
        assert is_kept != told, (kind, notices)
    for notice in notices:
        assert "\n" not in notice
        assert f"{codec} in {suffix} does not keep" in notice or ".avi" in notice


def test_remedies_are_true(tmp_path):
    for kind, data in KINDS.items():
        for notice in code(frames_with({kind: data}), "vp9", tmp_path / "out.webm"):
            _, _, remedy = notice.partition("; ")
            if not remedy:
                continue
            suffix = next((word for word in remedy.split() if word.startswith(".")), ".webm")
            codec = remedy.partition("`codec=")[2].partition("`")[0] or "vp9"
            told = code(frames_with({kind: data}), codec, tmp_path / f"remedy{suffix}")
            assert not any(WORDS[kind] in one for one in told), notice


@pytest.mark.parametrize(
    ("codec", "is_kept"), [("x264", True), ("x265", True), ("vp9", False), ("mjpeg", False)]
)
def test_captions_that_begin_late_are_kept_or_told(codec, is_kept, tmp_path):
    source = tmp_path / "in.mkv"
    code(frames_with({"a53_cc": KINDS["a53_cc"]}, num_frames=6, since=3), "x264", source)
    notices = compress(source, tmp_path / "out.mkv", codec=codec)
    assert [name for name, _ in side_data_bytes(decode(tmp_path / "out.mkv")[4])].count("A53_CC") == is_kept
    assert sum("closed captions" in one for one in notices) == (not is_kept)


def test_user_data_of_others_is_kept_and_that_of_encoders_is_not(tmp_path):
    source = tmp_path / "in.mp4"
    ffmpeg(*lavfi(), "-c:v", "libx264", tmp_path / "bare.mp4")
    mine = "086f3693-b7b3-4f2c-9653-21492feee5b8+hello"
    ffmpeg("-i", tmp_path / "bare.mp4", "-c", "copy", "-bsf:v", f"h264_metadata=sei_user_data={mine}", source)
    for codec, suffix, told in (("x264", ".mp4", 0), ("x265", ".mkv", 1), ("vp9", ".webm", 1)):
        output = tmp_path / f"out{suffix}"
        notices = compress(source, output, codec=codec)
        found = [data for name, data in side_data_bytes(decode(output)[0]) if name == "SEI_UNREGISTERED"]
        assert sum(b"hello" in data for data in found) == 1 - told
        assert sum("user data" in one for one in notices) == told
    assert not any(
        "user data" in one for one in compress(tmp_path / "bare.mp4", tmp_path / "b.webm", codec="vp9")
    )


@pytest.mark.parametrize(
    ("mode", "suffix", "is_kept"),
    [
        ("left_right", ".mkv", True), ("left_right", ".mp4", True), ("top_bottom", ".webm", True),
        ("right_left", ".webm", True), ("right_left", ".mkv", True), ("right_left", ".mp4", False),
        ("row_interleaved_lr", ".webm", False), ("row_interleaved_lr", ".mkv", True),
        ("anaglyph_cyan_red", ".mkv", True), ("anaglyph_cyan_red", ".mp4", False),
        ("block_lr", ".webm", False),
    ],
)  # fmt: skip
def test_stereo_modes_of_matroska(mode, suffix, is_kept, tmp_path):
    source, output = tmp_path / "in.mkv", tmp_path / f"out{suffix}"
    ffmpeg(*lavfi(), "-c:v", "libx264", "-metadata:s:v:0", f"stereo_mode={mode}", source)
    notices = compress(source, output, codec="vp9" if suffix == ".webm" else "x265")
    assert any("stereo 3D" in one for one in notices) != is_kept
    with av.open(str(source)) as before, av.open(str(output)) as after:
        old, new = (next(one.decode(video=0)) for one in (before, after))
        old, new = (dict(side_data_bytes(one)).get("STEREO3D", b"")[:8] for one in (old, new))
        assert (new == old) or not is_kept
        if suffix != ".mp4":
            assert after.streams[0].metadata.get("stereo_mode") == (mode if is_kept else None)


def mux_with_boxes(container, boxes, library, coding_format, pixel_format, **parameters):
    """Code frames and mux them, with side data that an encoder does not know."""
    codec = av.CodecContext.create(library, "w")
    codec.width, codec.height, codec.pix_fmt = WIDTH, HEIGHT, pixel_format
    codec.time_base, codec.flags = Fraction(1, RATE), Flags.global_header
    codec.color_trc, codec.color_primaries = (
        parameters.get("color_trc", 2),
        parameters.get("color_primaries", 2),
    )
    codec.options = {"x265-params": "log-level=none"} if library == "libx265" else {}
    codec.open()
    stream = add_video_track(
        container,
        StreamParameters(
            coding_format, codec.time_base, size=(WIDTH, HEIGHT), pixel_format=pixel_format,
            frame_rate=Fraction(RATE), extradata=codec.extradata, reorder_depth=codec.reorder_depth,
            boxes=tuple(boxes), **parameters,
        ),
    )  # fmt: skip
    for frame in [*frames_with({}), None]:
        for packet in codec.encode(frame and frame.reformat(format=pixel_format)):
            container.mux(
                packet_of(
                    CodedPacket(
                        bytes(packet),
                        coding_format,
                        packet.pts,
                        packet.dts,
                        1,
                        packet.is_keyframe,
                        codec.time_base,
                    ),
                    stream,
                )
            )


@pytest.mark.parametrize(
    ("codec", "suffix"), [("x264", ".mkv"), ("x264", ".mp4"), ("vp9", ".webm"), ("mjpeg", ".mov")]
)
def test_cropping_of_the_container_stays(codec, suffix, tmp_path):
    source = tmp_path / "in.mov"
    with av.open(str(source), "w") as container:
        edges = cropping_box((8, 24, 2, 6), (WIDTH, HEIGHT))
        mux_with_boxes(container, [edges], "libx264", "h264", "yuv420p")
    assert ("Frame Cropping", "8/24/2/6") in semvid.probe(source).side_data
    assert not any("cropping" in one for one in compress(source, tmp_path / f"out{suffix}", codec=codec))
    assert ("Frame Cropping", "8/24/2/6") in semvid.probe(tmp_path / f"out{suffix}").side_data


@pytest.mark.parametrize(
    ("codec", "suffix"),
    [
        ("x264", ".mkv"), ("x265", ".mkv"), ("vp8", ".webm"), ("vp9", ".webm"), ("vp9", ".mkv"), ("vp9", ".mp4"),
        ("mjpeg", ".mkv"), ("mjpeg", ".avi"), ("mjpeg", ".mov"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("rotation", [0, 90])
def test_pixel_aspect_and_rotation_stay_together(codec, suffix, rotation, tmp_path):
    source = make_clip(
        tmp_path / "in.mp4", width=WIDTH, height=HEIGHT, num_frames=4, rotation=rotation, aspect=Fraction(64, 45),
        metadata={"title": "~"},
    )  # fmt: skip
    output = tmp_path / f"out{suffix}"
    notices = compress(source, output, codec=codec)
    written = semvid.probe(output).sample_aspect_ratio
    # WebM has whole pixels of one size, which this aspect does not give.
    limit = Fraction(1, 250) if suffix == ".webm" else 0
    assert abs(written / Fraction(64, 45) - 1) <= limit
    is_told = any("rotation" in one for one in notices)
    assert (decode(output)[0].rotation == rotation) != is_told
    assert is_told == (suffix == ".avi" and rotation == 90)
    # Every other element of the file is where it was: FFmpeg reads it without a word.
    with av.open(str(output)) as container:
        assert "~~" not in container.streams[0].metadata.get("title", "")
    ffmpeg("-xerror", "-i", output, "-f", "null", "-")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize(
    "turn",
    [(-1, 0, 0, 1), (1, 0, 0, -1), (0, 1, -1, 0), (0, 1, 1, 0), (0, -1, -1, 0), (0, 1, -2, 0), (3, 0, 0, 3)],
)
def test_mirrored_and_stretched_matrices(turn, suffix, tmp_path):
    a, b, c, d = (65536 * one for one in turn)
    matrix = struct.pack("=9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    notices = code(frames_with({"display_matrix": matrix}), "x264", tmp_path / f"out{suffix}")
    found = struct.unpack("=9i", carried(tmp_path / f"out{suffix}").get("DISPLAYMATRIX", matrix))
    assert [np.sign(one) for one in (*found[:2], *found[3:5])] == [np.sign(one) for one in (a, b, c, d)]
    assert not notices


def test_the_title_of_a_track_survives_the_room_behind_it(tmp_path):
    ffmpeg(*lavfi("setsar=4/3"), "-c:v", "libx264", "-metadata:s:v:0", "title=Ein Titel", tmp_path / "in.mkv")
    compress(tmp_path / "in.mkv", tmp_path / "out.webm", codec="vp9")
    with av.open(str(tmp_path / "out.webm")) as container:
        assert container.streams[0].metadata["title"] == "Ein Titel"
        assert container.streams[0].sample_aspect_ratio == Fraction(4, 3)


def test_exif_in_a_video_is_told_and_does_not_stop_it(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    with av.open(str(tmp_path / "in.avi"), "w") as container:
        stream = container.add_mux_stream("mjpeg", rate=RATE, width=WIDTH, height=HEIGHT)
        stream.time_base = Fraction(1, RATE)
        for index in range(4):
            file = io.BytesIO()
            Image.new("RGB", (WIDTH, HEIGHT), (40 * index, 90, 30)).save(file, "JPEG", exif=exif)
            packet = av.Packet(file.getvalue())
            packet.stream, packet.pts, packet.dts = stream, index, index
            packet.time_base, packet.is_keyframe = Fraction(1, RATE), True
            container.mux(packet)
    assert "kind 31" in carried(tmp_path / "in.avi")
    for codec in ("x264", "mjpeg"):
        notices = compress(tmp_path / "in.avi", tmp_path / f"{codec}.mkv", codec=codec)
        assert any("EXIF" in one for one in notices)
    config = semvid.CompressConfig(
        temporal=semvid.TemporalConfig(motion="vectors"), maps=semvid.MapsConfig(model="spectral")
    )
    assert semvid.compress(tmp_path / "in.avi", tmp_path / "v.mkv", config).num_frames == 4
    semvid.export_overlay(
        tmp_path / "in.avi",
        tmp_path / "o.mp4",
        semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral")),
    )


def dolby_vision(path, profile, compatibility):
    """A file whose container says Dolby Vision; there is nothing of it in the pictures."""
    level, flags = 2, 0b101
    record = bytes([1, 0, profile << 1 | level >> 5, (level & 31) << 3 | flags, compatibility << 4])
    with av.open(str(path), "w", container_options={"strict": "unofficial"}) as container:
        boxes = [box(b"dvcC" if profile < 8 else b"dvvC", record, bytes(19))]
        mux_with_boxes(
            container, boxes, "libx265", "hevc", "yuv420p10le", codec_tag="hvc1",
            color_trc=16, color_primaries=9, color_matrix=9,
        )  # fmt: skip
    return path


def test_dolby_vision_is_refused_where_its_pictures_cannot_be_watched(tmp_path):
    source = dolby_vision(tmp_path / "in.mp4", 5, 0)
    for codec in ("x265", "mjpeg"):
        with pytest.raises(InputError, match="profile 5"):
            compress(source, tmp_path / "out.mkv", codec=codec)
    with pytest.raises(InputError, match="profile 5"):
        semvid.export_overlay(
            source, tmp_path / "o.mp4", semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral"))
        )
    assert [one.name for one in tmp_path.iterdir()] == ["in.mp4"]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_the_base_layer_of_dolby_vision_is_kept_and_the_rest_told(suffix, tmp_path):
    source, output = dolby_vision(tmp_path / "in.mp4", 8, 1), tmp_path / f"out{suffix}"
    assert any("Dolby Vision" in one for one in compress(source, output, codec="x265"))
    assert not any("DOVI" in name for name, _ in semvid.probe(output).side_data)
    assert b"dvvC" not in output.read_bytes()
    assert decode(output)[0].color_trc == 16


@pytest.mark.parametrize("name", ["o.mp4", "o.gif", "o"])
def test_drawings_tell_what_they_lose(name, tmp_path):
    code(frames_with(KINDS), "x264", tmp_path / "in.mp4")
    notices = []
    semvid.export_overlay(
        tmp_path / "in.mp4", tmp_path / name, semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral")),
        on_event=lambda event: notices.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    for kind in ("stereo_3d", "spherical", "mastering_display_metadata", "content_light_level", "a53_cc"):
        assert sum(WORDS[kind] in one for one in notices) == 1
    assert all("a drawing does not keep" in one for one in notices)


@pytest.mark.parametrize(("matrix", "height"), [(1, 96), (2, 720), (9, 96), (4, 96), (2, 96), (6, 96)])
@pytest.mark.parametrize(
    ("codec", "suffix"), [("vp8", ".webm"), ("vp9", ".webm"), ("mjpeg", ".mkv"), ("x264", ".mp4")]
)
def test_colours_are_those_that_players_take_them_for(codec, suffix, matrix, height, tmp_path):
    source, output = tmp_path / "in.mp4", tmp_path / f"out{suffix}"
    tagged = f"h264_metadata=matrix_coefficients={matrix}:colour_primaries=9:transfer_characteristics=16"
    red = [
        "-f",
        "lavfi",
        "-i",
        f"color=0xc02040:size=128x{height}:rate={RATE},format=yuv420p",
        "-frames:v",
        "2",
    ]
    ffmpeg(*red, "-c:v", "libx264", "-preset", "ultrafast", tmp_path / "bare.mp4")
    ffmpeg("-i", tmp_path / "bare.mp4", "-c", "copy", "-bsf:v", tagged, source)
    notices = compress(source, output, codec=codec)
    before, after = decode(source)[0], decode(output)[0]
    shown = [to_bgr(Frame(one, 0)).reshape(-1, 3).mean(0) for one in (before, after)]
    assert np.abs(shown[0] - shown[1]).max() < 6
    assert (after.color_primaries, after.color_trc) == (9, 16)
    is_converted = any("converted to BT.601" in one for one in notices)
    assert is_converted == (
        (codec == "vp8" and (matrix in {1, 4, 9} or height == 720)) or (codec, matrix) == ("vp9", 4)
    )


@pytest.mark.parametrize("matrix", [3, 8, 10, 14, 17, 200])
def test_matrices_that_cannot_be_named_are_told(matrix, tmp_path):
    source = tmp_path / "in.mp4"
    tagged = f"h264_metadata=matrix_coefficients={matrix}:colour_primaries={matrix}:transfer_characteristics={matrix}"
    ffmpeg(*lavfi(frames=2), "-c:v", "libx264", tmp_path / "bare.mp4")
    ffmpeg("-i", tmp_path / "bare.mp4", "-c", "copy", "-bsf:v", tagged, source)
    named = decode(source)[0].colorspace
    for codec, suffix in (("x264", ".mkv"), ("x265", ".mp4"), ("vp9", ".webm"), ("mjpeg", ".mov")):
        notices = compress(source, tmp_path / f"out{suffix}", codec=codec)
        is_told = any("colours" in one for one in notices)
        assert is_told != (
            (codec != "mjpeg" and decode(tmp_path / f"out{suffix}")[0].colorspace == named) or named == 2
        )
    told = []
    semvid.export_overlay(
        source, tmp_path / "o.gif", semvid.OverlayConfig(maps=semvid.MapsConfig(model="spectral")),
        on_event=lambda event: told.append(event.message) if isinstance(event, Notice) else None,
    )  # fmt: skip
    assert any("colours" in one for one in told) == (named != 2)


@pytest.mark.parametrize(("codec", "is_kept"), [("x264", True), ("vp8", False)])
def test_a_live_stream_keeps_captions_or_tells(codec, is_kept, tmp_path):
    code(
        frames_with({"a53_cc": KINDS["a53_cc"], "spherical": KINDS["spherical"]}), "x264", tmp_path / "in.mkv"
    )
    command = [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()", "stream"]
    options = ["--codec", codec, "--model", "spectral"]
    done = subprocess.run(
        [*command, tmp_path / "in.mkv", tmp_path / "out.mkv", *options],
        check=False,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stderr.split())
    assert ("does not keep the video's closed captions; use --codec x264" in told) != is_kept
    assert "does not keep the video's spherical" in told
    assert ("A53_CC" in carried(tmp_path / "out.mkv")) == is_kept


def test_groups_of_pictures_are_closed_whatever_the_container_is_told(tmp_path):
    # Where it was told something, x264's were open.
    code(frames_with({"spherical": KINDS["spherical"]}), "x264", tmp_path / "out.mkv")
    assert b"open_gop=0" in (tmp_path / "out.mkv").read_bytes()
