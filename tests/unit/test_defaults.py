"""Files that hold defaults: which of them wins, and what they may say."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.cli import config, profiles
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


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """A file beside videos that somebody else may have put there, and a folder for the user's own."""
    films, own = tmp_path / "films", tmp_path / "own"
    films.mkdir()
    (own / "profiles").mkdir(parents=True)
    monkeypatch.setenv("SEMVID_CONFIG", str(own))
    (films / "semvid.toml").write_text('[compress]\ndrop = ["audio"]\nfps = 2\ncrf = 51\n')
    return films / "semvid.toml", own


@pytest.mark.parametrize("name", ["compress", "batch"])
def test_a_file_of_somebody_else_does_not_change_what_replaces_sources(name, stranger):
    file, own = stranger
    given = {"sources": [str(file.parent)], "replace": True}
    found = load(name).defaults.found
    assert found({**given, "replace": False}).keys() == {"drop", "fps", "crf"}
    with pytest.raises(ConfigError, match=r"sets crf, drop, fps, .* move it away, or give these") as caught:
        found(given)
    assert str(file) in str(caught.value)
    assert str(own / "semvid.toml") in str(caught.value)
    assert not found({**given, "crf": 20.0, "fps": "25", "drop": ["data"]})


def test_what_replaces_sources_may_be_as_the_user_himself_wrote(stranger):
    file, own = stranger
    text = file.read_text()
    (own / "semvid.toml").write_text(text)
    (own / "profiles" / "mine.toml").write_text(text)
    found = load("compress").defaults.found
    given = {"sources": [str(file.parent)], "replace": True}
    with pytest.raises(ConfigError, match="sets crf, drop, fps"):
        found(given)
    assert found({**given, "profile": "mine"})["crf"] == Default("51", "profile mine")
    file.unlink()
    assert found(given)["crf"].origin == str(own / "semvid.toml")
    file.write_text("[image]\nsize = '50%'\n")
    assert found(given)["crf"].origin == str(own / "semvid.toml")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[compress]\nfocus = " + "[" * 5000, "too many brackets in each other"),
        ("[compress]\n" + "a." * 5000 + "b = 1", "too many brackets in each other"),
        ("[compress]\ncrf = " + "9" * 5000, "a number of more than 4300 digits"),
        ("[compress]\ncrf = 0x" + "f" * 5000, "a number of more than 4300 digits"),
    ],
)
def test_what_is_too_deep_or_too_long_is_told_in_one_line(text, why, tmp_path):
    path = tmp_path / "semvid.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=why) as caught:
        read_layer(path, str(path))
    assert len(str(caught.value)) < 300


def test_what_files_say_cannot_act_on_the_terminal(stranger, capsys):
    file, own = stranger
    escape = r"\u001b]0;owned\u0007"
    file.write_text(f'[compress]\npreset = "{escape}"\n')
    mine = own / "profiles" / "mi\x1bne.toml"
    mine.write_text(f'about = "{escape}"\n[compress]\ncrf = 30\n')
    config.command("compress", [str(file.parent)])
    shown = capsys.readouterr()
    assert r"--preset \x1b]0;owned\x07  (" in shown.out
    profiles.command(None)
    listed = capsys.readouterr()
    assert r"mi\x1bne" in listed.out
    assert not {"\x1b", "\x07"} & set(shown.out + shown.err + listed.out + listed.err)


def test_a_profile_is_shown_with_what_acts_on_a_terminal_written_out(stranger, capsys):
    _, own = stranger
    (own / "profiles" / "mine.toml").write_text('[compress]\naudio = "\u202e\u009b1m"\n')
    profiles.command("mine")
    assert 'audio = "\\u202e\\x9b1m"' in capsys.readouterr().out
    (own / "profiles" / "mine.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is no TOML"):
        profiles.command("mine")
