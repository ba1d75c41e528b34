"""Turns the options in the library's messages, named as in Python in backticks, into command-line flags."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields

from semvid.core import config
from semvid.core.settings import Settings
from semvid.core.text import for_people

_FLAGS: Mapping[str, str] = {
    "output": "-o", "overwrite": "-y", "sink": "SINK", "virtual_camera": "--virtual-camera",
    "Crf": "--crf", "Quality": "--quality", "Bitrate": "--bitrate", "Size": "--target-size",
    "Ssimulacra2": "--target-ssimulacra2", "Vmaf": "--target-vmaf", "Xpsnr": "--target-xpsnr",
    "RegionVmaf": "--region-vmaf", "RegionPsnr": "--region-psnr",
    "AsGoodAs": "--as-good-as", "floor": "--floor",
    "Peak": "--max-bitrate", "peak": "--max-bitrate", "buffer_bits": "--buffer",
    "target_bytes": "--target-bytes", "path": "--maps", "hold": "--maps-hold", "weights": "--focus",
    "encoder_options": "--encoder-option", "height": "--size", "frame_rate": "--fps",
    "latency_ms": "--latency", "wait_seconds": "--wait", "max_maps_per_second": "--max-maps",
    "address": "--serve", "port": "--port", "ray_address": "--address",
    "WebServer": "--serve", "allow_protocols": "--allow-protocols", "csv": "--csv",
    "report": "--report", "against": "--against", "tests": "TEST",
    "qualities": "--crf", "masks": "--masks", "jobs": "--jobs",
    "make_report": "--report", "write_report": "--report",
}  # fmt: skip
"""Options that are not fields of a config, or whose flag has another name; the rest follow the usual rule."""

_FIELDS = {
    field.name: field.default
    for kind in vars(config).values()
    if isinstance(kind, type) and issubclass(kind, Settings) and kind is not Settings
    for field in fields(kind)  # type: ignore[arg-type]
}
# See ``core.text.setting``: a value ends with as many backticks as it begins with, and has no run that long.
_OPTION = re.compile(
    r"(?<![\w`])(`+)([A-Za-z_]\w*)(?:=((?:(?!\1(?!`)).)*)|\(([^()`]*)\))?\1(?![\w`])", re.DOTALL
)


def told(message: str) -> str:
    """Make a message of the library ready to show on the command line."""
    return for_people(to_flags(message))


def to_flags(message: str) -> str:
    """Replace the options that a message names by flags: ``--crf 99`` for ``crf=99`` in backticks."""
    return _OPTION.sub(_flag, message)


def _flag(found: re.Match[str]) -> str:
    _, name, value, argument = found.groups()
    if name not in _FLAGS and name not in _FIELDS:
        return found[0]
    flag = _FLAGS.get(name, f"--{name.replace('_', '-')}")
    is_switch = isinstance(_FIELDS.get(name), bool)
    value = value if argument is None else argument
    if value == "False" and _FIELDS.get(name) is True:
        return f"--no-{name.replace('_', '-')}"
    return flag if value is None or is_switch else f"{flag} {value}"
