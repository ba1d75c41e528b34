"""``frame_rate``: FFmpeg's ``fps`` decides which frame is shown when; parts are as the whole, and sound stays."""

from fractions import Fraction

import av
import pytest
from clips import make_clip
from players import ffmpeg, played

import semvid
from semvid.core.config import CompressConfig, EditConfig, ExportConfig, MapsConfig
from semvid.core.types import Frame, Span
from semvid.importance.files.sidecar import SidecarReader
from semvid.media.reading.packets import shown_frames
from semvid.media.reading.probe_edited import probe_edited
from semvid.media.reading.reader import VideoReader

SPECTRAL = MapsConfig(model="spectral")
VARIABLE = [0, 512, 1024, 3072, 3584, 3700, 3900, 6000, 9000, 9512, 15000, 15512, 16024, 20000, 20512, 21024]
RATES = ["10", "25", "30000/1001", "60"]


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """A steady and an uneven one, in two containers."""
    folder = tmp_path_factory.mktemp("rates")
    steady = make_clip(folder / "steady.mp4", width=96, height=64, num_frames=40, audio=True)
    uneven = make_clip(folder / "uneven.mp4", width=96, height=64, num_frames=len(VARIABLE), pts=VARIABLE)
    for one in (steady, uneven):
        ffmpeg("-i", one, "-c", "copy", one.with_suffix(".mkv"))
    return {one.name: one for one in folder.iterdir()}


def read(path, rate, **more):
    with VideoReader(path, edit=EditConfig(frame_rate=rate, **more.pop("edit", {})), **more) as reader:
        frames = [one for one in reader.read() if isinstance(one, Frame)]
        return [(one.pts, one.luma.tobytes()) for one in frames], reader


@pytest.mark.parametrize("name", ["steady.mp4", "uneven.mp4", "steady.mkv", "uneven.mkv"])
@pytest.mark.parametrize("rate", RATES)
def test_frames_are_those_of_ffmpeg(name, rate, clips, tmp_path):
    found, reader = read(clips[name], rate)
    wanted = tmp_path / "wanted.nut"
    ffmpeg("-i", clips[name], "-vf", f"fps={rate}", "-an", "-c:v", "ffv1", wanted)
    with av.open(str(wanted)) as container:
        theirs = [
            (one.pts * one.time_base, one.to_ndarray()[:64].tobytes()) for one in container.decode(video=0)
        ]
    base = reader.info.time_base
    assert [pts * base * Fraction(rate) for pts, _ in found] == list(range(len(found)))
    # The command may end a frame earlier or later.
    assert abs(len(found) - len(theirs)) <= 1
    assert [luma for _, luma in found][: len(theirs)] == [luma for _, luma in theirs][: len(found)]
    with VideoReader(clips[name]) as whole:
        for _ in whole.read():
            pass
    assert abs(reader.end_pts * base - whole.end_pts * whole.info.time_base) <= 1 / Fraction(rate) / 2
    shown = shown_frames(reader.info)
    assert shown.pts.tolist() == [pts for pts, _ in found]
    assert shown.end == reader.end_pts


@pytest.mark.parametrize("name", ["steady.mp4", "uneven.mkv"])
@pytest.mark.parametrize("rate", ["10", "60"])
def test_a_part_is_as_in_the_whole(name, rate, clips):
    whole, _ = read(clips[name], rate)
    for first, last in ((2, 6), (len(whole) // 2, len(whole) - 1)):
        span = Span(whole[first][0], whole[last][0])
        for more in ({}, {"warm_up": Fraction(1, 5)}, {"cool_down": 2}):
            found, reader = read(clips[name], rate, span=span, **more)
            assert [one for one in found if one[0] in span] == whole[first:last]
            assert reader.num_frames == last - first
        with VideoReader(clips[name], edit=EditConfig(frame_rate=rate), span=span) as reader:
            reader.count_frames()
            frames = [one for one in reader.read() if isinstance(one, Frame)]
        assert [one.index for one in frames] == list(range(first, last))


def test_a_part_may_begin_long_after_the_frame_that_it_shows(tmp_path):
    path = make_clip(
        tmp_path / "still.mkv",
        width=96,
        height=64,
        num_frames=4,
        pts=[0, 512, 128_000, 256_000],
        options={"g": "1"},
    )
    whole, _ = read(path, "10")
    span = Span(whole[90][0], whole[120][0])
    assert read(path, "10", span=span)[0] == whole[90:120]


@pytest.mark.parametrize("edit", [{"start": 0.4}, {"end": 1.0}, {"start": 0.4, "duration": 0.6}])
def test_it_goes_with_a_cut(edit, clips):
    found, reader = read(clips["steady.mp4"], "50", edit=dict(edit))
    assert [pts * reader.info.time_base * 50 for pts, _ in found] == list(range(len(found)))
    length = (
        1.6 - edit.get("start", 0) if not {"end", "duration"} & edit.keys() else edit.get("duration", 1.0)
    )
    assert reader.end_pts * reader.info.time_base == pytest.approx(length, abs=0.02)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_uneven_becomes_even_and_sound_stays(suffix, clips, tmp_path):
    output, maps = tmp_path / f"out{suffix}", tmp_path / "maps.svmap"
    config = CompressConfig(
        preset="superfast",
        maps=SPECTRAL,
        edit=EditConfig(frame_rate="30000/1001"),
        save_maps=maps,
        verify="full",
    )
    result = semvid.compress(clips["steady.mp4"], output, config)
    shown, before = played(output), played(clips["steady.mp4"])
    assert result.num_frames == len(shown.pictures) == 48
    assert shown.sound == before.sound
    assert abs(shown.end - before.end) <= Fraction(1, 50)
    steps = {b - a for a, b in zip(shown.pictures, shown.pictures[1:], strict=False)}
    assert (
        steps == {Fraction(1001, 30_000)}
        if suffix == ".mp4"
        else steps <= {Fraction(33, 1000), Fraction(34, 1000)}
    )
    with av.open(str(output)) as container:
        assert container.streams.video[0].average_rate == Fraction(30_000, 1001)
    reader = SidecarReader(maps)
    assert reader.header.made_by["edit"] == {"frame_rate": "30000/1001"}
    assert sum(1 for _ in reader.maps()) == 48
    reader.close()


def test_maps_are_of_the_new_frames(clips, tmp_path):
    output = tmp_path / "maps.svmap"
    config = ExportConfig(maps=SPECTRAL, edit=EditConfig(frame_rate="5"))
    assert semvid.export_maps(clips["steady.mp4"], output, config).num_frames == 8


@pytest.mark.parametrize(
    "options", [{"rate": semvid.Size(40_000)}, {"rate": semvid.Bitrate(60_000)}, {"probe": "full"}]
)
def test_sizes_and_rates_are_found_with_it(options, clips, tmp_path):
    edit = EditConfig(frame_rate="10")
    config = CompressConfig(preset="superfast", maps=SPECTRAL, edit=edit, **options)
    result = semvid.compress(clips["steady.mp4"], tmp_path / "out.mp4", config)
    assert result.num_frames == 16
    assert probe_edited(clips["steady.mp4"], edit).frame_rate == 10
