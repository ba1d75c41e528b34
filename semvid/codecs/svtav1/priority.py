"""Keeps the library from taking real-time priority, as it does wherever root runs it on Linux.

It gives the highest there is to its own threads and, for good, to the thread that starts it. That one would
hold up decoding and the network, and processes that it starts would inherit it; an encoder whose threads wait
by spinning, such as libvpx, comes to a standstill beside it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def kept_priorities() -> Iterator[None]:
    """While the library starts: threads that appear become ordinary, and the calling one stays as it is."""
    if sys.platform != "linux":
        yield
        return
    caller = threading.get_native_id()
    policy, parameters = os.sched_getscheduler(caller), os.sched_getparam(caller)
    before = _threads()
    try:
        yield
    finally:
        _set(caller, policy, parameters)
        for thread in _threads() - before:
            _set(thread, os.SCHED_OTHER, os.sched_param(0))


def _set(thread: int, policy: int, parameters: os.sched_param) -> None:
    # Threads end at any time.
    with suppress(OSError):
        if os.sched_getscheduler(thread) == os.SCHED_FIFO != policy:
            os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    """Return the threads of this process."""
    return {int(one.name) for one in Path("/proc/self/task").iterdir()}
