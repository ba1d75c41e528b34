"""What a process of its own does, for tests in which it works beside others, or dies.

It comes from a server that has no threads: a copy of a process that has some may wait forever for a lock that one
of them held.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from unittest import mock

from semvid.batch.jobs.store import JobStore
from semvid.batch.run import compress_many
from semvid.core.config import BatchConfig

KILLED = 9
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["apart"])


def begin(work: Callable[..., None], *arguments: object) -> BaseProcess:
    """Begin a function of a module that can be imported, not of a test, in a process of its own."""
    process = _CONTEXT.Process(target=work, args=arguments)
    process.start()
    return process


def run_until_killed(work: Callable[..., None], *arguments: object) -> None:
    """Run a function that ends its process; anything else fails the test."""
    process = begin(work, *arguments)
    process.join()
    assert process.exitcode == KILLED


def compress_until(
    sources: Sequence[Path], output: Path | None, config: BatchConfig, is_time: Callable[[object], bool]
) -> None:
    """Run a batch that dies at an event."""
    compress_many(sources, output, config, on_event=lambda one: is_time(one) and os._exit(KILLED))


def compress_without_note(sources: Sequence[Path], output: Path | None, config: BatchConfig) -> None:
    """Run a batch that dies when it would note that something is done."""
    with mock.patch.object(JobStore, "settle", side_effect=lambda *_, **__: os._exit(KILLED)):
        compress_many(sources, output, config)


def has_ended(event: object, part: int | None = None) -> bool:
    """Whether a part, or this one, has ended."""
    return type(event).__name__ == "PartEnded" and part in (None, getattr(event, "part", None))


def has_begun(event: object) -> bool:
    """Whether a part has begun."""
    return type(event).__name__ == "JobBegan" and bool(getattr(event, "part", None))


def is_corrected(event: object) -> bool:
    """Whether a part is encoded again for the size of the whole."""
    return "encoded again" in getattr(event, "message", "")


def take_all(path: Path, log: Path, crash_every: int) -> None:
    """Do jobs until there are none; die at every so many without a word."""
    done = idle = 0
    with JobStore(path, clock=lambda: time.time() * 600) as store:
        holder = f"{os.getpid()}"
        while idle < 40:
            taken = store.take(holder, 1000)
            if taken is None:
                idle += 1
                time.sleep(0.01)
                continue
            idle = 0
            done += 1
            if crash_every and done % crash_every == 0:
                os._exit(KILLED)
            if store.settle(taken.id, holder, "done"):
                with log.open("a") as file:
                    file.write(f"{taken.id}\n")
