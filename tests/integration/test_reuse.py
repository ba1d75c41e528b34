"""What trials encoded and the maps they used are used again, and the result is what an encode would give."""

from dataclasses import replace

import av
import numpy as np
import pytest
from clips import REPEATABLE_WIDTH, make_clip
from encoders import ENCODERS

import semvid
from semvid.codecs.ffmpeg.obedience import MapWatch
from semvid.codecs.ffmpeg.region_coding import RegionCoding
from semvid.core.errors import InputError
from semvid.core.events import Chosen, Notice, Preview, Tried
from semvid.engine.analysis import Analyser
from semvid.engine.job import Job
from semvid.engine.ruler import Ruler
from semvid.products.compress import compress_job

FAST = {"x264": "superfast", "x265": "veryfast", "vp8": "5", "vp9": "8", "av1": "12"}
SIZE, REGION = semvid.AllocationConfig(match="size"), semvid.AllocationConfig(match="region")


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reuse")
    return make_clip(folder / "in.mp4", width=REPEATABLE_WIDTH, height=96, num_frames=40, audio=True)


@pytest.fixture
def encodes(monkeypatch):
    """How many times an encoder is opened."""
    opened, usual = [], RegionCoding.open

    def noted(self, first, target):
        opened.append(self.quality)
        return usual(self, first, target)

    monkeypatch.setattr(RegionCoding, "open", noted)
    return opened


@pytest.fixture
def analyses(monkeypatch):
    """How many runs make maps."""
    made, usual = [], Analyser.__init__

    def noted(self, *arguments):
        made.append(self)
        usual(self, *arguments)

    monkeypatch.setattr(Analyser, "__init__", noted)
    return made


def run(clip, output, config, **more):
    events = []
    return semvid.compress(clip, output, config, on_event=events.append, **more), events


def config_of(codec="x264", **more):
    maps = semvid.MapsConfig(model="spectral")
    return semvid.CompressConfig(codec=codec, preset=FAST[codec], maps=maps, allocation=SIZE, **more)


def streams(path):
    with av.open(str(path)) as file:
        return [
            (one.stream.type, one.pts, one.dts, one.duration, one.is_keyframe, bytes(one))
            for one in file.demux()
        ]


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.name)
def test_a_trial_of_everything_is_the_encode(spec, tmp_path, short_clip, encodes, analyses):
    config = config_of(spec.name)
    result, events = run(short_clip, tmp_path / "out.mkv", config)
    tried = [one.trial for one in events if isinstance(one, Tried)]
    num_encodes, num_analyses = len(encodes), len(analyses)
    # A map of AV1 may cost more than it saves, and is then left out.
    without = {"allocation": replace(SIZE, strength=0)} if result.map_left_out else {"probe": "none"}
    alone = replace(config, rate=semvid.Crf(result.quality), **without)
    again = semvid.compress(short_clip, tmp_path / "again.mkv", alone)
    if spec.name != "av1":
        # SVT-AV1 with a map is not repeatable to the byte: it writes strengths of the chroma deblocking filter
        # that depend on which thread was first.
        assert streams(result.output) == streams(again.output)
    assert result.video_bytes == again.video_bytes
    assert result.output_bytes == again.output_bytes
    assert tried[-1].is_whole or result.map_left_out
    # One is the plain encode.
    assert num_encodes == 1 + sum(not one.is_whole for one in tried)
    assert num_analyses == 1


def test_no_encode_is_needed_for_a_size_that_a_trial_has(tmp_path, short_clip, encodes):
    config = config_of(rate=semvid.Size(60_000), probe="none")
    result, events = run(short_clip, tmp_path / "out.mp4", config)
    assert 0.985 * 60_000 <= result.output_bytes <= 60_000
    assert result.output.stat().st_size == result.output_bytes
    # One that was tried is written.
    assert len(encodes) == sum(isinstance(one, Tried) for one in events) - 1


def test_a_correction_uses_the_maps_again(tmp_path, short_clip, encodes, analyses, monkeypatch):
    # As if the container took much more than expected.
    monkeypatch.setattr("semvid.products.wished._other_bytes", lambda shown, manifest: 0)
    config = config_of(rate=semvid.Size(60_000), probe="none")
    result, events = run(short_clip, tmp_path / "out.mp4", config)
    assert 0.985 * 60_000 <= result.output_bytes <= 60_000
    tried = [one.trial.is_whole for one in events if isinstance(one, Tried)]
    assert sum(tried) > 1
    # One of them is a trial that was written.
    assert len(encodes) == len(tried) - 1
    assert len(analyses) == 1
    again = semvid.compress(
        short_clip, tmp_path / "again.mp4", replace(config, rate=semvid.Crf(result.quality))
    )
    assert streams(result.output) == streams(again.output)


def test_a_longer_video_gets_its_maps_once_for_all_its_encodes(tmp_path, short_clip, analyses, monkeypatch):
    monkeypatch.setattr("semvid.engine.samples._FEWEST_IN_TRIAL", 20)
    monkeypatch.setattr("semvid.engine.samples._TRIED_WHOLE", 20)
    monkeypatch.setattr("semvid.products.wished._other_bytes", lambda shown, manifest: 0)
    config = config_of(rate=semvid.Size(60_000), probe="none")
    result, events = run(short_clip, tmp_path / "out.mp4", config)
    assert sum(one.trial.is_whole for one in events if isinstance(one, Tried)) > 1
    again = semvid.compress(
        short_clip, tmp_path / "again.mp4", replace(config, rate=semvid.Crf(result.quality))
    )
    assert streams(result.output) == streams(again.output)
    # One for the part that was tried, and one for each of the other two runs.
    assert len(analyses) == 3


