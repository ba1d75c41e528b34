"""Where it is measured that a map costs more than it saves, the video is encoded without, and that is told."""

from dataclasses import replace

import av
import numpy as np
import pytest
from clips import make_clip, texture, write_masks

import semvid
from semvid.cli.draw import result_line
from semvid.codecs.registry import find_codec
from semvid.core.errors import OutputError
from semvid.core.events import Done, Measured, Notice, Started
from semvid.engine.job import Job
from semvid.products.wished import estimate_events

PLAIN = semvid.AllocationConfig(strength=0)
REGION, SIZE = semvid.AllocationConfig(match="region"), semvid.AllocationConfig(match="size")
LEFT_OUT = "a map does not pay here"


@pytest.fixture
def flat_clip(tmp_path):
    """Everything but the right third is one grey: there is nothing to save, and a map takes bits."""
    path, scene = tmp_path / "flat.mkv", texture(400, 128)
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = 384, 128, "yuv420p"
        for index in range(8):
            picture = np.full((128, 384), 120, np.uint8)
            picture[:, 256:] = scene[:, 2 * index : 2 * index + 128]
            writer.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="gray")))
        writer.mux(stream.encode())
    return path


def config_for(folder, codec="av1", allocation=REGION, **more):
    mask = np.zeros((128, 384), np.uint8)
    mask[:, 256:] = 255
    maps = semvid.MapsConfig(path=write_masks(folder / "maps", [mask]) / "00000.png")
    return semvid.CompressConfig(
        codec=codec, preset={"av1": "10"}.get(codec), maps=maps, allocation=allocation, **more
    )


def run(source, output, config):
    events = []
    return semvid.compress(source, output, config, on_event=events.append), events


def notices(events):
    return [one.message for one in events if isinstance(one, Notice)]


def packets(path):
    with av.open(str(path)) as reader:
        return [bytes(one) for one in reader.demux(video=0) if one.size]


def test_a_map_that_costs_more_than_it_saves_is_left_out(tmp_path, flat_clip):
    saved = tmp_path / "out.svmap"
    config = config_for(tmp_path, save_maps=saved)
    result, events = run(flat_clip, tmp_path / "out.mkv", config)
    plain, _ = run(flat_clip, tmp_path / "plain.mkv", replace(config, allocation=PLAIN, save_maps=None))
    (notice,) = notices(events)
    assert notice.startswith(f"{LEFT_OUT}: with one the video has ")
    assert f"without one {plain.video_bytes}," in notice
    assert packets(result.output) == packets(plain.output)
    assert (result.map_left_out, result.saving, result.plain_bytes) == (True, 0.0, plain.output_bytes)
    assert not plain.map_left_out
    assert "; without a map, which would have saved nothing, 8 frames" in result_line(result)
    assert [sum(isinstance(one, kind) for one in events) for kind in (Started, Measured, Done)] == [1, 1, 1]
    # Maps were asked for all the same.
    again, _ = run(flat_clip, tmp_path / "again.mkv", config_for(tmp_path, probe="none"))
    from_saved, _ = run(
        flat_clip, tmp_path / "saved.mkv",
        replace(config, maps=semvid.MapsConfig(path=saved), save_maps=None, probe="none"),
    )  # fmt: skip
    assert from_saved.video_bytes == again.video_bytes


def test_without_a_probe_the_map_stays(tmp_path, flat_clip):
    config = config_for(tmp_path, probe="none")
    result, events = run(flat_clip, tmp_path / "out.mkv", config)
    plain, _ = run(flat_clip, tmp_path / "plain.mkv", replace(config, allocation=PLAIN, probe=None))
    assert notices(events) == []
    assert not result.map_left_out
    assert result.video_bytes > plain.video_bytes


def test_a_map_that_saves_stays(tmp_path):
    clip = make_clip(tmp_path / "in.mp4", width=384, height=128, num_frames=8)
    result, events = run(clip, tmp_path / "out.mkv", config_for(tmp_path))
    assert notices(events) == []
    assert not result.map_left_out
    assert result.saving > 0


@pytest.mark.parametrize(("codec", "is_left_out"), [("vp8", True), ("x264", False)])
def test_the_encoder_says_whether_it_is_done(codec, is_left_out, tmp_path, flat_clip, monkeypatch):
    def measured(*arguments):
        found = Measured(1, 1, 8, 0.0)
        yield found
        return found

    monkeypatch.setattr("semvid.engine.probe.measure_plain", measured)
    assert find_codec(codec).leaves_out_losing_maps is is_left_out
    # VP8 takes whole numbers where there is no map.
    config = config_for(tmp_path, codec, rate=semvid.Crf(33.5))
    result, _ = run(flat_clip, tmp_path / "out.mkv", config)
    assert result.map_left_out is is_left_out
    assert result.quality == (34 if is_left_out else 33.5)


@pytest.mark.parametrize("gain", [-0.5, 0.5])
def test_at_equal_size_the_better_one_where_it_matters_is_written(gain, tmp_path, monkeypatch):
    monkeypatch.setattr("semvid.engine.region_gain.region_gain", lambda *arguments: gain)
    monkeypatch.setattr("semvid.engine.plain_size._AS_LARGE", 1)
    clip = make_clip(tmp_path / "in.mp4", width=384, height=128, num_frames=8)
    config = config_for(tmp_path, allocation=SIZE, save_maps=tmp_path / "out.svmap")
    result, events = run(clip, tmp_path / "out.mkv", config)
    plain, _ = run(clip, tmp_path / "plain.mkv", replace(config, allocation=PLAIN, save_maps=None))
    assert result.map_left_out is (gain < 0)
    assert any(one.startswith(LEFT_OUT) for one in notices(events)) is (gain < 0)
    assert (packets(result.output) == packets(plain.output)) is (gain < 0)
    assert result.gain_db == max(gain, 0)
    assert (tmp_path / "out.svmap").exists()
    assert [sum(isinstance(one, kind) for one in events) for kind in (Started, Done)] == [1, 1]


def test_a_dry_run_says_so(tmp_path, flat_clip):
    events = list(estimate_events(Job(flat_clip, None, tmp_path / "out.mkv", config_for(tmp_path))))
    assert [one.partition(":")[0] for one in notices(events)] == [LEFT_OUT]
    assert not events[-1].trial.has_map
    assert events[-1].trial.missed_by == 0


def test_if_the_encode_without_a_map_fails_nothing_is_left(tmp_path, flat_clip, monkeypatch):
    def broken(*arguments, **options):
        raise OutputError("the disk is full")
        yield

    monkeypatch.setattr("semvid.products.left_out.encode_events", broken)
    config = config_for(tmp_path, save_maps=tmp_path / "out.svmap")
    with pytest.raises(OutputError, match="the disk is full"):
        run(flat_clip, tmp_path / "out.mkv", config)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["flat.mkv", "maps"]
