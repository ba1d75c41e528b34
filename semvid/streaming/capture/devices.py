"""Lists the cameras and screens of this machine."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from pathlib import Path
from typing import Literal

import av
import av.device
import av.logging
from av.error import FFmpegError

from semvid.core.errors import InputError
from semvid.core.records import dataclass
from semvid.media.ffmpeg_log import heard

_DEV = Path("/dev")
_SYSFS = Path("/sys/class/video4linux")
_X11_SOCKETS = Path("/tmp/.X11-unix")  # noqa: S108 - where X servers listen
_MOST_FORMATS = 12

Permission = Literal["ok", "denied", "unknown"]


@dataclass(frozen=True, slots=True)
class CaptureDevice:
    """A camera or screen."""

    kind: Literal["camera", "screen"]
    source: str
    """Its SOURCE for ``semvid stream``."""
    name: str
    """Product name."""
    path: str
    """The device file, or the number FFmpeg gives it."""
    permission: Permission
    """Whether this user may open it."""
    formats: tuple[str, ...] = ()
    """``FORMAT: SIZES`` it offers, if it can be asked without disturbing another program."""


def list_capture_devices(system: str = sys.platform, *, with_formats: bool = False) -> list[CaptureDevice]:
    """List the cameras, then the screens; ``with_formats`` asks each for its formats."""
    if system.startswith("linux"):
        return [*_linux_cameras(with_formats=with_formats), *_x11_screens()]
    if system == "darwin":
        return _listed_by_ffmpeg("avfoundation")
    if system == "win32":
        desktop = CaptureDevice("screen", "screen", "all screens", "desktop", "unknown")
        return [*_listed_by_ffmpeg("dshow"), desktop]
    return []


def find_camera(name: str, demuxer: str) -> str:
    """Turn a camera's number or name into what FFmpeg opens.

    Args:
        name: A path, a number, or (part of) the product name.
        demuxer: FFmpeg's: ``v4l2``, ``avfoundation`` or ``dshow``.

    Raises:
        InputError: There is no such camera.
    """
    if demuxer == "v4l2":
        if name.startswith("/"):
            return name
        cameras = _linux_cameras()
    else:
        if demuxer == "avfoundation" and name.isdecimal():
            return f"{name}:none"
        cameras = [one for one in _listed_by_ffmpeg(demuxer) if one.kind == "camera"]
        if name.isdecimal() and int(name) < len(cameras):
            name = cameras[int(name)].name
    wanted = name.casefold()
    for fits in (str.__eq__, str.startswith, str.__contains__):
        for camera in cameras:
            if fits(camera.name.casefold(), wanted):
                if demuxer == "avfoundation":
                    return f"{camera.path}:none"
                return f"video={camera.name}" if demuxer == "dshow" else camera.path
    raise InputError(f"there is no camera {name}; {what_is_there(cameras)}")


def what_is_there(cameras: list[CaptureDevice] | None = None) -> str:
    """Describe which cameras are connected."""
    if cameras is None:
        cameras = [one for one in list_capture_devices() if one.kind == "camera"]
    if not cameras:
        return "no camera is connected to this machine"
    return "there is " + ", ".join(f"{one.source} ({one.name})" for one in cameras)


def _linux_cameras(*, with_formats: bool = False) -> list[CaptureDevice]:
    found = []
    for path in sorted(_DEV.glob("video*"), key=_number):
        if not path.name[5:].isdecimal():
            continue
        entry = _SYSFS / path.name
        # A camera has several nodes; those with index 1 and up carry metadata.
        if _text(entry / "index") not in {"", "0"}:
            continue
        may = os.access(path, os.R_OK | os.W_OK)
        found.append(
            CaptureDevice(
                kind="camera",
                source=f"webcam:{_number(path)}",
                name=_text(entry / "name") or path.name,
                path=str(path),
                permission="ok" if may else "denied",
                formats=_v4l2_formats(str(path)) if may and with_formats else (),
            )
        )
    return found


def _v4l2_formats(path: str) -> tuple[str, ...]:
    """Ask the driver for its formats; it answers before the camera is switched on."""
    with heard(av.logging.INFO) as logs, contextlib.suppress(FFmpegError, OSError, ValueError):
        av.open(path, format="v4l2", options={"list_formats": "all"}, timeout=(2, 2)).close()
    # "Raw       :     yuyv422 :           YUYV 4:2:2 : 640x480 1280x720"
    found = []
    for _, _, line in logs:
        parts = [one.strip() for one in line.split(" : ")]
        if len(parts) >= 4 and parts[0].rstrip(" :").startswith(("Raw", "Compressed")):
            found.append(f"{parts[1]}: {parts[3]}")
    return tuple(found[:_MOST_FORMATS])


def _x11_screens() -> list[CaptureDevice]:
    displays = {os.environ["DISPLAY"]} if os.environ.get("DISPLAY") else set()
    if not displays and _X11_SOCKETS.is_dir():
        displays = {f":{one.name[1:]}" for one in _X11_SOCKETS.glob("X*")}
    return [
        CaptureDevice("screen", "screen" if index == 0 else f"screen:{display}", "X11", display, "unknown")
        for index, display in enumerate(sorted(displays))
    ]


def _listed_by_ffmpeg(demuxer: str) -> list[CaptureDevice]:
    try:
        listed = av.device.enumerate_input_devices(demuxer)
    except (FFmpegError, OSError, ValueError):
        return []
    found: list[CaptureDevice] = []
    for one in listed:
        if one.media_types and "video" not in one.media_types:
            continue
        screen = re.fullmatch(r"Capture screen (\d+)", one.description)
        cameras = sum(other.kind == "camera" for other in found)
        found.append(
            CaptureDevice(
                kind="screen" if screen else "camera",
                source=f"screen:{screen.group(1)}" if screen else f"webcam:{cameras}",
                name=one.description or one.name,
                path=one.name,
                permission="unknown",
            )
        )
    return found


def _number(path: Path) -> int:
    digits = path.name[5:]
    return int(digits) if digits.isdecimal() else 1 << 30


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
