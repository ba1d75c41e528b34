"""Scores as wishes: reached by measuring, with a floor for the rest, or refused with the closest that was found."""

from dataclasses import replace

import av
import numpy as np
import pytest
from clips import make_clip, texture, write_masks

import semvid
from semvid.cli.draw import result_line
from semvid.cli.options import one_rate
from semvid.cli.scores import score_rates
from semvid.core.errors import ConfigError, InputError, MissedError
from semvid.core.events import Chosen, Notice, Tried
from semvid.engine import samples, scored
from semvid.engine.probe import plain_config
from semvid.products.report.settings import command_line, settings_table

PRESETS = {"x264": "superfast", "x265": "veryfast", "vp8": "5", "vp9": "8"}
WINDOWS = {"VMAF": 0.41, "XPSNR": 0.16, "VMAF of what matters": 0.41, "PSNR of what matters": 0.16}


@pytest.fixture(scope="module")
def short_clip(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("short") / "in.mp4", width=192, height=96, num_frames=40)


def half_masked(folder):
    mask = np.zeros((96, 192), np.uint8)
    mask[:, 96:] = 255
    return semvid.MapsConfig(path=write_masks(folder / "maps", [mask]) / "00000.png")


def config_of(rate, folder, codec="x264"):
    return semvid.CompressConfig(
        codec=codec, preset=PRESETS[codec], maps=half_masked(folder), rate=rate, probe="none"
    )


def run(clip, output, config):
    events = []
    result = semvid.compress(clip, output, config, on_event=events.append)
    return result, [one.trial for one in events if isinstance(one, Tried)], events


@pytest.mark.parametrize(
    ("codec", "rate", "metric"),
    [
        ("x264", semvid.Vmaf(75), "vmaf"),
        ("x264", semvid.Xpsnr(31), "xpsnr"),
        ("x264", semvid.RegionPsnr(34), "salient"),
        ("x264", semvid.RegionVmaf(80), None),
        ("x265", semvid.RegionPsnr(33), "salient"),
        ("vp8", semvid.RegionPsnr(32), "salient"),
        ("vp9", semvid.Vmaf(80), "vmaf"),
    ],
    ids=str,
)
def test_a_score_is_reached_and_told(codec, rate, metric, short_clip, tmp_path):
    result, tried, events = run(short_clip, tmp_path / "out.mkv", config_of(rate, tmp_path, codec))
    assert result.score == pytest.approx(rate.value, abs=WINDOWS[result.measure])
    # So short a clip is tried whole, so what is told is the truth.
    if metric is not None:
        compared = semvid.compare(
            short_clip, result.output, semvid.CompareConfig(maps=half_masked(tmp_path))
        ).pooled[metric]
        assert result.score == pytest.approx(compared.mean, abs=0.02)
    assert 1 <= sum(not one.is_whole for one in tried) <= 6
    assert [one.is_whole for one in tried] == sorted(one.is_whole for one in tried)
    assert tried[-1].score == result.score
    assert tried[-1].missed_by == pytest.approx(result.score - rate.value)
    assert sum(isinstance(one, Chosen) for one in events) == 1


@pytest.mark.parametrize("model", ["spectral", "msroi-fast"])
def test_what_is_told_is_what_compare_measures_by_maps_of_its_own(model, tmp_path):
    clip = make_clip(tmp_path / "in.mkv", width=192, height=96, num_frames=45, cut_at=20)
    config = semvid.CompressConfig(
        preset="superfast", maps=semvid.MapsConfig(model=model), rate=semvid.RegionPsnr(35), probe="none"
    )
    result, _, _ = run(clip, tmp_path / "out.mkv", config)
    asked = semvid.CompareConfig(metrics=("weighted",), maps=config.maps)
    compared = semvid.compare(clip, result.output, asked).pooled
    assert result.num_scored == result.num_frames
    assert result.score == pytest.approx(compared["salient"].mean, abs=1e-4)
    assert result.rest_score == pytest.approx(compared["background"].mean, abs=1e-4)


