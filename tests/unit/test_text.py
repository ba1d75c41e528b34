import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from semvid.core.text import counted, encodable, for_people, visible, without_secrets

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY_TEXT)
def test_what_people_see_is_one_harmless_line(text):
    for shown in (visible(text), for_people(text)):
        assert len(shown.splitlines()) <= 1
        assert "\x1b" not in shown
        assert not any(0x80 <= ord(one) < 0xA0 for one in shown)
        shown.encode()
    encodable(text).encode()


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_ordinary_text_stays_as_it_is(text):
    assert visible(text) == encodable(text) == text


@given(st.binary())
def test_names_of_any_bytes_can_be_told_apart_by_eye(name):
    text = os.fsdecode(name)
    assert "\udc80" not in visible(text)
    visible(text).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb\x07", r"a\x1b[31mb\x07"),
        ("a\nb\tc", r"a\nb\tc"),
        (os.fsdecode(b"caf\xe9"), r"caf\xe9"),
        ("abc\u202egpj.exe", r"abc\u202egpj.exe"),
        ("Zürich \U0001f600 café", "Zürich \U0001f600 café"),
    ],
)
def test_what_acts_on_a_terminal_is_written_out(text, shown):
    assert visible(text) == shown


@given(
    st.sampled_from(["rtsp", "rtmp", "http", "srt"]),
    st.sampled_from(["://", ":/"]),
    st.sampled_from(["{} cannot be opened", "opening {}", "{}: lost; check it"]),
)
def test_messages_hold_no_secrets_of_urls(scheme, slashes, message):
    # A path of Python's has swallowed a slash.
    url = f"{scheme}{slashes}user:S3CR3T@host/app/S3CR3T?token=S3CR3T"
    shown = for_people(message.format(url))
    assert "host/app" in shown
    assert "user" not in shown
    assert shown.count("S3CR3T") <= (scheme != "rtmp")
    assert without_secrets(without_secrets(url)) == without_secrets(url)


def test_other_messages_stay_as_they_are():
    for text in ("C:/films/a@b.mp4 exists", "Talk: part 1.mp4: 1 MB", "pip install 'semvid[web]'"):
        assert for_people(text) == text


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("frame",), "0 frames"), (1, ("frame",), "1 frame"), (2, ("frame",), "2 frames"),
        (1, ("frame is", "frames are"), "1 frame is"), (2, ("frame is", "frames are"), "2 frames are"),
    ],
)  # fmt: skip
def test_one_is_not_many(count, words, said):
    assert counted(count, *words) == said
