"""Chooses the output's name and container, and checks that it can hold everything from the input."""

from __future__ import annotations

from pathlib import Path

from semvid.core.config import CompressConfig
from semvid.core.errors import OutputError
from semvid.core.types import VideoInfo
from semvid.media.writing.cargo import look_into
from semvid.media.writing.carry import Manifest, plan
from semvid.media.writing.containers import CONTAINERS, takes
from semvid.media.writing.output import check_place


def default_output(source: VideoInfo, coding_format: str, config: CompressConfig) -> Path:
    """Return ``NAME.semvid.EXT`` beside the source, in the container that changes least, best its own.

    Args:
        source: The input.
        coding_format: FFmpeg's name of the format the video will have.
        config: What is dropped or converted.

    Raises:
        OutputError: No container can hold these streams together.
    """
    own = source.path.suffix.lower()
    order = dict.fromkeys(([own] if own in CONTAINERS else []) + list(CONTAINERS))
    best: Manifest | None = None
    refusal: OutputError | None = None
    with look_into(source) as cargo:
        for suffix in order:
            if not takes(suffix, coding_format):
                continue
            try:
                found = plan(cargo, suffix, config)
            except OutputError as error:
                refusal = refusal or error
                continue
            if best is None or found.cost < best.cost:
                best = found
            if not best.cost:
                # Nothing changes less, and trying the others takes most of the time.
                break
    if best is None:
        raise OutputError(
            f"no container holds all streams of {source.path}: {refusal or 'none takes ' + coding_format}"
        )
    return source.path.with_name(f"{source.path.stem}.semvid{best.suffix}")


def check_output(output: Path, source: VideoInfo, coding_format: str, config: CompressConfig) -> Manifest:
    """Return what to do with the input's streams; the other arguments are as for ``default_output``.

    Raises:
        OutputError: The output cannot or must not be written (see ``check_place``), or its container cannot
            hold the streams.
    """
    check_place(output, source.path, overwrite=config.overwrite)
    suffix = output.suffix.lower()
    if suffix not in CONTAINERS:
        raise OutputError(
            f"'{output.suffix or output.name}' is not a container that semvid writes; "
            f"end the output in {', '.join(CONTAINERS)}"
        )
    if not takes(suffix, coding_format):
        others = ", ".join(one for one in CONTAINERS if takes(one, coding_format))
        raise OutputError(f"{suffix} cannot hold {coding_format} video; end the output in {others}")
    with look_into(source) as cargo:
        return plan(cargo, suffix, config)
