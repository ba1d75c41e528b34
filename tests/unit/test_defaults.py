"""Files that hold defaults: which of them wins, and what they may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.cli.app import load
from semvid.cli.default_files import beside, read_layer
from semvid.cli.defaults import Default, merged, options_of
from semvid.core.errors import ConfigError

RATES = ("crf", "bitrate", "target-size", "target-vmaf")
KEYS = ("preset", "denoise", "audio", *RATES)


def layer(origin, **values):
    return {key.replace("_", "-"): Default(value, origin) for key, value in values.items()}


def values(found):
    return {key: one.value for key, one in found.items()}


@given(
    st.lists(st.dictionaries(st.sampled_from(KEYS), st.integers(), max_size=4), max_size=3),
    st.dictionaries(st.sampled_from(KEYS), st.integers(), max_size=3),
)
def test_the_last_that_says_something_wins(files, typed):
    files = [{key: one for key, one in each.items() if key not in RATES[1:]} for each in files]
    layers = [layer(str(place), **each) for place, each in enumerate(files)]
    found = merged(layers, typed, "x264")
    for key in set().union(*files) - {"crf"}:
        last = max(place for place, each in enumerate(files) if key in each)
        assert (key in found) is (key not in typed)
        assert key in typed or found[key] == Default(files[last][key], str(last))
    assert not found.keys() & typed.keys()


@given(st.lists(st.sampled_from(RATES), max_size=4), st.sampled_from((None, *RATES)))
def test_rates_exclude_each_other_and_the_last_wins(files, typed):
    layers = [layer(str(place), **{one: place, "floor": 3}) for place, one in enumerate(files)]
    found = merged(layers, {} if typed is None else {typed: 1}, "x264")
    assert [key for key in found if key in RATES] == ([files[-1]] if files and typed is None else [])
    assert ("floor" in found) is (bool(files) and typed is None)


def test_what_suits_one_codec_is_not_told_to_another():
    files = [
        layer("own", preset="slow", crf=20, denoise="light"),
        layer("profile web", codec="x265", audio="copy"),
    ]
    assert values(merged(files, {}, "x264")) == {"denoise": "light", "codec": "x265", "audio": "copy"}
    assert values(merged(files, {"codec": "x264"}, "x264")) == {
        "preset": "slow", "crf": 20, "denoise": "light", "audio": "copy",
    }  # fmt: skip
    assert values(merged(files[1:], {"codec": "av1", "preset": "8"}, "x264")) == {"audio": "copy"}


@pytest.mark.parametrize(
    ("inputs", "folder"),
    [
        (["/a/b/c.mp4"], "/a/b"), (["/a/b/c.mp4", "/a/d/e.mp4"], "/a"), (["@/a/list.txt"], "/a"), (["rtsp://host/a"], None),
        ([], None), (["webcam:0", "http://host"], "."),
    ],
)  # fmt: skip
def test_the_file_beside_is_in_the_folder_of_all_inputs(inputs, folder):
    expected = None if folder is None else Path(folder).absolute() / "semvid.toml"
    assert beside(inputs) == expected


def test_a_folder_has_its_file_within(tmp_path):
    assert beside([str(tmp_path)]) == tmp_path / "semvid.toml"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"crf = 24", "crf is in no table; put it under .compress., or .all."),
        (b"[compress\n", "is no TOML: "),
        (b"\xff\xfe", "is no TOML: "),
    ],
)
def test_what_is_no_such_file_is_told(text, why, tmp_path):
    path = tmp_path / "semvid.toml"
    path.write_bytes(text)
    with pytest.raises(ConfigError, match=why) as caught:
        read_layer(path, str(path))
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["compress", "batch", "image", "maps", "overlay", "stream"])
def test_commands_with_profiles_take_defaults(name):
    command = load(name)
    assert command.defaults.found({}) == {}
    assert {"profile", "model", "focus"} <= options_of(command).keys()
