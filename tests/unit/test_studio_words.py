"""Messages of the library in the words of the studio's page."""

import json
from pathlib import Path

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")

import semvid
from semvid.web.studio.words import _PHRASES, answer, in_words


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "maps are made with less effort, since x264 is fast with `preset=superfast`; `effort=full` takes longer",
            "Maps are made with less effort, since x264 is fast with preset superfast; slower presets take more",
        ),
        ("`Size(50000)` is too small", "0.05 MB is too small"),
        ("`Bitrate(150000)` is out of reach", "150 kbit/s is out of reach"),
        ("`crf=99` is out of range", "CRF 99 is out of range"),
        ("`maps=/home/me/films/.semvid/maps/talk.svmap` is damaged", "Maps talk.svmap is damaged"),
        ("give `background_weight`, or leave it out", "Give background, or leave it out"),
        ("x264 does not take it", "x264 does not take it"),
        ("a map does not pay here", "A map does not pay here"),
        ("semvid was stopped", "semvid was stopped"),
        ("talk.mp4 is no video", "talk.mp4 is no video"),
    ],
)  # fmt: skip
def test_options_are_told_in_words(message, words):
    assert in_words(message) == words


def test_only_messages_of_an_answer_are_changed():
    told = {
        "name": "`preset=fast`",
        "jobs": [{"reason": "no `crf=3`", "progress": {"notices": ("see `crf=4`",)}}],
    }
    assert json.loads(answer(told).body) == {
        "name": "`preset=fast`", "jobs": [{"reason": "No CRF 3", "progress": {"notices": ["See CRF 4"]}}],
    }  # fmt: skip


def test_the_library_still_says_what_is_said_otherwise():
    source = "\n".join(
        one.read_text() for one in Path(semvid.__file__).parent.rglob("*.py") if one.name != "words.py"
    )
    assert [one for one in _PHRASES if one not in source] == []
