"""Tags that go along, and those that would be false in the new file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from av.stream import Stream


def portable(metadata: dict[str, str]) -> dict[str, str]:
    """Drop the tags that describe the old file's making and would be false in the new one."""
    stale = (
        "encoder",
        "duration",
        "bps",
        "number_of_",
        "_statistics",
        "major_brand",
        "minor_version",
        "compatible_brands",
    )
    return {key: value for key, value in metadata.items() if not key.lower().startswith(stale)}


def describe_like(stream: Stream, source: Stream) -> None:
    """Give a stream the tags and dispositions of the one it comes from."""
    stream.metadata.update(portable(source.metadata))
    stream.disposition = source.disposition
