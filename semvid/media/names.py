"""How the name of a file reaches FFmpeg."""

from __future__ import annotations

import os
from pathlib import Path


def ffmpeg_name(path: Path | str) -> str:
    """Return what makes FFmpeg open this very file.

    A name such as ``Talk: part 1.mp4``, ``pipe:0`` or ``concat:a|b`` would be taken for a protocol: with a
    folder before it, it cannot be. Not by the absolute one: it may hold a ``%``, which segmenters obey.
    """
    text = os.fspath(path)
    return text if os.path.isabs(text) else os.path.join(os.curdir, text)
