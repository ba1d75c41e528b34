"""A bit rate in two passes with the same maps, and a maximum bit rate."""

import tempfile

import av
import numpy as np
import pytest
from clips import TIME_BASE, make_clip

import semvid
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.core.errors import ConfigError, MissedError
from semvid.core.events import Notice, Progress, Stage, Started
from semvid.engine.peak import needed_buffer

CODECS = {"x264": "superfast", "x265": "veryfast"}
RATE = 150_000
SPECTRAL = semvid.MapsConfig(model="spectral")


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return make_clip(
        tmp_path_factory.mktemp("film") / "in.mkv", width=192, height=96, num_frames=60, cut_at=37
    )


@pytest.fixture
def scratch(tmp_path, monkeypatch):
    """A folder for temporary files whose name could be taken for options."""
    folder = tmp_path / "a b:c'd=e"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def offsets(monkeypatch):
    """What each encoder is asked for, one list of ``(pts, offsets)`` for each."""
    asked = {}
    prepare = FramePreparer.prepare

    def record(self, frame, offsets):
        if frame.picture.width == 192:
            asked.setdefault(self, []).append((frame.pts, None if offsets is None else offsets.values.copy()))
        return prepare(self, frame, offsets)

    monkeypatch.setattr(FramePreparer, "prepare", record)
    return asked


class Moving:
    """Maps that differ from frame to frame; it counts those it made."""

    def __init__(self):
        self.num_maps = self.num_closed = 0

    def update(self, frame):
        self.num_maps += 1
        values = np.zeros((6, 12), np.float32)
        values[2:4, frame.index % 11 : frame.index % 11 + 2] = 0.37 + frame.index % 5 / 10
        return semvid.ImportanceMap(values)

    def close(self):
        self.num_closed += 1


def config_of(codec, **options):
    return semvid.CompressConfig(**{
        "codec": codec, "preset": CODECS[codec], "rate": semvid.Bitrate(RATE), "maps": SPECTRAL, **options,
    })  # fmt: skip


@pytest.mark.parametrize("codec", CODECS)
def test_the_rate_is_met_and_nothing_is_left_behind(codec, film, tmp_path, scratch):
    events = []
    config = config_of(codec, save_maps=tmp_path / "maps.svmap")
    result = semvid.compress(film, tmp_path / "out.mkv", config, on_event=events.append)
    assert 8 * result.video_bytes / result.duration_seconds == pytest.approx(RATE, rel=0.02)
    assert result.num_frames == 60
    names = [one.name for one in events if isinstance(one, Stage)]
    assert names[:2] == ["first pass", "second pass"]
    assert set(names[2:]) <= {"second pass, corrected"}
    assert len([one for one in events if isinstance(one, Started)]) == 1
    notices = [one.message for one in events if isinstance(one, Notice)]
    assert all("is repeated with a correction" in one for one in notices)
    assert len([one for one in events if isinstance(one, Progress)]) == 60 * len(names)
    assert 0 < result.saving < 1
    assert result.plain_bytes is None
    assert 10 < result.quality < 51
    assert sorted(one.name for one in tmp_path.iterdir()) == ["a b:c'd=e", "maps.svmap", "out.mkv"]
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("part", [None, (20, 50)], ids=["all", "part"])
def test_all_passes_have_the_same_maps_which_are_made_once(codec, part, film, tmp_path, offsets):
    source = Moving()
    span = None if part is None else semvid.Span(*(one * 40 for one in part))
    job = semvid.Job(film, span, tmp_path / "out.mkv", config_of(codec))
    semvid.compress_job(job, importance=source)
    first, *others = offsets.values()
    assert len(first) == 60 if part is None else 30
    assert others
    for other in others:
        assert [pts for pts, _ in other] == [pts for pts, _ in first]
        assert all(np.array_equal(one, two) for (_, one), (_, two) in zip(first, other, strict=True))
    assert len({one.tobytes() for _, one in first}) > 20
    assert source.num_maps <= 60
    assert source.num_closed == 1


def test_saved_maps_are_those_of_the_run(film, tmp_path, offsets):
    maps = tmp_path / "maps.svmap"
    semvid.compress(film, tmp_path / "out.mkv", config_of("x264", save_maps=maps))
    *_, last = offsets.values()
    offsets.clear()
    again = config_of("x264", maps=semvid.MapsConfig(path=maps))
    semvid.compress(film, tmp_path / "again.mkv", again)
    for other in offsets.values():
        assert all(np.array_equal(one, two) for (_, one), (_, two) in zip(last, other, strict=True))


def test_a_plain_encode_has_two_passes_too(film, tmp_path):
    config = config_of("x264", allocation=semvid.AllocationConfig(strength=0))
    result = semvid.compress(film, tmp_path / "out.mkv", config)
    assert 8 * result.video_bytes / result.duration_seconds == pytest.approx(RATE, rel=0.02)
    assert result.saving is None


def test_time_counts_not_the_nominal_frame_rate(tmp_path):
    # 25 frames a second, then 10.
    step = int(1 / TIME_BASE) // 50
    pts = np.cumsum([0, *[2 * step] * 40, *[5 * step] * 39]).tolist()
    film = make_clip(tmp_path / "in.mkv", width=192, height=96, num_frames=80, pts=pts)
    result = semvid.compress(film, tmp_path / "out.mkv", config_of("x264"))
    assert result.duration_seconds == pytest.approx(5.5, abs=0.1)
    assert 8 * result.video_bytes / result.duration_seconds == pytest.approx(RATE, rel=0.02)