def test_what_is_told_is_by_the_maps_that_are_saved(tmp_path):
    clip = make_clip(tmp_path / "in.mkv", width=192, height=96, num_frames=45, cut_at=20)
    config = semvid.CompressConfig(
        preset="superfast", maps=semvid.MapsConfig(model="spectral"), rate=semvid.RegionPsnr(35), probe="none",
        save_maps=tmp_path / "saved.svmap",
    )  # fmt: skip
    result, _, _ = run(clip, tmp_path / "out.mkv", config)
    saved = semvid.CompareConfig(metrics=("weighted",), maps=semvid.MapsConfig(path=config.save_maps))
    compared = semvid.compare(clip, result.output, saved).pooled["salient"]
    assert result.score == pytest.approx(compared.mean, abs=1e-4)


def test_videos_that_are_tried_in_parts_are_measured_whole(tmp_path, monkeypatch):
    # Longer ones are tried in parts.
    monkeypatch.setattr(samples, "_TRIED_WHOLE", 200)
    monkeypatch.setattr(samples, "_FEWEST_IN_TRIAL", 150)
    clip = make_clip(tmp_path / "in.mkv", width=96, height=64, num_frames=260, cut_at=170)
    maps = half_masked(tmp_path)
    config = replace(config_of(semvid.RegionPsnr(34), tmp_path), maps=maps)
    result, tried, _ = run(clip, tmp_path / "out.mkv", config)
    compared = semvid.compare(clip, result.output, semvid.CompareConfig(maps=maps, metrics=("weighted",)))
    assert [one.is_whole for one in tried] == sorted(one.is_whole for one in tried)
    assert result.num_scored == 260
    assert result.score == pytest.approx(compared.pooled["salient"].mean, abs=1e-4)


def test_of_longer_ones_many_parts_are_measured_and_the_result_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(scored, "_MOST_SCRATCH", 0)
    monkeypatch.setattr(scored, "_FEWEST_CHECKED", 100)
    monkeypatch.setattr(samples, "_TRIED_WHOLE", 200)
    monkeypatch.setattr(samples, "_FEWEST_IN_TRIAL", 150)
    clip = make_clip(tmp_path / "in.mkv", width=96, height=64, num_frames=260, cut_at=110)
    maps = semvid.MapsConfig(model="spectral")
    result, _, _ = run(
        clip, tmp_path / "out.mkv", replace(config_of(semvid.RegionPsnr(34), tmp_path), maps=maps)
    )
    compared = semvid.compare(clip, result.output, semvid.CompareConfig(maps=maps, metrics=("weighted",)))
    assert 75 <= result.num_scored <= 100
    assert result.score == pytest.approx(compared.pooled["salient"].mean, abs=0.5)
    assert f"PSNR of what matters {result.score:.2f} (rest " in result_line(result)
    assert f") in {result.num_scored} of 260, 260 frames in " in result_line(result)


