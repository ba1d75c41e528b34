"""Reads what ``--track`` gives: a file, and the time of the frame that it marks."""

from __future__ import annotations

import re
from pathlib import Path

from semvid.core.config import Mark
from semvid.core.errors import ConfigError

_TIME = re.compile(r"(?:\d+:[0-5]?\d:[0-5]?\d|[0-5]?\d:[0-5]?\d|\d+)(?:\.\d+)?s?")


def parse_mark(text: str) -> Mark:
    """Parse ``mask.png``, ``mask.png@12.5`` or ``mask.png@1:02:03``.

    Raises:
        ConfigError: A file is named, and what follows it is no time.
    """
    file, at, time = text.rpartition("@")
    if not at or Path(text).exists():
        return Mark(path=Path(text))
    if not _TIME.fullmatch(time):
        if not Path(file).exists():
            return Mark(path=Path(text))
        raise ConfigError(f"--track {text}: {time} is no time; write it as in {file}@12.5 or {file}@1:02:03")
    seconds = 0.0
    for part in time.removesuffix("s").split(":"):
        seconds = 60 * seconds + float(part)
    return Mark(path=Path(file), seconds=seconds)