@pytest.mark.parametrize("name", ["first pass", "second pass"])
def test_a_run_that_ends_in_a_pass_leaves_nothing(name, film, tmp_path, scratch):
    events = semvid.compress_events(film, tmp_path / "out.mkv", config_of("x264"))
    for event in events:
        if event == Stage(name):
            break
    while not isinstance(next(events), Progress):
        pass
    events.close()
    assert [one.name for one in tmp_path.iterdir()] == [scratch.name]
    assert list(scratch.iterdir()) == []


def test_what_is_too_large_at_the_lowest_quality_is_told_with_what_was_found(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (30, 192, 384), np.uint8)
    with av.open(str(tmp_path / "in.mkv"), "w") as writer:
        stream = writer.add_stream("libx264", rate=25, options={"crf": "10", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 384, 192, "yuv420p"
        for one in noise:
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(one, format="gray")))
        writer.mux(stream.encode())
    with pytest.raises(MissedError, match="`Bitrate.100000.` is too low.*ask for more") as caught:
        semvid.compress(
            tmp_path / "in.mkv", tmp_path / "out.mkv", config_of("x264", rate=semvid.Bitrate(100_000))
        )
    assert caught.value.best.video_bytes > 30_000
    assert not (tmp_path / "out.mkv").exists()


def needed(path, rate):
    with av.open(str(path)) as container:
        packets = [one for one in container.demux(video=0) if one.dts is not None]
        return needed_buffer(
            [8 * one.size for one in packets], [float(one.dts * one.time_base) for one in packets], rate
        )


@pytest.mark.parametrize("codec", CODECS)
@pytest.mark.parametrize("rate", [semvid.Bitrate(RATE), semvid.Crf(20)], ids=["bitrate", "crf"])
def test_a_maximum_holds_in_every_part_of_the_video(codec, rate, film, tmp_path):
    peak = semvid.Peak(160_000, 80_000)
    paths, told = {}, []
    for name, one in (("free", None), ("held", peak)):
        # Matroska keeps no times of decoding.
        paths[name] = tmp_path / f"{name}.mp4"
        config = config_of(codec, rate=rate, peak=one)
        semvid.compress(film, paths[name], config, on_event=told.append)
    if isinstance(rate, semvid.Crf):
        assert needed(paths["free"], peak.bits_per_second) > 1.2 * peak.buffer_bits
    assert needed(paths["held"], peak.bits_per_second) < 1.01 * peak.buffer_bits
    assert not any("did not keep to `Peak" in one.message for one in told if isinstance(one, Notice))


def test_a_maximum_that_does_not_hold_is_told(film, tmp_path):
    told = []
    config = config_of("x265", rate=semvid.Crf(4), peak=semvid.Peak(160_000, 5_000))
    semvid.compress(film, tmp_path / "out.mp4", config, on_event=told.append)
    (notice,) = [one.message for one in told if isinstance(one, Notice)]
    assert "did not keep to `Peak(160000)`: the video needs a buffer of " in notice
    assert "more than `buffer_bits=5000`; allow more, or ask for less" in notice


def level_of(path):
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.extradata[3]


def test_players_need_not_be_of_a_higher_level(film, tmp_path):
    # libx264 takes a level for twice the bit rate: 1.2. The maximum that makes it look ahead would take 6.2.
    two = semvid.compress(film, tmp_path / "two.mp4", config_of("x264"))
    assert level_of(two.output) == 12


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"encoder_options": {"crf": "20"}}, "`encoder_options=crf=20` contradicts `Bitrate`"),
        ({"encoder_options": {"x264-params": "pass=1"}}, "`encoder_options=pass=1` contradicts `Bitrate`"),
        ({"encoder_options": {"flags": "+pass1"}}, "contradicts `Bitrate`"),
        ({"encoder_options": {"maxrate": "1M"}, "peak": semvid.Peak(500_000)}, "contradicts `Peak`"),
        ({"probe": "none"}, "`probe=none` has no effect"),
    ],
)
def test_what_contradicts_is_refused(options, words, film, tmp_path):
    with pytest.raises(ConfigError, match=words):
        semvid.compress(film, tmp_path / "out.mkv", config_of("x264", **options))


@pytest.mark.parametrize("codec", ["vp8", "vp9", "mjpeg"])
def test_a_peak_is_only_for_encoders_that_have_one(codec, film, tmp_path):
    config = semvid.CompressConfig(codec=codec, peak=semvid.Peak(500_000))
    with pytest.raises(ConfigError, match=f"`Peak` is not for `codec={codec}`; leave it out"):
        semvid.compress(film, tmp_path / "out.mkv", config)


def test_a_bit_rate_is_not_above_its_maximum():
    with pytest.raises(ConfigError, match=r"`Bitrate\(300000\)` is above its maximum, `Peak\(200000\)`"):
        semvid.CompressConfig(rate=semvid.Bitrate(300_000), peak=semvid.Peak(200_000))


def test_the_command_line(film, tmp_path, semvid_here):
    words = ["compress", film, "-o", tmp_path / "out.mkv", "--preset", "superfast", "--model", "spectral"]
    done = semvid_here(*words, "--bitrate", "150k", "--max-bitrate", "400k", "--buffer", "300k")
    assert done.returncode == 0, done.stderr
    assert "a plain encode as good where it matters: about " in done.stdout
    done = semvid_here(*words, "--buffer", "300k")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--buffer 300k needs --max-bitrate" in done.stderr
