"""What trials found holds for what they were about, and for as long as was said."""

import os

import pytest

from semvid.core.findings import Finding


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def maker(tmp_path):
    path = tmp_path / "trial.py"
    path.write_text("one way")
    return path


def test_what_was_found_is_known_until_it_is_forgotten(folder, maker):
    finding = Finding("kind", ("version 1", "a"), (maker,))
    assert finding.known() is None
    finding.keep({"gain_db": 2.5})
    assert Finding("kind", ("version 1", "a"), (maker,)).known() == {"gain_db": 2.5}
    finding.forget()
    finding.forget()
    assert finding.known() is None


def test_it_holds_for_nothing_else(folder, maker):
    Finding("kind", ("ab", "c"), (maker,)).keep({})
    assert Finding("kind", ("a", "bc"), (maker,)).known() is None
    assert Finding("other", ("ab", "c"), (maker,)).known() is None
    maker.write_text("another way")
    assert Finding("kind", ("ab", "c"), (maker,)).known() is None


@pytest.mark.parametrize(("age", "holds"), [(50, True), (150, False), (-50, False)])
def test_it_grows_old(folder, maker, age, holds):
    finding = Finding("kind", (), (maker,), kept_seconds=100)
    finding.keep({"works": True})
    (path,) = folder.iterdir()
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    assert (finding.known() is not None) == holds
    assert Finding("kind", (), (maker,)).known() is not None


@pytest.mark.parametrize("text", ["", "{", "[1]", "null"])
def test_what_nobody_wrote_says_nothing(folder, maker, text):
    finding = Finding("kind", (), (maker,))
    finding.keep({"works": True})
    (path,) = folder.iterdir()
    path.write_text(text)
    assert finding.known() is None


def test_without_a_place_it_is_tried_each_time(maker, monkeypatch):
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: "/dev/null/none")
    finding = Finding("kind", (), (maker,))
    finding.keep({"works": True})
    assert finding.known() is None
