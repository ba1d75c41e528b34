"""Every field of every config is checked on creation, and documented where ``help()`` shows it."""

import dataclasses
import pydoc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import semvid
from semvid.core.errors import ConfigError

CONFIGS = [getattr(semvid, name) for name in semvid.__all__ if name.endswith("Config")]
FIELDS = [(config, field.name) for config in CONFIGS for field in dataclasses.fields(config)]


class Stranger:
    """Nothing any field takes."""

    def __repr__(self):
        return "a stranger"


@pytest.mark.parametrize(("config", "name"), FIELDS, ids=lambda one: getattr(one, "__name__", one))
@pytest.mark.parametrize("value", [Stranger(), b"raw", 1j], ids=["object", "bytes", "complex"])
def test_every_field_refuses_what_is_of_no_use_to_it(config, name, value):
    with pytest.raises(ConfigError) as raised:
        config(**{name: value})
    message = str(raised.value)
    assert "\n" not in message
    assert f"{config.__name__}.{name} is " in message or f"`{name}=" in message
    assert repr(value) in message


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: semvid.Crf("30"), r"Crf.value is '30' \(str\).*give a number"),
        (lambda: semvid.Crf(True), r"Crf.value is True \(bool\)"),
        (lambda: semvid.Crf([30]), r"Crf.value is \[30\] \(list\)"),
        (lambda: semvid.MapsConfig(threads=2.0), r"threads is 2.0 \(float\).*a whole number from 0 to 256"),
        (lambda: semvid.MapsConfig(threads=False), r"threads is False \(bool\)"),
        (lambda: semvid.Bitrate("1M"), r"Bitrate.bits_per_second is '1M' \(str\)"),
        (lambda: semvid.Bitrate(10**5000), "`Bitrate\\(of more than 30 digits\\)` is out of range"),
        (lambda: semvid.AllocationConfig(strength=10**400), "`strength=inf` is out of range"),
        (lambda: semvid.AllocationConfig(strength=float("nan")), "`strength=nan` is out of range"),
        (lambda: semvid.CompressConfig(preset=5), r"preset is 5 \(int\).*give text or None"),
        (lambda: semvid.CompressConfig(overwrite=1), r"overwrite is 1 \(int\).*give True or False"),
        (lambda: semvid.MapsConfig(path=3), r"MapsConfig.path is 3 \(int\).*give a path or None"),
        (lambda: semvid.CompressConfig(encoder_options={"bf": 3}), r"encoder_options\['bf'\] is 3 \(int\)"),
        (lambda: semvid.CompressConfig(encoder_options={3: "bf"}), r"a key of CompressConfig.encoder_options is 3"),
        (lambda: semvid.CompressConfig(encoder_options=["bf=3"]), "encoder_options is .*a mapping from text to text"),
        (lambda: semvid.CompressConfig(drop="audio"), r"drop is 'audio' \(str\).*give a set of 'video'"),
        (lambda: semvid.CompressConfig(drop={"music"}), "`drop=music` is unknown; choose one of video, audio"),
        (lambda: semvid.MapsConfig(device=0), r"`device=0 \(int\)` is unknown; choose one of auto"),
        (lambda: semvid.CompressConfig(temporal=None), "temporal is None .*give a TemporalConfig"),
        (lambda: semvid.CompressConfig(allocation={"strength": 1}), "allocation is .*give an AllocationConfig"),
        (lambda: semvid.FocusConfig({"face": "2"}), r"FocusConfig.weights\['face'\] is '2'"),
        (lambda: semvid.FocusConfig({"face": 20}), "`weights=face=20` is out of range; it must be 0 to 10"),
        (lambda: semvid.CompareConfig(metrics="psnr"), r"metrics is 'psnr' \(str\)"),
        (lambda: semvid.LiveConfig(size=(640,)), r"size is \(640,\) \(tuple\).*a tuple of 2"),
        (lambda: semvid.LiveConfig(size="640x360"), r"size is '640x360' \(str\)"),
        (lambda: semvid.LiveConfig(size=(640, 8)), "`size=8` is out of range"),
        (lambda: semvid.LiveConfig(size=(640, 361)), "`size=640x361` has an odd side"),
        (lambda: semvid.LiveConfig(latency_ms=1), "`latency_ms=1` is out of range; it must be 20 to 5000"),
        (lambda: semvid.LiveConfig(sound_bitrate=5), "`sound_bitrate=5` .* 16000 to 512000, or 0"),
        (lambda: semvid.LiveConfig(reconnect_seconds=0), "`reconnect_seconds=0` is out of range"),
        (lambda: semvid.CompressConfig(rate=30), "rate is 30 .*no Crf or Quality .*give a Crf or a Quality or"),
        (lambda: semvid.LiveConfig(rate=semvid.Crf(30)), "LiveConfig.rate is Crf.*give a Bitrate"),
        (lambda: semvid.LiveConfig(rate=semvid.Bitrate(49_999)), "`Bitrate\\(49999\\)` .* 50000 to 200000000"),
        (lambda: semvid.CompressConfig(crf=30), r"^`crf` is no longer an option of CompressConfig; give `rate=Crf"),
        (lambda: semvid.LiveConfig(model="x"), r"^`model` is no longer an option of LiveConfig; .* `maps=MapsConfig\(model="),
        (lambda: semvid.CompressConfig(maps="a.svmap"), "maps is 'a.svmap' .*give a MapsConfig"),
        (lambda: semvid.ImageConfig(match="same"), "`match=same` is unknown; the only choice is size"),
    ],
)  # fmt: skip
def test_the_message_names_field_value_and_remedy(make, words):
    with pytest.raises(ConfigError, match=words):
        make()


