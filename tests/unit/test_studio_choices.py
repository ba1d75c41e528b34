"""What is chosen on the page becomes options of a run."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from semvid.codecs.registry import CODECS
from semvid.core.checked import Field
from semvid.core.config import CLASSES, AllocationConfig, CompressConfig, FocusConfig, MapsConfig
from semvid.core.errors import ConfigError
from semvid.core.frozen import FrozenMapping
from semvid.core.rate import Bitrate, Crf, Quality, Size, Vmaf
from semvid.studio.choices import codecs_to_choose, map_words, profiles_to_choose, read_choices
from semvid.studio.profiles import Profiles
from semvid.studio.wishes import Wishes


def read(**choices):
    x265 = CompressConfig(codec="x265", rate=Crf(24), preset="slow")
    return read_choices(Field(choices), lambda name: x265 if name else CompressConfig())


def test_nothing_chosen_is_what_is_usual():
    assert read() == CompressConfig()


@pytest.mark.parametrize(
    ("codec", "kind", "value", "rate"),
    [
        ("x264", "quality", 23.5, Crf(23.5)),
        ("mjpeg", "quality", 70, Quality(70)),
        ("x264", "size", 1.5, Size(1_500_000)),
        ("vp9", "bitrate", 800, Bitrate(800_000)),
        ("x265", "vmaf", 91, Vmaf(91)),
    ],
)
def test_wishes(codec, kind, value, rate):
    assert read(codec=codec, wish={"kind": kind, "value": value}).rate == rate


def test_what_matters():
    config = read(focus={"face": 2, "text": 0}, strength=0.5, background=0.1, model="spectral")
    assert dict(config.maps.focus.weights) == {"face": 2, "text": 0}
    assert config.maps.model == "spectral"
    assert (config.allocation.strength, config.allocation.background_weight) == (0.5, 0.1)


def test_weights_that_hold_anyway_change_nothing():
    assert read(focus=dict.fromkeys(CLASSES, 1.0)) == CompressConfig()
    assert dict(read(focus={"person": 2, "face": 2, "text": 1}).maps.focus.weights) == {"person": 2}
    assert dict(read(focus={"person": 2, "face": 1}).maps.focus.weights) == {"person": 2, "face": 1}


def test_what_a_profile_says_of_the_focus_beside_weights_stays():
    own = CompressConfig(maps=MapsConfig(focus=FocusConfig(threshold=0.5)))
    config = read_choices(Field({"focus": {"face": 2}}), lambda name: own)
    assert config.maps.focus == FocusConfig(FrozenMapping({"face": 2}), threshold=0.5)


def test_profiles_give_way_to_what_is_chosen():
    assert read(profile="phone") == CompressConfig(codec="x265", rate=Crf(24), preset="slow")
    assert read(profile="phone", wish={"kind": "size", "value": 3}).preset == "slow"
    # A CRF and a preset are those of a codec.
    assert read(profile="phone", codec="x264") == CompressConfig()


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"codec": "x265", "wish": {"kind": "quality", "value": 99}}, "wish.value is 99, not a number from"),
        ({"wish": {"kind": "beauty", "value": 1}}, "wish.kind is 'beauty', not one of quality, size"),
        ({"wish": {"kind": "size"}}, "wish.value is missing"),
        ({"codec": "h266"}, "unknown"),
        ({"strength": 9}, "strength"),
        ({"focus": {"dragons": 1}}, "dragons"),
        ({"output": "/etc/passwd"}, "'output' is unknown"),
        ({"model": 3}, "model is 3"),
        ({"model": "evil.onnx"}, "the model 'evil.onnx' is unknown"),
    ],
)
def test_what_is_wrong_is_told(choices, words):
    with pytest.raises(ConfigError, match=words):
        read(**choices)


def test_profiles_there_are_none_of():
    with pytest.raises(ConfigError, match="no profiles"):
        Profiles().read("phone", Path())
    assert Profiles().read("", Path()) == CompressConfig()


def test_profiles_tell_their_settings():
    def read(name, folder):
        assert folder == Path("talks")
        if name == "broken":
            raise ConfigError("it is broken")
        return CompressConfig(allocation=AllocationConfig(strength=0.5)) if name else CompressConfig()

    usual, soft, broken = profiles_to_choose(Profiles(read, {"soft": "so", "broken": ""}), Path("talks"))
    assert (usual["name"], usual["is_changed"], usual["settings"]) == ("", False, Wishes().plain())
    assert (soft["about"], soft["is_changed"], soft["settings"]["strength"]) == ("so", True, 0.5)
    assert broken == {"name": "broken", "about": "", "error": "it is broken"}


def test_a_network_of_the_user_s_own_stays():
    own = CompressConfig(maps=MapsConfig(model="own.onnx"))
    chosen = {"model": "own.onnx", "strength": 0.5}
    assert read_choices(Field(chosen), lambda name: own).maps == own.maps
    assert Wishes.of(own).changed(Field(chosen)).maps.chosen_model == "own.onnx"


def test_codecs_to_choose():
    found = {one["name"]: one for one in codecs_to_choose()}
    assert list(found) == list(CODECS)
    assert found["x264"]["preset"] in found["x264"]["presets"]
    assert found["mjpeg"]["wishes"] == ["quality", "bitrate"]
    assert all(not one["map"] for one in found.values())


@pytest.mark.parametrize(("softening", "words"), [(0.4, "is softened"), (0, "a plain encode")])
def test_codecs_that_take_no_map_say_so(monkeypatch, softening, words):
    codec = SimpleNamespace(name="h264_qsv", steers=lambda config: False, softening=lambda given: softening)
    monkeypatch.setattr("semvid.studio.choices.find_codec", lambda name: codec)
    assert map_words(CompressConfig()).startswith("h264_qsv takes no map")
    assert words in map_words(CompressConfig())


def test_without_strength_the_map_does_nothing():
    assert "plain encode" in map_words(CompressConfig(allocation=AllocationConfig(strength=0)))
