"""``semvid doctor``: show what is installed, and test what works."""

from __future__ import annotations

import dataclasses
import platform
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer

from semvid.cli.flags import to_flags
from semvid.codecs.registry import CODECS
from semvid.core.text import counted, visible

_PACKAGES = (
    "semvid",
    "av",
    "torch",
    "onnxruntime",
    "numpy",
    "opencv-python-headless",
    "numba",
    "jpeglib",
    "imageio-ffmpeg",
    "typer",
    "rich",
)

_PROTOCOLS = ("rtsp", "rtmp", "rtmps", "udp", "rtp", "tcp", "http", "https", "srt")
"""What ``semvid stream`` opens."""


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Show versions and devices, and test every encoder, with a map if it takes one, and every network."""
    from semvid.cli.draw import to_json
    from semvid.cli.streams import emit

    report = _examine()
    if as_json:
        emit(to_json(report))
    else:
        _draw(report)
    if not all(one["obeys_map"] for one in report["encoders"]):
        from semvid.core.errors import EncoderError

        sick = [one["name"] for one in report["encoders"] if not one["obeys_map"]]
        packages = dict.fromkeys(package for name in sick for package in CODECS[name].packages)
        raise EncoderError(
            f"self-test failed for {', '.join(sick)}; reinstall the packages that encode: "
            f"pip install --force-reinstall {' '.join(packages)}"
        )
    if not all(one["works"] for one in report["networks"]):
        from semvid.core.errors import ModelError

        raise ModelError("; ".join(one["detail"] for one in report["networks"] if one["detail"]))


def _examine() -> dict[str, Any]:
    import av

    from semvid.codecs.hardware.trust import verdicts
    from semvid.media.reach import has_protocol
    from semvid.models.selftest import test_networks

    devices = _devices()
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "packages": {name: version(name) for name in _PACKAGES},
        "ffmpeg_libraries": {name: ".".join(map(str, one)) for name, one in av.library_versions.items()},
        "protocols": {name: has_protocol(name) for name in _PROTOCOLS},
        "devices": [{"name": name, "description": words} for name, words in devices],
        "encoders": [dataclasses.asdict(one.self_test()) for one in CODECS.values()],
        "hardware": [{"name": one.name, **dataclasses.asdict(found)} for one, found in verdicts()],
        "networks": [
            dataclasses.asdict(one) for one in test_networks(dict.fromkeys(name for name, _ in devices))
        ],
    }


def _devices() -> list[tuple[str, str]]:
    """Return what ``--device`` takes here, and names of the hardware: the CPU, and each GPU torch sees."""
    import torch

    devices = [("cpu", counted(torch.get_num_threads(), "thread"))]
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        devices.append(("cuda", f"{properties.name}, {properties.total_memory / 2**30:.0f} GiB"))
    if torch.backends.mps.is_available():
        devices.append(("mps", "Apple GPU"))
    return devices


def _draw(report: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from semvid.cli.streams import emit_drawn

    packages = ", ".join(f"{name} {number}" for name, number in report["packages"].items())
    libraries = ", ".join(f"{name} {number}" for name, number in report["ffmpeg_libraries"].items())
    there = [name for name, is_there in report["protocols"].items() if is_there]
    missing = [name for name in report["protocols"] if name not in there]
    words = f"networks: {', '.join(there)}"
    lines = [f"Python {report['python']} on {report['platform']}", packages, f"FFmpeg in PyAV: {libraries}"]
    lines.append(words + (f"; not in this FFmpeg build: {', '.join(missing)}" if missing else ""))
    lines += [f"device {one['name']}: {one['description']}" for one in report["devices"]]
    encoders = Table("codec", "encoder", "available", "obeys maps", "gain in the region", "remark")
    for one in report["encoders"]:
        encoders.add_row(
            one["name"],
            one["library"],
            _yes(one["is_available"]),
            _yes(one["obeys_map"]),
            f"{one['gain_db']:+.1f} dB",
            Text(visible(to_flags(one["detail"]))),
        )
    lines += [f"hardware: {one}" for one in _hardware(report["hardware"])]
    networks = Table("network", "works", "runs on", "one map", "remark")
    for one in report["networks"]:
        time = f"{one['milliseconds']:.1f} ms"
        networks.add_row(
            one["name"], _yes(one["works"]), one["runtime"], time, Text(visible(to_flags(one["detail"])))
        )
    emit_drawn(*(Text(visible(line)) for line in lines), encoders, networks)


def _hardware(found: list[dict[str, Any]]) -> list[str]:
    """Say which hardware encoders work, and in one part what those that do not have in common."""
    parts: dict[str, list[str]] = {}
    for one in found:
        if one["fault"]:
            words = f"not here: {one['fault']}"
        elif one["regions"]:
            words = f"works, with a map ({one['gain_db']:+.1f} dB, {counted(one['regions'], 'region')})"
        else:
            words = "works, without a map"
        parts.setdefault(words, []).append(one["name"])
    return [f"{', '.join(names)}: {words}" for words, names in parts.items()] or [
        "no encoder in this FFmpeg build"
    ]


def _yes(value: bool) -> str:
    return "[green]yes[/]" if value else "[red]no[/]"
