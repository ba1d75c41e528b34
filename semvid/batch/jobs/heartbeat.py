"""Signs of life of whoever holds jobs, also during steps that take minutes."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from semvid.batch.jobs.store import LEASE_SECONDS, JobStore
from semvid.core.errors import OutputError

_BEATS_PER_LEASE = 4


@contextlib.contextmanager
def beating(path: Path, holder: str) -> Iterator[None]:
    """Give signs of life for the jobs of a holder, from a thread of its own, until the block is left.

    To find where a film can be divided, or to copy one to another disk, may take longer than a job is held.

    Args:
        path: The store.
        holder: Who holds them.
    """
    is_over = threading.Event()

    def beat() -> None:
        # If the store cannot be used, whoever works with it finds out and tells.
        with contextlib.suppress(OutputError), JobStore(path) as store:
            while not is_over.wait(LEASE_SECONDS / _BEATS_PER_LEASE):
                with contextlib.suppress(OutputError):
                    store.beat(holder)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()