def test_many_large_maps_are_not_kept(tmp_path, short_clip, analyses, monkeypatch):
    monkeypatch.setattr("semvid.engine.samples._FEWEST_IN_TRIAL", 20)
    monkeypatch.setattr("semvid.engine.samples._TRIED_WHOLE", 20)
    monkeypatch.setattr("semvid.engine.trials.MOST_BYTES", 1000)
    monkeypatch.setattr("semvid.products.wished._other_bytes", lambda shown, manifest: 0)
    _, events = run(short_clip, tmp_path / "out.mp4", config_of(rate=semvid.Size(60_000), probe="none"))
    num_encodes = sum(one.trial.is_whole for one in events if isinstance(one, Tried))
    assert len(analyses) == 1 + num_encodes > 2


def test_saved_maps_are_those_of_the_encode(tmp_path, short_clip, encodes):
    config = config_of(save_maps=tmp_path / "maps.svmap")
    result, events = run(short_clip, tmp_path / "out.mkv", config)
    assert len(encodes) == 1 + sum(not one.trial.is_whole for one in events if isinstance(one, Tried))
    again = semvid.compress(
        short_clip, tmp_path / "again.mkv",
        replace(config, rate=semvid.Crf(result.quality), probe="none", save_maps=tmp_path / "again.svmap"),
    )  # fmt: skip
    assert streams(result.output) == streams(again.output)
    assert (tmp_path / "maps.svmap").read_bytes() == (tmp_path / "again.svmap").read_bytes()
    from_maps = semvid.compress(
        short_clip, tmp_path / "from.mkv",
        replace(config, rate=semvid.Crf(result.quality), probe="none", save_maps=None,
                maps=semvid.MapsConfig(path=tmp_path / "maps.svmap")),
    )  # fmt: skip
    assert streams(result.output) == streams(from_maps.output)


@pytest.mark.parametrize(("codec", "deinterlace"), [("x264", "auto"), ("x264", "bwdif"), ("vp8", "auto")])
def test_what_there_is_to_tell_is_told_once(codec, deinterlace, tmp_path):
    clip = make_clip(
        tmp_path / "in.mkv", width=REPEATABLE_WIDTH, height=96, num_frames=20, rotation=90,
        options={"crf": "12", "preset": "ultrafast", "flags": "+ildct+ilme", "x264-params": "tff=1"},
    )  # fmt: skip
    config = replace(
        config_of(codec), deinterlace=deinterlace, peak=semvid.Peak(200_000) if codec == "x264" else None,
        maps=semvid.MapsConfig(model="spectral", device="cuda"),
    )  # fmt: skip
    result, events = run(clip, tmp_path / "out.mkv", config, preview_size=(64, 40))
    plainly, usual = run(
        clip, tmp_path / "again.mkv", replace(config, rate=semvid.Crf(result.quality), probe="none")
    )
    told = [one.message for one in events if isinstance(one, Notice)]
    assert sorted(told) == sorted(one.message for one in usual if isinstance(one, Notice))
    assert len(told) == len(set(told)) >= 2
    assert streams(result.output) == streams(plainly.output)
    assert any(isinstance(one, Preview) for one in events)


def test_what_an_encoder_found_out_about_the_map_is_told(tmp_path, short_clip, monkeypatch):
    monkeypatch.setattr(MapWatch, "conclude", lambda self, share: "it did not follow")
    _, events = run(short_clip, tmp_path / "out.mp4", config_of())
    assert [one.message for one in events if isinstance(one, Notice)] == ["it did not follow"]


def test_a_video_that_changed_meanwhile_is_refused(tmp_path, short_clip):
    clip = tmp_path / "in.mp4"
    clip.write_bytes(short_clip.read_bytes())
    events = semvid.compress_events(clip, tmp_path / "out.mp4", config_of())
    with pytest.raises(InputError, match="other frames than when parts of it were tried; try again"):
        for event in events:
            if isinstance(event, Chosen):
                make_clip(clip, width=REPEATABLE_WIDTH, height=96, num_frames=30)
    assert list(tmp_path.glob("*out*")) == []


def test_a_score_of_a_trial_is_not_measured_again(tmp_path, short_clip, encodes, monkeypatch):
    def measured(self, path):
        raise AssertionError("measured again")

    monkeypatch.setattr(Ruler, "of_file", measured)
    config = config_of(rate=semvid.RegionPsnr(34), probe="none")
    result, events = run(short_clip, tmp_path / "out.mkv", config)
    tried = [one.trial for one in events if isinstance(one, Tried)]
    assert result.score == tried[-1].score == tried[-2].score
    assert result.rest_score == tried[-2].rest
    assert len(encodes) == len(tried) - 1


@pytest.mark.parametrize("is_own", [False, True])
def test_a_part_gets_what_its_maps_say(is_own, tmp_path, short_clip):
    span, own = semvid.Span(10 * 512, 30 * 512), Own()
    config = config_of() if is_own else config_of(save_maps=tmp_path / "maps.svmap")
    job = Job(short_clip, span, tmp_path / "out.mkv", config)
    result = compress_job(job, importance=own if is_own else None)
    assert result.num_frames == 20
    assert result.output_bytes == pytest.approx(result.plain_bytes, rel=0.03)
    if is_own:
        assert len(own.seen) == len(set(own.seen)) == 40


class Own:
    """Another map for every frame."""

    def __init__(self):
        self.seen = []

    def update(self, frame):
        self.seen.append(frame.pts)
        values = np.zeros((6, 24), np.float32)
        values[:, frame.index % 20 :] = 1
        return semvid.ImportanceMap(values)
