"""Compresses one file: what was asked for decides how."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig
from semvid.core.events import Done, Event, Notice, Started
from semvid.core.map_source import ImportanceSource
from semvid.core.results import Result
from semvid.core.settings import or_default
from semvid.core.text import setting
from semvid.core.threads import limited_threads
from semvid.engine.job import Job
from semvid.engine.run import follow, retold
from semvid.products.encode import encode_events
from semvid.products.left_out import or_without_map
from semvid.products.ways import has_two_passes, has_wish, lightened, takes_little_effort


def compress(
    source: Path | str,
    output: Path | str | None = None,
    config: CompressConfig | None = None,
    *,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Result:
    """Compress a video and keep its detail where it matters.

    Args:
        source: The video.
        output: Where to write; None = ``NAME.semvid.EXT`` beside the source.
        config: Options; None = defaults.
        importance: Your own source of maps, instead of the one ``config`` names. It is closed at the end.
        preview_size: As for ``compress_events``.
        on_event: Called with every event of ``compress_events``, in the calling thread.

    Returns:
        Sizes, counts and times.

    Raises:
        SemvidError: See ``semvid.core.errors``. Whatever is raised, no partial output is left.
    """
    return compress_job(
        _job(source, output, config), importance=importance, preview_size=preview_size, on_event=on_event
    )


def compress_job(
    job: Job,
    *,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
    on_event: Callable[[Event], None] | None = None,
) -> Result:
    """Do what ``compress`` does for a job; the other arguments are the same.

    Of a part, times stay those of the whole video, so that parts can be joined (``media.writing.concat``).
    """
    return follow(job_events(job, importance=importance, preview_size=preview_size), on_event)


def compress_events(
    source: Path | str,
    output: Path | str | None = None,
    config: CompressConfig | None = None,
    *,
    importance: ImportanceSource | None = None,
    preview_size: tuple[int, int] | None = None,
) -> Generator[Event, None, Result]:
    """Do the work of ``compress`` step by step.

    Args:
        source: As for ``compress``, like ``output``, ``config`` and ``importance``.
        output: See ``compress``.
        config: See ``compress``.
        importance: See ``compress``.
        preview_size: ``(width, height)`` in pixels that pictures of ``Preview`` must fit in; None = none.

    Yields:
        ``Started``, then ``Notice``, ``Preview`` and ``Progress`` as they come, and ``Done`` last. Where
        what was saved is measured, ``Stage``, ``Progress`` and ``Measured`` come before it. Closing the
        generator early stops all threads and leaves no output.
    """
    return job_events(_job(source, output, config), importance=importance, preview_size=preview_size)


def job_events(
    job: Job, *, importance: ImportanceSource | None = None, preview_size: tuple[int, int] | None = None
) -> Generator[Event, None, Result]:
    """Do what ``compress_events`` does for a job; the other arguments are the same."""
    with limited_threads(job.config.threads):
        result = yield from _chosen_events(job, importance, preview_size)
    yield Done(result)
    return result


def _chosen_events(
    job: Job, importance: ImportanceSource | None, preview_size: tuple[int, int] | None
) -> Generator[Event, None, Result]:
    config = job.config
    if importance is None and takes_little_effort(config):
        events = _events(replace(job, config=lightened(config)), None, preview_size)
        preset = f" with {setting('preset', config.preset)}" if config.preset else ""
        codec = find_codec(config.codec).name
        remark = Notice(
            f"maps are made with less effort, since {codec} is fast{preset}; `effort=full` takes longer"
        )
        return (yield from retold(events, lambda one: [one, remark] if isinstance(one, Started) else [one]))
    return (yield from _events(job, importance, preview_size))


def _events(
    job: Job, importance: ImportanceSource | None, preview_size: tuple[int, int] | None
) -> Generator[Event, None, Result]:
    # The other ways load what a plain run does not need.
    if has_two_passes(job.config):
        from semvid.products.two_pass import two_pass_events

        return (yield from two_pass_events(job, importance=importance, preview_size=preview_size))
    if has_wish(job.config):
        from semvid.products.wished import wish_events

        return (yield from wish_events(job, importance=importance, preview_size=preview_size))
    coding = find_codec(job.config.codec).coding(job.config)
    events = encode_events(
        job.source, job.output, job.config, coding,
        span=job.span, importance=importance, preview_size=preview_size, may_leave_out=True,
    )  # fmt: skip
    return (yield from or_without_map(events, job, preview_size))


def _job(source: Path | str, output: Path | str | None, config: CompressConfig | None) -> Job:
    return Job(
        Path(source), None, None if output is None else Path(output), or_default(config, CompressConfig)
    )
