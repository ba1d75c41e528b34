"""Folders of results are shown by the desktop, where there is one."""

import sys

import pytest

from semvid.cli.file_manager import has_file_manager, show_file
from semvid.core.errors import ConfigError


@pytest.fixture
def desktop(tmp_path, monkeypatch):
    """A Linux desktop; what was opened on it."""
    program = tmp_path / "xdg-open"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("DISPLAY", ":0")
    shown = []
    monkeypatch.setattr(
        "typer.launch", lambda path, *, locate: shown.append((path, locate)) or len(shown) - 1
    )
    return shown


def test_a_file_is_shown_in_its_folder(desktop, tmp_path):
    assert has_file_manager()
    show_file(tmp_path / "talk.mp4")
    assert desktop == [(str(tmp_path / "talk.mp4"), True)]
    with pytest.raises(ConfigError, match="talk.mp4 is in"):
        show_file(tmp_path / "talk.mp4")


@pytest.mark.parametrize(("name", "value"), [("DISPLAY", None), ("PATH", "")])
def test_without_a_desktop_there_is_none(desktop, monkeypatch, name, value):
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    if value is None:
        monkeypatch.delenv(name)
    else:
        monkeypatch.setenv(name, value)
    assert not has_file_manager()


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_have_one(platform, monkeypatch):
    monkeypatch.setattr(sys, "platform", platform)
    assert has_file_manager()
