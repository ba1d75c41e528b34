"""``match="region"``: as good as a plain encode where it matters, smaller, and told how much by measuring."""

import json
from dataclasses import replace

import numpy as np
import pytest
from clips import REPEATABLE_WIDTH, decode_luma, make_clip, psnr, write_masks
from encoders import ENCODERS

import semvid
from semvid.cli.draw import JsonPrinter, result_line
from semvid.core.errors import ConfigError, InputError
from semvid.core.events import Done, Measured, Notice, Progress, Stage
from semvid.engine import samples

REGION, PLAIN = semvid.AllocationConfig(match="region"), semvid.AllocationConfig(strength=0)


def half_masked(folder, width=320):
    mask = np.zeros((192, width), np.uint8)
    mask[:, width // 2 :] = 255
    return semvid.MapsConfig(path=write_masks(folder / "maps", [mask]) / "00000.png")


@pytest.mark.parametrize("spec", ENCODERS.values(), ids=lambda spec: spec.name)
def test_what_matters_stays_and_the_file_is_smaller(spec, tmp_path, clip):
    events = []
    config = semvid.CompressConfig(
        codec=spec.name, maps=half_masked(tmp_path), allocation=REGION, probe="full"
    )
    mapped = semvid.compress(clip, tmp_path / "mapped.mkv", config, on_event=events.append)
    plain = semvid.compress(clip, tmp_path / "plain.mkv", replace(config, allocation=PLAIN, probe=None))
    assert [one for one in events if isinstance(one, Notice)] == []
    source, before, after = map(decode_luma, (clip, plain.output, mapped.output))
    left, right = np.s_[:, :, :160], np.s_[:, :, 160:]
    # Part of it moves in from the coarse half, and is predicted from there.
    assert psnr(source[right], after[right]) > psnr(source[right], before[right]) - 0.35
    assert psnr(source[left], after[left]) < psnr(source[left], before[left]) - 0.5
    assert mapped.video_bytes < 0.9 * plain.video_bytes
    # So short a clip is encoded again as a whole; libx264 at this width is not quite repeatable.
    assert mapped.plain_bytes == pytest.approx(plain.output_bytes, rel=0.01)
    assert mapped.saving == pytest.approx(1 - mapped.output_bytes / mapped.plain_bytes)
    assert mapped.saving_error == 0
    assert plain.saving is plain.saving_error is None
    assert plain.plain_bytes is None


@pytest.mark.parametrize(
    ("codec", "preset", "bound"), [("x264", "superfast", 0.03), ("x264", "medium", 0.03), ("vp9", None, 0.03)]
)
def test_what_is_told_of_a_longer_video_is_near_the_truth(codec, preset, bound, tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "_WHOLE", 0)
    clip = make_clip(tmp_path / "in.mp4", width=192, height=96, num_frames=200)
    config = semvid.CompressConfig(
        codec=codec, preset=preset, maps=half_masked(tmp_path, 192), allocation=REGION, probe="full"
    )
    events = []
    mapped = semvid.compress(clip, tmp_path / "mapped.mkv", config, on_event=events.append)
    plain = semvid.compress(clip, tmp_path / "plain.mkv", replace(config, allocation=PLAIN, probe=None))
    assert mapped.saving == pytest.approx(1 - mapped.output_bytes / plain.output_bytes, abs=bound)
    kinds = [type(one) for one in events]
    assert kinds.index(Stage) < kinds.index(Measured) < kinds.index(Done)
    measured = events[kinds.index(Measured)]
    assert 1 < measured.num_parts < 8
    assert measured.num_frames < 160
    assert mapped.saving_error == measured.saving_error == 1.5
    (last,) = [one for one in events[: kinds.index(Measured)] if isinstance(one, Progress)][-1:]
    assert last.num_frames == last.num_frames_from_header == measured.num_frames


@pytest.mark.parametrize(
    ("codec", "preset", "num_frames", "bound"),
    [
        ("x264", "medium", 200, 0.1), ("x264", "superfast", 200, 0.06), ("x264", "medium", 40, 0.06),
        ("x265", "fast", 200, 0.12),
    ],
)  # fmt: skip
def test_the_quick_way_is_near_the_truth_and_measures_nothing_afterwards(
    codec, preset, num_frames, bound, tmp_path
):
    clip = make_clip(tmp_path / "in.mp4", width=192, height=96, num_frames=num_frames)
    config = semvid.CompressConfig(
        codec=codec, preset=preset, maps=half_masked(tmp_path, 192), allocation=REGION
    )
    events = []
    mapped = semvid.compress(clip, tmp_path / "mapped.mkv", config, on_event=events.append)
    plain = semvid.compress(clip, tmp_path / "plain.mkv", replace(config, allocation=PLAIN))
    assert mapped.saving == pytest.approx(1 - mapped.output_bytes / plain.output_bytes, abs=bound)
    assert mapped.saving == pytest.approx(1 - mapped.output_bytes / mapped.plain_bytes_estimate)
    assert mapped.plain_bytes is None
    assert not any(isinstance(one, Stage) for one in events)
    (measured,) = [one for one in events if isinstance(one, Measured)]
    assert 1 < mapped.saving_error == measured.saving_error < 8
    assert measured.num_frames <= max(0.25 * num_frames, 16)
    without = semvid.compress(clip, tmp_path / "without.mkv", replace(config, probe="none"))
    assert without.saving_error > mapped.saving_error
    assert without.video_bytes == pytest.approx(mapped.video_bytes, rel=0.01)


def test_what_the_quick_way_cannot_do_is_measured_in_full_and_told(tmp_path, clip, monkeypatch):
    def broken(*arguments, **options):
        raise InputError("no more encoders")

    monkeypatch.setattr("semvid.engine.quick._Half.encode", broken)
    events = []
    config = semvid.CompressConfig(preset="superfast", maps=half_masked(tmp_path), allocation=REGION)
    result = semvid.compress(clip, tmp_path / "out.mp4", config, on_event=events.append)
    (notice,) = [one.message for one in events if isinstance(one, Notice)]
    assert notice == "what was saved is measured in full, since parts failed: no more encoders"
    assert result.plain_bytes is not None
    assert result.saving_error == 0


def test_two_runs_are_the_same(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", width=REPEATABLE_WIDTH, height=64, num_frames=130, cut_at=70)
    config = semvid.CompressConfig(
        preset="superfast", maps=semvid.MapsConfig(model="spectral"), allocation=REGION
    )
    one, other = (semvid.compress(clip, tmp_path / f"{name}.mp4", config) for name in "ab")
    assert one.output.read_bytes() == other.output.read_bytes()
    assert one.plain_bytes_estimate == other.plain_bytes_estimate


def test_a_run_that_ends_while_measuring_leaves_nothing(tmp_path, clip):
    config = semvid.CompressConfig(maps=half_masked(tmp_path), allocation=REGION, probe="full")
    events = semvid.compress_events(clip, tmp_path / "out.mp4", config)
    for event in events:
        if isinstance(event, Stage):
            break
    events.close()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["maps"]


def test_what_cannot_be_measured_is_estimated_and_told(tmp_path, clip, monkeypatch):
    def broken(*arguments, **options):
        raise InputError("the disk is gone")

    monkeypatch.setattr("semvid.engine.probe.try_part", broken)
    events = []
    config = semvid.CompressConfig(
        preset="superfast", maps=half_masked(tmp_path), allocation=REGION, probe="full"
    )
    result = semvid.compress(clip, tmp_path / "out.mp4", config, on_event=events.append)
    (notice,) = [one.message for one in events if isinstance(one, Notice)]
    assert (
        notice == "the size of a plain encode is estimated, since it could not be measured: the disk is gone"
    )
    assert result.plain_bytes is None
    assert result.saving == pytest.approx(1 - result.output_bytes / result.plain_bytes_estimate)


def test_without_a_probe_nothing_is_measured_and_the_line_says_so(tmp_path, clip, capsys):
    events = []
    config = semvid.CompressConfig(
        preset="superfast", maps=half_masked(tmp_path), allocation=REGION, probe="none"
    )
    result = semvid.compress(clip, tmp_path / "out.mp4", config, on_event=events.append)
    assert not any(isinstance(one, Stage | Measured) for one in events)
    told = replace(
        result, source_bytes=1_740_000, output_bytes=860_000, plain_bytes_estimate=1_240_000, saving=0.306,
        saving_error=6.0, elapsed_seconds=12.0,
    )  # fmt: skip
    line = (
        f"{result.output}: 1.74 MB -> 860 kB; a plain encode as good where it matters: "
        "about 1.24 MB (-31% ±6), 24 frames in 12.0 s (2 fps)"
    )
    assert result_line(told) == line
    assert result_line(replace(told, saving_error=2.6)) == line.replace("±6", "±3")
    measured = replace(told, plain_bytes=1_240_000, saving_error=0.0)
    assert result_line(measured) == line.replace("about ", "").replace(" ±6", "")
    assert "1.24 MB (-31% ±2)" in result_line(replace(measured, saving_error=1.5))
    assert " 860 kB; a plain encode as good where it matters: 861 kB (0%), 24" in result_line(
        replace(measured, plain_bytes=861_000, saving=0.001, saving_error=0.0)
    )
    as_large = replace(told, saving=None, plain_bytes_estimate=900_000)
    assert " 1.74 MB -> 860 kB (-51%), plain encode about 900 kB, 24" in result_line(as_large)
    assert " (-51%), plain encode 859 kB, 24" in result_line(replace(as_large, plain_bytes=859_000))
    JsonPrinter().print(Measured(1_200_000, 4, 60, 2.6))
    record = json.loads(capsys.readouterr().out)
    assert record == {
        "event": "measured", "plain_video_bytes": 1_200_000, "num_parts": 4, "num_frames": 60,
        "saving_error": 2.6,
    }  # fmt: skip


def test_motion_jpeg_takes_no_match(tmp_path, clip):
    config = semvid.CompressConfig(codec="mjpeg", allocation=REGION)
    with pytest.raises(ConfigError, match="`match` is not for `codec=mjpeg`: .*leave it out"):
        semvid.compress(clip, tmp_path / "out.mkv", config)


def test_a_part_of_a_video_is_measured_within_itself(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", width=192, height=96, num_frames=60)
    config = semvid.CompressConfig(
        preset="superfast", maps=semvid.MapsConfig(model="spectral"), allocation=REGION, overwrite=True,
        probe="full",
    )  # fmt: skip
    span = semvid.Span(20 * 512, 45 * 512)
    events = []
    result = semvid.compress_job(
        semvid.Job(clip, span, tmp_path / "part.mkv", config), on_event=events.append
    )
    (measured,) = [one for one in events if isinstance(one, Measured)]
    assert result.num_frames == measured.num_frames == 25
