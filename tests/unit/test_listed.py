"""Options that lists give to single files."""

from __future__ import annotations

import sys

import pytest

from semvid.cli.app import load
from semvid.cli.listed import read_listed, with_flags
from semvid.core.errors import ConfigError

PLACE = "list.csv, line 2"


@pytest.fixture(params=["batch", "compress"])
def typed(request, monkeypatch, tmp_path):
    """Set what was typed after the command's name."""
    monkeypatch.setenv("SEMVID_CONFIG", str(tmp_path))

    def type_in(*arguments):
        monkeypatch.setattr(sys, "argv", ["semvid", request.param, *arguments])

    return type_in


@pytest.mark.parametrize(
    ("arguments", "place"),
    [
        (["@list.csv", "-o", "out"], 3), (["-o", "out", "--", "@list.csv"], 2), (["-o", "--", "--", "-a.mp4"], 2),
        (["-o", "--", "a.mp4"], 3), (["--strict", "--", "a.mp4", "--"], 1), (["--output=x", "--", "a"], 1),
    ],
)  # fmt: skip
def test_they_are_put_before_what_can_only_be_sources(arguments, place):
    expected = [*arguments[:place], "--crf=40", *arguments[place:]]
    assert with_flags(arguments, ["--crf=40"], load("batch")) == expected


def test_they_win_over_what_is_typed(typed):
    typed("--crf", "20", "-o", "out", "--", "@list.csv")
    assert read_listed({"crf": "40"}, PLACE).rate.value == 40
    typed("@list.csv", "--crf", "20", "-o", "out")
    read = read_listed({"codec": "x265", "strict": "", "maps-hold": "true", "maps": "--"}, PLACE)
    assert (read.codec, read.strict, read.maps.hold, str(read.maps.path)) == ("x265", True, True, "--")
    assert read.rate.value == 20


@pytest.mark.parametrize(
    "key",
    ["jobs", "retry", "trash", "replace", "watch", "engine", "address", "resume", "no-resume", "part-seconds",
     "min-saving", "skip-if-larger", "json", "dry-run", "output", "yes", "report", "threads", "no-preview",
     "allow-protocols", "help"],
)  # fmt: skip
def test_what_is_for_all_files_is_refused(key, typed):
    typed("@list.csv", "-o", "out")
    with pytest.raises(ConfigError, match=rf"^list.csv, line 2: `{key}` is for the whole batch, not for one"):
        read_listed({"crf": "30", key: ""}, PLACE)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"perset": "fast"}, "`perset` is no option; did you mean --preset"),
        ({"": "30"}, "`` is no option; see 'semvid "),
        ({"crf=20 --y": ""}, "`crf=20 --y` is no option"),
        ({"strict": "no"}, "`strict` is no, and can only be true; else leave it out"),
        ({"crf": ""}, "`crf` has no value; give one"),
        ({"strength": "9"}, "strength.*9"),
        ({"profile": "none"}, "there is no profile none"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(given, why, typed):
    typed("@list.csv", "-o", "out")
    with pytest.raises(ConfigError, match=why) as caught:
        read_listed(given, PLACE)
    assert str(caught.value).startswith(f"{PLACE}: ")
    assert "\n" not in str(caught.value)


def test_what_one_file_may_have_is_read(typed):
    typed("@list.csv", "-o", "out")
    given = {
        "boxes": "b.jsonl",
        "track": "m.png",
        "save-maps": "m.svmap",
        "start": "1",
        "end": "2",
        "profile": "web",
    }
    for one in given.items():
        read_listed(dict([one]), PLACE)
