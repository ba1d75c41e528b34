"""A part of a video is compressed as if it were all there is: picture, sound, texts, maps and numbers."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import decode, make_clip
from notices import heard
from players import ffmpeg

import semvid
from semvid.core.config import CompressConfig, EditConfig, ExportConfig, MapsConfig, OverlayConfig
from semvid.core.errors import ConfigError, InputError, MapError
from semvid.core.types import Frame
from semvid.media.reading.packets import measure_streams, shown_frames
from semvid.media.reading.reader import VideoReader

SPECTRAL = MapsConfig(model="spectral")
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=4", "-f", "lavfi", "-i", "sine=f=440:r=48000:d=4")
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", "-g", "12")
SHIFTS = "select='not(mod(n,3))+lt(n,40)',setpts='PTS+if(gt(N,20),0.013/TB,0)'"
CODED = {
    "clip.mp4": (*X264, "-c:a", "aac"),
    "vfr.mp4": (*X264, "-vf", SHIFTS, "-fps_mode", "vfr", "-enc_time_base", "1:90000", "-an"),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-g", "12", "-bf", "2"),
    "vp9.webm": ("-c:v", "libvpx-vp9", "-g", "12", "-deadline", "realtime", "-cpu-used", "8", "-an"),
}
COPIED = {
    "clip.mkv": (),
    "fragments.mp4": ("-movflags", "+frag_keyframe+empty_moov+default_base_moof"),
    "far.ts": ("-output_ts_offset", "5127"),
}
LATE = "late.mp4"
"""Its sound begins before its picture."""


@pytest.fixture(scope="module")
def kinds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")
    for name, options in CODED.items():
        ffmpeg(*PICTURE, *options, folder / name)
    for name, options in COPIED.items():
        ffmpeg("-i", folder / "clip.mp4", "-c", "copy", *options, folder / name)
    ffmpeg("-itsoffset", "0.4", "-i", folder / "clip.mp4", "-i", folder / "clip.mp4", "-map", "0:v", "-map", "1:a",
           "-c", "copy", folder / LATE)  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    """Three seconds with sound, texts and chapters."""
    path = tmp_path_factory.mktemp("talk") / "talk.mkv"
    return make_clip(path, width=160, height=96, num_frames=75, audio=True, subtitles=True, chapters=True)


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    """Three seconds with sound whose times are exact."""
    path = tmp_path_factory.mktemp("spoken") / "spoken.mp4"
    return make_clip(path, width=160, height=96, num_frames=75, audio=True)


def frames_of(path, edit=None):
    with VideoReader(path, edit=edit) as reader:
        frames = [one for one in reader.read() if isinstance(one, Frame)]
        return [(one.pts, one.picture.to_ndarray().tobytes()) for one in frames], reader


def config(edit, **more):
    return CompressConfig(maps=SPECTRAL, preset="superfast", edit=edit, **more)


@pytest.mark.parametrize("name", [*CODED, *COPIED, LATE])
@pytest.mark.parametrize(
    "edit",
    [
        EditConfig(start=1.05),
        EditConfig(start=0.5, end=2.21),
        EditConfig(end=1.3),
        EditConfig(start=1.7, duration=1),
    ],
)
def test_frames_are_those_of_the_whole_from_0_on(name, edit, kinds):
    whole, reader = frames_of(kinds / name)
    base = reader.info.time_base
    start, end = edit.window
    shown = [pts for pts, _ in whole if pts * base >= start]
    zero = shown[0] if start else 0
    if edit.duration:
        end = zero * base + Fraction(repr(edit.duration))
    wanted = [(pts - zero, data) for pts, data in whole if pts >= zero and (end is None or pts * base < end)]
    found, part = frames_of(kinds / name, edit)
    assert found == wanted
    assert part.info.num_frames_from_header is None
    assert shown_frames(part.info).pts.tolist() == [pts for pts, _ in wanted]
    assert measure_streams(part.info, ())[0] == len(wanted)
    if end is not None:
        assert part.end_pts * base <= end - zero * base + base
    if edit.duration and name not in {"mpeg2.ts", "far.ts"}:
        assert abs(part.end_pts * base - Fraction(repr(edit.duration))) <= base


def samples(path):
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    start = frames[0].pts * frames[0].time_base
    return np.concatenate([one.to_ndarray().reshape(-1, one.samples) if one.format.is_planar else one.to_ndarray().reshape(one.samples, -1).T for one in frames], 1)[0], start  # fmt: skip


def test_sound_is_copied_and_cut_to_the_sample(spoken, tmp_path):
    source, _ = samples(spoken)
    edit = EditConfig(start=0.503, duration=1.25)
    result, said = heard(semvid.compress, spoken, tmp_path / "out.mp4", config(edit))
    assert not [one for one in said if "audio" in one]
    assert result.duration_seconds == pytest.approx(1.25, abs=0.001)
    frames = decode(tmp_path / "out.mp4")
    assert (len(frames), frames[0].pts) == (32, 0)
    found, start = samples(tmp_path / "out.mp4")
    first = round(0.52 * 48_000)
    assert start == 0
    assert abs(len(found) - 1.25 * 48_000) <= 1024
    assert np.array_equal(found[:60_000], source[first : first + len(found[:60_000])])
    with av.open(str(tmp_path / "out.mp4")) as container:
        sound = container.streams.audio[0]
        assert abs(sound.duration * sound.time_base - Fraction(5, 4)) < Fraction(1, 48_000)


def test_converted_sound_is_cut_to_the_sample_everywhere(spoken, tmp_path):
    source, _ = samples(spoken)
    edit = EditConfig(start=0.503, duration=1.25)
    semvid.compress(spoken, tmp_path / "out.mkv", config(edit, audio="flac"))
    found, start = samples(tmp_path / "out.mkv")
    first = round(0.52 * 48_000)
    assert (len(found), start) == (60_000, 0)
    assert np.abs(found / 2.0 ** (8 * found.itemsize - 1) - source[first : first + 60_000]).max() < 1e-4


def test_where_sound_cannot_be_cut_it_is_told_by_how_much(spoken, tmp_path):
    _, said = heard(
        semvid.compress, spoken, tmp_path / "out.mkv", config(EditConfig(start=0.503, duration=1.25))
    )
    assert [
        one
        for one in said
        if "(audio, aac) begins" in one and ".mkv can only cut copied sound between packets" in one
    ]
    found, start = samples(tmp_path / "out.mkv")
    assert 0 <= start < Fraction(1024, 48_000)
    # What is heard is still heard when it was.
    source, _ = samples(spoken)
    first = round((Fraction(52, 100) + start) * 48_000)
    aligned = source[first - 60 + 4096 : first + 60 + 8192 + 4096]
    errors = [np.abs(aligned[k : k + 8192] - found[4096 : 4096 + 8192]).mean() for k in range(120)]
    assert abs(int(np.argmin(errors)) - 60) <= 30


@pytest.mark.parametrize("name", ["spoken", "talk"])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("edit", [EditConfig(end=1.4), EditConfig(start=0.5), EditConfig(start=1, end=2)])
def test_copied_sound_is_heard_when_it_was(name, suffix, edit, request, tmp_path):
    path = request.getfixturevalue(name)
    _, said = heard(
        semvid.compress, path, tmp_path / f"out{suffix}", config(edit, drop=frozenset({"subtitle"}))
    )
    source, _ = samples(path)
    found, start = samples(tmp_path / f"out{suffix}")
    zero = 0 if edit.start == 0 else 0.52 if edit.start == 0.5 else 1
    first, begun = round((zero + start) * 48_000), 4096
    errors = [
        np.abs(source[first + begun + k : first + begun + k + 8192] - found[begun : begun + 8192]).mean()
        for k in range(-1500, 1500)
    ]
    assert min(errors) < 1e-3
    # Matroska counts in milliseconds.
    assert abs(int(np.argmin(errors)) - 1500) <= 72
    told = [
        float(one.partition("begins ")[2].partition(" ms")[0]) for one in said if "(audio, aac) begins" in one
    ]
    assert start * 1000 == pytest.approx(told[0] if told else 0, abs=3)
    assert start <= Fraction(1024, 48_000) + Fraction(1, 1000)


def test_texts_and_chapters_are_moved_and_cut(talk, tmp_path):
    semvid.compress(talk, tmp_path / "out.mkv", config(EditConfig(start=0.3, end=0.7)))
    with av.open(str(tmp_path / "out.mkv")) as container:
        chapters = container.chapters()
        titles = [(one["metadata"]["title"], float(one["start"] * one["time_base"]), float(one["end"] * one["time_base"])) for one in chapters]  # fmt: skip
        words = [one for one in container.demux(subtitles=0) if one.size]
        times = [(float(one.pts * one.time_base), float(one.duration * one.time_base)) for one in words]
    assert titles == [("one", 0, pytest.approx(0.08)), ("two", pytest.approx(0.08), pytest.approx(0.38))]
    with av.open(str(talk)) as container:
        whole = [
            (float(one.pts * one.time_base), float(one.duration * one.time_base))
            for one in container.demux(subtitles=0)
            if one.size
        ]
    cut = [
        (max(start - 0.32, 0), min(start + length, 0.7) - 0.32)
        for start, length in whole
        if start < 0.7 and start + length > 0.32
    ]
    assert [(a, a + b) for a, b in times] == [pytest.approx(one, abs=0.002) for one in cut]


@pytest.mark.parametrize(
    "rate",
    [semvid.Size(40_000), semvid.Bitrate(150_000), semvid.RegionPsnr(34), semvid.Crf(30)],
    ids=lambda one: type(one).__name__,
)
def test_every_way_encodes_the_part(rate, spoken, tmp_path):
    options = config(EditConfig(start=0.5, end=2), rate=rate)
    result = semvid.compress(spoken, tmp_path / "out.mp4", options)
    assert result.num_frames == len(decode(tmp_path / "out.mp4")) == 37
    if isinstance(rate, semvid.Size):
        assert result.output_bytes <= 40_000
    if isinstance(rate, semvid.Bitrate):
        assert result.video_bytes * 8 / 1.48 == pytest.approx(150_000, rel=0.05)


def test_an_encode_of_the_part_is_as_good_as_itself(spoken, tmp_path):
    edit = EditConfig(start=0.5, end=2)
    semvid.compress(spoken, tmp_path / "plain.mp4", config(edit, rate=semvid.Crf(28)))
    asked = semvid.AsGoodAs(tmp_path / "plain.mp4")
    result = semvid.compress(spoken, tmp_path / "out.mp4", config(edit, rate=asked))
    assert result.quality == pytest.approx(28, abs=1)
    with pytest.raises(InputError, match="has 37 frames"):
        semvid.compress(spoken, tmp_path / "other.mp4", config(EditConfig(start=0.6, end=2), rate=asked))


def test_a_report_compares_with_the_part(spoken, tmp_path):
    edit = EditConfig(start=0.5, end=1.5)
    options = config(edit, rate=semvid.Crf(30))
    result = semvid.compress(spoken, tmp_path / "out.mp4", options)
    report = semvid.make_report(result, options)
    assert report.source.num_frames == 25
    assert report.mapped.pooled["whole"].mean > 28
    assert "ssim" in report.mapped.scores
    assert "--start 0.5 --end 1.5" in report.command
    assert ("start", "0.5") in report.settings


def test_maps_of_a_part_are_for_that_part_alone(spoken, tmp_path):
    edit = EditConfig(start=0.5, end=1.5)
    maps = tmp_path / "part.svmap"
    made = semvid.export_maps(spoken, maps, ExportConfig(maps=SPECTRAL, edit=edit))
    assert made.num_frames == 25
    again = CompressConfig(maps=MapsConfig(path=maps), preset="superfast", edit=edit)
    assert semvid.compress(spoken, tmp_path / "out.mp4", again).num_frames == 25
    whole = CompressConfig(maps=MapsConfig(path=maps), preset="superfast")
    with pytest.raises(
        MapError, match="was made with `start=0.5`, `end=1.5`, and this run has the whole video"
    ):
        semvid.compress(spoken, tmp_path / "none.mp4", whole)
    semvid.export_maps(spoken, tmp_path / "all.svmap", ExportConfig(maps=SPECTRAL))
    other = CompressConfig(maps=MapsConfig(path=tmp_path / "all.svmap"), preset="superfast", edit=edit)
    with pytest.raises(MapError, match="was made with the whole video, and this run has `start=0.5`"):
        semvid.compress(spoken, tmp_path / "none.mp4", other)


def test_saved_maps_say_which_part_they_are_of(spoken, tmp_path):
    edit = EditConfig(start=0.5, duration=1)
    semvid.compress(spoken, tmp_path / "out.mp4", config(edit, save_maps=tmp_path / "kept.svmap"))
    again = CompressConfig(maps=MapsConfig(path=tmp_path / "kept.svmap"), preset="superfast", edit=edit)
    assert semvid.compress(spoken, tmp_path / "again.mp4", again).num_frames == 25


def test_a_part_is_drawn(spoken, tmp_path):
    made = semvid.export_overlay(
        spoken, tmp_path / "out.mp4", OverlayConfig(maps=SPECTRAL, edit=EditConfig(start=2))
    )
    assert made.num_frames == 25
    made = semvid.export_overlay(
        spoken, tmp_path / "out", OverlayConfig(maps=SPECTRAL, edit=EditConfig(start=2.5, duration=0.2))
    )
    assert made.num_frames == 5


@pytest.mark.parametrize("edit", [EditConfig(start=60), EditConfig(start=0.501, end=0.51)])
def test_nothing_left_is_told(edit, spoken, tmp_path):
    with pytest.raises(
        InputError, match=r"has no frame from .* the last one before is shown at .*: give another `start`"
    ):
        semvid.compress(spoken, tmp_path / "out.mp4", config(edit))
    assert not list(tmp_path.iterdir())


def test_a_picture_has_no_parts(tmp_path):
    from PIL import Image

    Image.new("RGB", (64, 48)).save(tmp_path / "in.png")
    for export, kind in ((semvid.export_maps, ExportConfig), (semvid.export_overlay, OverlayConfig)):
        with pytest.raises(ConfigError, match="`start` is for videos"):
            export(tmp_path / "in.png", tmp_path / "out.png", kind(maps=SPECTRAL, edit=EditConfig(start=1)))