@pytest.mark.parametrize(
    "call",
    [
        lambda config: semvid.compress("in.mp4", "out.mp4", config),
        lambda config: semvid.compress_image("in.png", "out.jpg", config),
        lambda config: semvid.export_maps("in.mp4", "out.svmap", config),
        lambda config: semvid.export_overlay("in.mp4", "out.mp4", config),
        lambda config: semvid.compare("in.mp4", "out.mp4", config),
        lambda config: next(semvid.live("in.mp4", config=config)),
        semvid.LiveStream,
    ],
)
@pytest.mark.parametrize("config", [{"crf": 30}, "fast", semvid.FocusConfig()])
def test_settings_of_another_kind_are_named(call, config):
    with pytest.raises(ConfigError, match=r"config is .*; give an? \w+Config or None"):
        call(config)


def test_what_is_meant_is_taken():
    config = semvid.CompressConfig(
        rate=semvid.Crf(np.int64(30)), maps=semvid.MapsConfig(threads=np.uint8(2), path="maps.svmap"),
        overwrite=np.bool_(True), drop=["audio"], preset=np.str_("fast"), allocation=semvid.AllocationConfig(strength=np.float32(0.5)),
    )  # fmt: skip
    assert (config.rate.value, type(config.rate.value), type(config.maps.threads)) == (30.0, float, int)
    assert (config.overwrite, semvid.CompressConfig(rate=None).rate) == (True, None)
    assert (config.maps.path, config.drop, type(config.preset)) == (Path("maps.svmap"), {"audio"}, str)
    assert config.allocation.strength == 0.5
    assert semvid.LiveConfig(size=[640, np.int32(360)], sound_bitrate=0).size == (640, 360)
    assert semvid.CompareConfig(metrics=["psnr"]).metrics == ("psnr",)


def test_what_the_caller_does_to_his_mapping_later_changes_nothing():
    options = {"bf": "3"}
    config = semvid.CompressConfig(encoder_options=options)
    options["qp"] = "20"
    assert config.encoder_options == {"bf": "3"}


@settings(max_examples=50)
@given(st.one_of(st.integers(), st.floats(), st.text(), st.none(), st.booleans(), st.just(Fraction(1, 3))))
def test_any_number_or_text_either_fits_or_is_refused_in_one_line(value):
    for config, name in FIELDS:
        try:
            config(**{name: value})
        except ConfigError as error:
            assert str(error)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda one: one.__name__)
def test_help_says_what_every_field_means(config):
    shown = pydoc.plain(pydoc.render_doc(config))
    for field in dataclasses.fields(config):
        (line,) = (
            one.strip(" |") for one in shown.splitlines() if one.strip(" |").startswith(f"{field.name}: ")
        )
        assert len(line.split()) > 3, f"{config.__name__}.{field.name} needs a docstring"