def test_a_longer_video_is_tried_in_parts_and_checked(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", width=192, height=96, num_frames=200, cut_at=110)
    result, tried, events = run(clip, tmp_path / "out.mp4", config_of(semvid.RegionPsnr(34), tmp_path))
    assert result.score == pytest.approx(34, abs=0.16)
    compared = semvid.compare(clip, result.output, semvid.CompareConfig(maps=half_masked(tmp_path)))
    assert compared.pooled["salient"].mean == pytest.approx(34, abs=0.5)
    for one in events:
        if isinstance(one, Notice):
            assert one.message.endswith("what was asked for; it is encoded again")
    assert sum(one.is_whole for one in tried) == 1 + sum(isinstance(one, Notice) for one in events)


def test_a_plain_encode_has_a_vmaf_too_in_whole_steps_of_vp9(short_clip, tmp_path):
    config = replace(
        config_of(semvid.Vmaf(85), tmp_path, "vp9"), allocation=semvid.AllocationConfig(strength=0),
        maps=semvid.MapsConfig(model="spectral"), probe=None,
    )  # fmt: skip
    result, _, _ = run(short_clip, tmp_path / "out.mkv", config)
    assert result.quality == round(result.quality)
    assert result.score == pytest.approx(85, abs=1)
    assert result.rest_score is None


def test_the_rest_gets_its_floor(short_clip, tmp_path):
    without, _, _ = run(short_clip, tmp_path / "a.mkv", config_of(semvid.RegionPsnr(36), tmp_path))
    floor = round(without.rest_score + 1.2, 1)
    assert floor < 36
    result, tried, _ = run(short_clip, tmp_path / "b.mkv", config_of(semvid.RegionPsnr(36, floor), tmp_path))
    assert result.rest_score >= floor - 0.16
    assert result.rest_score <= floor + 1.2
    assert result.score == pytest.approx(36, abs=0.51)
    assert sum(not one.is_whole for one in tried) <= 6
    assert without.output_bytes < result.output_bytes


def test_as_good_as_another_encode(short_clip, tmp_path):
    plain = semvid.CompressConfig(
        rate=semvid.Crf(30), preset="superfast", allocation=semvid.AllocationConfig(strength=0)
    )
    reference = semvid.compress(short_clip, tmp_path / "plain.mp4", plain)
    result, _, _ = run(
        short_clip, tmp_path / "out.mkv", config_of(semvid.AsGoodAs(reference.output), tmp_path)
    )
    asked = semvid.CompareConfig(metrics=("weighted",), maps=half_masked(tmp_path))
    before, after = (
        semvid.compare(short_clip, one.output, asked).pooled["salient"].mean for one in (reference, result)
    )
    assert after == pytest.approx(before, abs=0.16)
    assert result.score == pytest.approx(after, abs=0.02)
    assert result.output_bytes < 0.9 * reference.output_bytes
    other = make_clip(tmp_path / "other.mp4", width=192, height=96, num_frames=39)
    with pytest.raises(InputError, match="has 39 frames and .*in.mp4 40; give an encode of the same video"):
        run(short_clip, tmp_path / "none.mkv", config_of(semvid.AsGoodAs(other), tmp_path))
    assert not (tmp_path / "none.mkv").exists()


def test_what_cannot_be_reached_ends_with_the_closest_and_leaves_nothing(short_clip, tmp_path):
    output = tmp_path / "out.mkv"
    with pytest.raises(
        MissedError,
        match=r"^`RegionPsnr\(60\)` is out of reach: the closest .* [45]\d\.\d\d at CRF .*ask for less$",
    ) as found:
        run(short_clip, output, config_of(semvid.RegionPsnr(60), tmp_path))
    assert found.value.best.score < 60
    with pytest.raises(MissedError, match=r"^`RegionPsnr\(12\)` is out of reach: .*; ask for more$"):
        run(short_clip, output, config_of(semvid.RegionPsnr(12), tmp_path))
    assert not output.exists()


def test_a_floor_out_of_reach_says_what_the_rest_can_have(tmp_path):
    """What matters is still, and the rest moves, so it cannot be as good at any offset."""
    clip = tmp_path / "in.mkv"
    with av.open(str(clip), "w") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 192, 96, "yuv420p"
        for index in range(30):
            samples = np.full((144, 192), 128, np.uint8)
            samples[:96] = texture(192, 96)
            samples[:96, :96] = texture(96, 96, index + 1)
            picture = av.VideoFrame.from_ndarray(samples, "yuv420p")
            picture.pts = index
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    output = tmp_path / "out.mkv"
    with pytest.raises(
        MissedError,
        match=r"^`floor=38` is out of reach: coded like what matters, the rest has \d+\.\d\d; give a lower",
    ) as found:
        run(clip, output, config_of(semvid.RegionPsnr(38, 38), tmp_path))
    assert found.value.best.rest < 37
    assert not output.exists()


@pytest.mark.parametrize("by_vmaf", [False, True])
def test_nothing_matters(by_vmaf, short_clip, tmp_path):
    nothing = write_masks(tmp_path / "none", [np.zeros((96, 192), np.uint8)]) / "00000.png"
    config = replace(
        config_of(semvid.RegionVmaf(80) if by_vmaf else semvid.RegionPsnr(34), tmp_path),
        maps=semvid.MapsConfig(path=nothing),
    )
    with pytest.raises(MissedError, match="^nothing in the parts of the video that are tried matters"):
        run(short_clip, tmp_path / "out.mkv", config)


def test_wishes_that_do_not_fit_are_refused(short_clip, tmp_path):
    plain = semvid.AllocationConfig(strength=0)
    with pytest.raises(
        ConfigError, match="`RegionPsnr` needs a map, and `strength=0` has none; leave one out"
    ):
        semvid.CompressConfig(rate=semvid.RegionPsnr(40), allocation=plain)
    with pytest.raises(ConfigError, match="`floor` needs a map, and `strength=0` has none"):
        semvid.CompressConfig(rate=semvid.Vmaf(90, floor=80), allocation=plain)
    with pytest.raises(ConfigError, match="`floor=41` asks for a rest that is better .*give at most 40"):
        semvid.CompressConfig(rate=semvid.RegionPsnr(40, 41))
    with pytest.raises(ConfigError, match="`Vmaf` is not for `codec=mjpeg`; give `Quality`"):
        semvid.compress(
            short_clip, tmp_path / "out.mkv", semvid.CompressConfig(codec="mjpeg", rate=semvid.Vmaf(90))
        )
    with pytest.raises(ConfigError, match="LiveConfig.rate is Vmaf"):
        semvid.LiveConfig(rate=semvid.Vmaf(90))
    tiny = make_clip(tmp_path / "tiny.mp4", width=64, height=24, num_frames=4)
    with pytest.raises(ConfigError, match="`Vmaf` needs at least 32 pixels a side.* 64x24; give `Crf`"):
        run(tiny, tmp_path / "out.mkv", config_of(semvid.Vmaf(80), tmp_path))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"vmaf": 90, "region_psnr": 40}, "exclude each other; give only one"),
        ({"floor": 30}, "--floor needs a target; give --target-vmaf, .* or --as-good-as"),
        ({"vmaf": 101}, r"`Vmaf\(101\)` is out of range; it must be 10 to 100"),
        ({"xpsnr": 30, "floor": 99}, "`floor=99` is out of range; it must be 10 to 60"),
    ],
)
def test_the_command_line_takes_one_wish(given, words):
    names = ("vmaf", "xpsnr", "region_vmaf", "region_psnr", "as_good_as", "floor")
    with pytest.raises(ConfigError, match=words):
        one_rate(*score_rates(*(given.get(one) for one in names)))
    assert one_rate(*score_rates(None, None, 90, None, None, 80)) == semvid.RegionVmaf(90, 80)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (semvid.Size(60_000), "--target-size 60000"),
        (semvid.Vmaf(93), "--target-vmaf 93"),
        (semvid.Xpsnr(40, 38), "--target-xpsnr 40 --floor 38"),
        (semvid.RegionVmaf(90), "--region-vmaf 90"),
        (semvid.RegionPsnr(41.5, 40), "--region-psnr 41.5 --floor 40"),
        (semvid.AsGoodAs("films/other.mp4"), "--as-good-as films/other.mp4"),
    ],
)
def test_a_report_has_the_command_and_what_was_asked_for(rate, words, short_clip, tmp_path):
    result = semvid.Result(
        short_clip, tmp_path / "out.mp4", "x264", 30.0, 40, 1.6, 1, 1, 1, None, 1.0, is_input_damaged=False
    )
    config = semvid.CompressConfig(rate=rate)
    assert f"--codec x264 {words} --preset" in command_line(result, config)
    assert words.split()[1] in dict(settings_table(config)).values()
    # The plain encode beside it has no such wish.
    assert plain_config(config).allocation.strength == 0


@pytest.mark.parametrize("rate", [semvid.RegionPsnr(34), semvid.Size(20_000)], ids=str)
def test_a_report_of_a_wish_is_made(rate, short_clip, tmp_path):
    config = config_of(rate, tmp_path)
    result, _, _ = run(short_clip, tmp_path / "out.mkv", config)
    report = semvid.make_report(result, config)
    assert report.plain.video_bytes == pytest.approx(report.mapped.video_bytes, rel=0.02)
    if result.score is not None:
        assert report.mapped.pooled["salient"].mean == pytest.approx(result.score, abs=0.05)
