"""Says what holds of a video after an edit, by its header and its packets."""

from __future__ import annotations

from pathlib import Path

from semvid.core.config import EditConfig
from semvid.core.types import VideoInfo
from semvid.media.reading.reader import VideoReader


def probe_edited(path: Path | str, edit: EditConfig) -> VideoInfo:
    """Read a file's header, and say what holds of the video after an edit.

    Raises:
        InputError: See ``probe``; or nothing is left.
        ConfigError: The edit does not fit the picture.
    """
    with VideoReader(Path(path), edit=edit) as reader:
        return reader.info
