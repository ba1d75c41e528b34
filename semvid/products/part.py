"""Encodes one part of a video whose other parts are encoded elsewhere, to be joined."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from semvid.codecs.registry import find_codec
from semvid.core.config import MapsConfig, TemporalConfig
from semvid.core.errors import MapError
from semvid.core.events import Event
from semvid.core.rate import ScoreWish
from semvid.core.results import Result
from semvid.core.threads import limited_threads
from semvid.engine.job import Job
from semvid.engine.part_score import score_part
from semvid.engine.ruler import Measured
from semvid.importance.files.sidecar_source import RecordedMaps
from semvid.media.writing.output import scratch_folder
from semvid.products.encode import encode_events
from semvid.products.ways import with_chosen_effort


def part_events(
    job: Job,
    num_whole: int | None,
    maps: Path | None = None,
    rate: ScoreWish | None = None,
    *,
    are_kept: bool = False,
) -> Generator[Event, None, tuple[Result, tuple[Measured, int] | None]]:
    """Encode a part at the quality of its config.

    Args:
        job: What to do; it has a span and an output.
        num_whole: Frames of the whole video, roughly: this part bears its share of what is measured. None =
            it is not known.
        maps: A sidecar for the maps of the part; None = they are not kept.
        rate: What to measure of the encode; None = nothing.
        are_kept: An earlier encode kept them: they are read, if they can be, and not made again.

    Yields:
        What ``compress_events`` yields, except for ``Done``.

    Returns:
        What came of it; and what was measured, and of how many frames.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    assert job.span is not None  # noqa: S101 - it is of a part
    with limited_threads(job.config.threads):
        config, recorded = with_chosen_effort(job.config), None
        if config.allocation.strength == 0:
            maps = None
        if maps is not None:
            recorded = _recorded(maps, job) if are_kept else None
            config = replace(config, save_maps=maps) if recorded is None else replace(
                config, maps=MapsConfig(path=maps), temporal=TemporalConfig()
            )  # fmt: skip
        try:
            result = yield from encode_events(
                job.source, job.output, config, find_codec(config.codec).coding(config),
                span=job.span, importance=recorded, num_whole=num_whole,
            )  # fmt: skip
        finally:
            if recorded is not None:
                recorded.close()
        if rate is None:
            return result, None
        assert num_whole is not None  # noqa: S101 - whoever measures a film has counted them
        with scratch_folder() as folder:
            measured = yield from score_part(replace(job, config=config), rate, maps, num_whole, folder)
        return result, measured


def _recorded(maps: Path, job: Job) -> RecordedMaps | None:
    """Open the maps that an earlier encode of the part kept; None = there are none that can be read."""
    assert job.span is not None  # noqa: S101 - it is of a part
    if not maps.exists():
        return None
    try:
        return RecordedMaps(maps, job.span)
    except MapError:
        return None
