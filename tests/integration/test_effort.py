"""Where the encoder is so fast that maps would take longer, they are made with less effort, and that is told."""

from pathlib import Path

import pytest

import semvid
from semvid.core.errors import ConfigError
from semvid.core.events import Notice, Started
from semvid.models.runtime import OnnxRuntime
from semvid.products.ways import takes_little_effort

X264 = {"codec": "x264", "preset": "superfast"}
REMARK = (
    "maps are made with less effort, since x264 is fast with `preset=superfast`; `effort=full` takes longer"
)


@pytest.fixture
def pictures(monkeypatch):
    """Sizes of the pictures that a network sees."""
    sizes, run = [], OnnxRuntime.run
    monkeypatch.setattr(
        OnnxRuntime, "run", lambda self, given: sizes.append(given.shape[1:3]) or run(self, given)
    )
    return sizes


def compressed(clip, folder, effort="auto", **options):
    config = semvid.CompressConfig(
        **X264, temporal=semvid.TemporalConfig(effort=effort), probe="none", overwrite=True, **options
    )
    return list(semvid.compress_events(clip, folder / "out.mkv", config))


def test_the_network_looks_less_often_and_at_fewer_pixels(clip, tmp_path, pictures):
    full = compressed(clip, tmp_path, "full")
    shown_in_full = pictures.copy()
    pictures.clear()
    light = compressed(clip, tmp_path)
    assert isinstance(light[0], Started)
    assert Notice(REMARK) in light
    assert Notice(REMARK) not in full
    assert len(pictures) < len(shown_in_full)
    assert pictures[0][0] * pictures[0][1] <= shown_in_full[0][0] * shown_in_full[0][1]
    assert light[-1].result.num_frames == full[-1].result.num_frames == 24


def test_encoders_without_presets_are_told_of_by_name(clip, tmp_path, monkeypatch):
    monkeypatch.setattr("semvid.codecs.ffmpeg.spec.EncoderSpec.is_fast", lambda self, preset: True)
    config = semvid.CompressConfig(probe="none")
    events = semvid.compress_events(clip, tmp_path / "out.mkv", config)
    remark = "maps are made with less effort, since x264 is fast; `effort=full` takes longer"
    assert Notice(remark) in list(events)


def test_whoever_asks_for_it_is_not_told(clip, tmp_path):
    assert Notice(REMARK) not in compressed(clip, tmp_path, "light")


def test_what_a_search_tries_is_told_once(clip, tmp_path):
    config = semvid.CompressConfig(**X264, allocation=semvid.AllocationConfig(match="size"))
    events = list(semvid.compress_events(clip, tmp_path / "out.mkv", config))
    assert events.count(Notice(REMARK)) == 1


@pytest.mark.parametrize(
    ("options", "is_light"),
    [
        ({**X264}, True),
        ({"codec": "x264"}, False),
        ({"codec": "av1", "preset": "12"}, True),
        ({"codec": "av1"}, False),
        ({"codec": "h264_nvenc"}, True),
        ({"codec": "mjpeg"}, False),
        ({**X264, "rate": semvid.RegionPsnr(35)}, False),
        ({**X264, "temporal": semvid.TemporalConfig(effort="full")}, False),
        ({**X264, "temporal": semvid.TemporalConfig(map_every=10)}, False),
        ({**X264, "maps": semvid.MapsConfig(model="spectral")}, False),
        ({**X264, "maps": semvid.MapsConfig(boxes=Path("boxes.jsonl"))}, False),
        ({**X264, "allocation": semvid.AllocationConfig(strength=0)}, False),
    ],
)
def test_it_depends_on_the_encoder_and_on_who_makes_the_maps(options, is_light):
    assert takes_little_effort(semvid.CompressConfig(**options)) == is_light


def test_maps_from_a_file_take_none():
    with pytest.raises(ConfigError, match="`effort=light` has no effect with `maps`"):
        semvid.CompressConfig(
            temporal=semvid.TemporalConfig(effort="light"), maps=semvid.MapsConfig(boxes=Path("boxes.jsonl"))
        )


def test_live_streams_take_what_time_there_is():
    with pytest.raises(ConfigError, match="`effort=light` is not for live streams"):
        semvid.LiveConfig(temporal=semvid.TemporalConfig(effort="light"))
