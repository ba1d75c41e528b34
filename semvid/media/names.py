"""Passes file names to FFmpeg."""

from __future__ import annotations

import os
from pathlib import Path


def ffmpeg_name(path: Path | str) -> str:
    """Return a name with which FFmpeg opens exactly this file.

    A name such as ``Talk: part 1.mp4``, ``pipe:0`` or ``concat:a|b`` would be taken for a protocol, but not
    with a folder before it. The folder is not the absolute one, which may contain a ``%`` that segmenters
    interpret.
    """
    text = os.fspath(path)
    return text if os.path.isabs(text) else os.path.join(os.curdir, text)
