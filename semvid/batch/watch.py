"""Compresses what comes into folders, for as long as it is left to run."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from semvid.batch.events import BatchEnded, BatchEvent, Planned
from semvid.batch.plan import OptionsReader
from semvid.batch.run import compress_many_events
from semvid.batch.sources import Source, find_sources, left_out_of
from semvid.core.config import BatchConfig
from semvid.core.errors import ConfigError, InputError
from semvid.core.settings import or_default

LOOK_SECONDS = 5.0
"""Between two looks. They are looks at names and times, since network drives tell nobody of changes."""

_Look = dict[Path, tuple[int, int]]
"""Size and time of each file."""


def watch_events(
    sources: Sequence[Path | str],
    output: Path | str | None = None,
    config: BatchConfig | None = None,
    *,
    read_options: OptionsReader | None = None,
    words: Callable[[str], str] = str,
    wait: Callable[[float], None] = time.sleep,
) -> Generator[BatchEvent, None, None]:
    """Do what ``compress_many_events`` does, again and again, until it is closed or a batch is stopped.

    A file is taken once its size and time were the same at two looks: until then somebody may be writing it.

    Args:
        sources: As for ``compress_many_events``, as are the next four; there need not be any file yet.
        output: A folder.
        config: Options.
        read_options: Reads the options that lists give to single files.
        words: Puts a message into the user's words.
        wait: Waits for so many seconds.

    Yields:
        The events of each batch that has something to do.

    Raises:
        SemvidError: See ``compress_many_events``.
    """
    if not or_default(config, BatchConfig).resume:
        raise ConfigError("`resume=False` does all again, and a watch would for ever; leave it out")
    names = [os.fspath(one) for one in sources]
    left_out = left_out_of(None if output is None else Path(output), or_default(config, BatchConfig).trash)
    before: _Look = {}
    while True:
        now = _look(names, left_out)
        resting = {path for path, seen in now.items() if before.get(path) == seen}
        before = now
        if resting and (yield from _batch(names, output, config, read_options, words, resting)):
            return
        wait(LOOK_SECONDS)


def _look(names: Sequence[str], left_out: Sequence[Path]) -> _Look:
    found: _Look = {}
    try:
        listed = find_sources(names, left_out).sources
    except InputError:
        # Nothing is there yet, or it has just gone.
        listed = []
    for one in listed:
        try:
            status = one.path.stat()
        except OSError:
            continue
        found[one.path] = status.st_size, status.st_mtime_ns
    return found


def _batch(
    names: Sequence[str],
    output: Path | str | None,
    config: BatchConfig | None,
    read_options: OptionsReader | None,
    words: Callable[[str], str],
    resting: set[Path],
) -> Generator[BatchEvent, None, bool]:
    """Do what has stopped growing; returns whether the user wanted it to end."""

    def is_taken(source: Source) -> bool:
        return source.path in resting

    has_work, is_stopped, is_planned = True, False, False
    events = compress_many_events(
        names, output, config, read_options=read_options, takes=is_taken, words=words
    )
    try:
        for event in events:
            if isinstance(event, Planned):
                is_planned, has_work = True, event.num_waiting > 0
            if isinstance(event, BatchEnded):
                is_stopped = event.is_stopped
            if has_work and not (isinstance(event, BatchEnded) and not event.counts):
                yield event
    except InputError:
        if is_planned:
            raise
        # What was there at the last look has just gone.
    return is_stopped
