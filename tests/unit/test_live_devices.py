"""Cameras and screens: found without touching them, and errors that say what to do."""

import errno
import json
import os

import pytest

from semvid.core.config import LiveConfig
from semvid.core.errors import InputError
from semvid.streaming.base.address import parse_source
from semvid.streaming.capture import devices, opening


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A machine with two cameras, the first of which has a second node for metadata."""
    for folder in ("dev", "sys", "x11"):
        (tmp_path / folder).mkdir()
    for node, name, index in (
        ("video0", "Good Cam", "0"),
        ("video1", "Good Cam", "1"),
        ("video10", "Other Cam", "0"),
    ):
        (tmp_path / "dev" / node).write_bytes(b"")
        (tmp_path / "sys" / node).mkdir()
        (tmp_path / "sys" / node / "name").write_text(name + "\n")
        (tmp_path / "sys" / node / "index").write_text(index + "\n")
    (tmp_path / "x11" / "X7").write_bytes(b"")
    monkeypatch.setattr(devices, "_DEV", tmp_path / "dev")
    monkeypatch.setattr(devices, "_SYSFS", tmp_path / "sys")
    monkeypatch.setattr(devices, "_X11_SOCKETS", tmp_path / "x11")
    monkeypatch.delenv("DISPLAY", raising=False)
    return tmp_path


def test_cameras_and_screens_are_listed(machine):
    found = devices.list_capture_devices("linux")
    assert [(one.kind, one.source, one.name) for one in found] == [
        ("camera", "webcam:0", "Good Cam"),
        ("camera", "webcam:10", "Other Cam"),
        ("screen", "screen", "X11"),
    ]
    assert found[0].permission == "ok"
    assert found[0].path == str(machine / "dev" / "video0")


def test_cameras_that_may_not_be_opened_say_so(machine, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert devices.list_capture_devices("linux")[0].permission == "denied"


def test_cameras_are_found_by_name(machine):
    for name in ("Good Cam", "good", "CAM"):
        assert devices.find_camera(name, "v4l2") == str(machine / "dev" / "video0")
    assert devices.find_camera("other", "v4l2") == str(machine / "dev" / "video10")
    with pytest.raises(InputError, match=r"no camera Best; there is webcam:0 \(Good Cam\), webcam:10"):
        devices.find_camera("Best", "v4l2")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, "No such file"), "is not there; there is webcam:0"),
        (OSError(errno.ENODEV, "No such device"), "is not there"),
        (PermissionError(errno.EACCES, "Permission denied"), "join group video"),
        (OSError(errno.EBUSY, "Device or resource busy"), "in use by another program"),
        (OSError(errno.EINVAL, "Invalid argument"), "invalid argument"),
    ],
)
def test_what_is_wrong_with_a_camera(machine, monkeypatch, error, words):
    asked = []

    def refuse(url, mode, *, format, options, timeout):  # noqa: A002 - PyAV's name
        asked.append(options)
        raise error

    monkeypatch.setattr(opening.av, "open", refuse)
    address = parse_source("webcam:0", system="linux")
    with pytest.raises(InputError, match=words):
        opening.open_source(address, LiveConfig(size=(1280, 720), frame_rate=30), None)
    # Raw pictures of that size come too slowly over USB: the compressed ones are asked for first.
    assert asked[0] == {"video_size": "1280x720", "framerate": "30", "input_format": "mjpeg"}
    if error.errno == errno.EINVAL:
        assert asked[1:] == [{"video_size": "1280x720", "framerate": "30"}, {}]
    else:
        assert len(asked) == 1 or error.errno == errno.ENODEV


def test_the_command_lists_them(machine, capsys):
    from semvid.cli import devices as command

    command.command(as_json=True)
    assert [one["source"] for one in json.loads(capsys.readouterr().out)] == [
        "webcam:0",
        "webcam:10",
        "screen",
    ]
    command.command(as_json=False)
    assert "Good Cam" in capsys.readouterr().out
    for one in [*(machine / "dev").iterdir(), *(machine / "x11").iterdir()]:
        one.unlink()
    command.command(as_json=False)
    assert "No camera or screen was found" in capsys.readouterr().out
