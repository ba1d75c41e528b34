"""What an edit makes of a video: the part of the file that is read."""

from __future__ import annotations

from semvid.core.config import EditConfig
from semvid.core.errors import ConfigError
from semvid.core.types import Span, VideoInfo


def part_of_file(info: VideoInfo) -> Span:
    """Return the part of a file that an edited video is, in ``pts`` of the file."""
    return info.part or Span()


def within(part: Span, span: Span, factor: int = 1) -> Span:
    """Return where a part of an edited video is in the file.

    Args:
        part: The edited video in the file, from ``part_of_file``.
        span: The part of the edited video, which begins at 0.
        factor: Units of its time to one of the file's.
    """
    start, end = part.start + span.start // factor, part.end
    if span.end is not None:
        stop = part.start - (-span.end // factor)
        end = stop if end is None else min(end, stop)
    # Beyond the end there is nothing, which whoever reads it tells.
    return Span(start, None if end is None else max(end, start + 1))


def refuse_still(edit: EditConfig) -> None:
    """Raise ConfigError for a picture, which has no parts."""
    if names := list(edit.changes()):
        raise ConfigError(f"`{names[0]}` is for videos, and this is a picture; leave it out")
