"""What becomes of the streams beside the main video, and where the output may go with them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from semvid.errors import OutputError
from semvid.io.containers import CONTAINERS, holds, takes
from semvid.io.output import check_place
from semvid.io.probe import UNKNOWN_CODEC
from semvid.types import StreamInfo, VideoInfo


def default_output(source: VideoInfo, coding_format: str, drop: Collection[str]) -> Path:
    """Return ``NAME.semvid.EXT`` beside the source, in its own container if that can hold everything.

    Args:
        source: The input.
        coding_format: FFmpeg's name of the format the video will have.
        drop: Kinds of the input's streams that are left out.

    Raises:
        OutputError: No container can hold these streams together.
    """
    codecs = {one.codec for one in copied_streams(source, drop) if not one.is_cover_art} | {coding_format}
    own = source.path.suffix.lower()
    for suffix in ([own] if own in CONTAINERS else []) + list(CONTAINERS):
        if takes(suffix, coding_format) and holds(suffix, codecs):
            return source.path.with_name(f"{source.path.stem}.semvid{suffix}")
    raise OutputError(
        f"no container holds {', '.join(sorted(codecs))} together; leave streams out with --drop"
    )


def check_output(
    output: Path, source: VideoInfo, coding_format: str, drop: Collection[str], *, overwrite: bool
) -> None:
    """Refuse an output that cannot or must not be written, before any work is done.

    Args:
        output: Where to write.
        source: The input.
        coding_format: FFmpeg's name of the format the video will have.
        drop: Kinds of the input's streams that are left out.
        overwrite: Whether an existing file may be replaced.

    Raises:
        OutputExistsError: It exists and ``overwrite`` is false.
        OutputError: It is the input, is no regular file, its folder is missing or read-only, or its
            container cannot hold the streams.
    """
    check_place(output, source.path, overwrite=overwrite)
    if output.suffix.lower() not in CONTAINERS:
        raise OutputError(
            f"'{output.suffix or output.name}' is no container semvid writes; "
            f"end the output in {', '.join(CONTAINERS)}"
        )
    suffix = output.suffix.lower()
    if not takes(suffix, coding_format):
        others = ", ".join(one for one in CONTAINERS if takes(one, coding_format))
        raise OutputError(f"{suffix} cannot hold {coding_format} video; end the output in {others}")
    for stream in copied_streams(source, drop):
        if not holds(suffix, [stream.codec]) and not stream.is_cover_art:
            raise OutputError(
                f"{suffix} cannot hold stream {stream.index} ({stream.kind}, {stream.codec}); choose another "
                f"container for -o, or leave it out with --drop {stream.kind}"
            )


def copied_streams(source: VideoInfo, drop: Collection[str]) -> list[StreamInfo]:
    """List the streams beside the main video that people watch, hear or read, less those dropped."""
    return [
        one
        for one in source.streams
        if one.index != source.stream_index
        and one.kind in {"video", "audio", "subtitle"}
        and one.kind not in drop
        and one.codec != UNKNOWN_CODEC
    ]
