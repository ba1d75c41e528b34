"""Does a task, or finds out what it would come to: in the process of a worker, which alone loads encoders."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from semvid.batch.films.losses import LOSSES, losses_among
from semvid.batch.films.work import encode_part, join, solve
from semvid.batch.tasks.task import Task
from semvid.core.config import ImageConfig
from semvid.core.events import Chosen, Done, Notice, Progress, Stage
from semvid.core.results import Result
from semvid.engine.job import Job
from semvid.media.writing.containers import CONTAINERS
from semvid.products.compress import job_events
from semvid.products.wished import estimate_events

_TOLD = (
    "num_frames",
    "duration_seconds",
    "quality",
    "video_bytes",
    "plain_bytes",
    "plain_bytes_estimate",
    "saving",
    "saving_error",
    "is_input_damaged",
    "num_missing_frames",
    "map_left_out",
    "measure",
    "score",
    "rest_score",
    "num_scored",
    "gain_db",
)
"""Of the result of a video, what is kept beside its sizes."""


def run_task(
    task: Task, output: Path, threads: int
) -> Generator[Progress | Stage | Notice, None, dict[str, Any]]:
    """Do a task.

    Args:
        task: What to do.
        output: Where to write; there is no such file yet.
        threads: Cores to keep busy; 0 = all. It hardly changes the output, and is no part of it.

    Returns:
        What came of it, as JSON: at least ``source_bytes`` and ``output_bytes``.

    Raises:
        SemvidError: It failed; see ``semvid.core.errors``.
    """
    if isinstance(task.config, ImageConfig):
        from semvid.products.still import compress_image

        still = replace(task.config, threads=threads, overwrite=True)
        picture = compress_image(task.source, output, still)
        yield from map(Notice, picture.notices)
        return {
            "source_bytes": picture.source_bytes, "output_bytes": picture.output_bytes,
            "quality": picture.quality, LOSSES: losses_among(picture.notices),
        }  # fmt: skip
    config = replace(task.config, threads=threads, overwrite=True)
    if "solves" in task.film:
        return (yield from solve(task.source, output, config, task.source.suffix))
    if task.parts:
        return (yield from join(task.source, task.parts, output, config, task.film))
    if task.span is not None:
        part = yield from encode_part(Job(task.source, task.span, output, config), task.film)
        return _told(part[0]) | part[1]
    told: list[str] = []
    with closing(job_events(Job(task.source, task.span, output, config))) as events:
        for event in events:
            if isinstance(event, Done):
                result = event.result
            elif isinstance(event, Progress | Stage | Notice):
                told += [event.message] if isinstance(event, Notice) else []
                yield event
    return _told(result) | {LOSSES: losses_among(told)}


def estimate_task(
    task: Task, folder: Path, threads: int
) -> Generator[Progress | Stage | Notice, None, dict[str, Any]]:
    """Find out by parts of a video what it would come to; a still is compressed.

    Args:
        task: What would be done.
        folder: For what is tried.
        threads: As for ``run_task``.

    Returns:
        ``source_bytes``, ``output_bytes`` and ``seconds`` that it would take, as JSON.

    Raises:
        SemvidError: It would fail.
    """
    source_bytes, started = task.source.stat().st_size, time.monotonic()
    if isinstance(task.config, ImageConfig):
        tried = folder / f"tried-{os.getpid()}.jpg"
        try:
            result = yield from run_task(task, tried, threads)
        finally:
            tried.unlink(missing_ok=True)
        return {**result, "seconds": time.monotonic() - started}
    suffix = task.source.suffix.lower()
    output = folder / f"tried{suffix if suffix in CONTAINERS else '.mkv'}"
    config = replace(task.config, threads=threads, overwrite=True)
    with closing(estimate_events(Job(task.source, None, output, config))) as events:
        for event in events:
            if isinstance(event, Chosen):
                chosen = event
            elif isinstance(event, Progress | Stage | Notice):
                yield event
    return {
        "source_bytes": source_bytes, "output_bytes": chosen.trial.output_bytes,
        "seconds": chosen.expected_seconds, "quality": chosen.trial.quality,
    }  # fmt: skip


def _told(result: Result) -> dict[str, Any]:
    """Return what is kept of the result of a video."""
    sizes = {"source_bytes": result.source_bytes, "output_bytes": result.output_bytes}
    return {**sizes, **{name: getattr(result, name) for name in _TOLD}}
