"""What the threads of the library may do, and what they are doing, on Linux.

Wherever root runs it there, the library takes real-time priority: it gives the highest there is to its own
threads and, for good, to the thread that starts it. That one would hold up decoding and the network, and
processes that it starts would inherit it; an encoder whose threads wait by spinning, such as libvpx, comes to
a standstill beside it.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")
_PAUSE_SECONDS = 0.0005
_MOST_SECONDS = 2.0
_marks = itertools.count()
_one_at_a_time = threading.RLock()
"""SVT-AV1 counts the threads of each stage in tables that all encoders of a process share (``tpl_ports``,
``enc_dec_ports`` and others of ``enc_handle.c``, 4.1), and reads them again while it starts. Where another
starts meanwhile with fewer threads, a thread is left without its queue, and crashes later. Reentrant: the
collector may run here."""


@contextmanager
def kept_priorities() -> Iterator[set[int]]:
    """While the library starts: its threads become ordinary, and the calling one stays as it is.

    One caller at a time: the others wait.

    Yields:
        A set in which its threads are then found, on Linux.
    """
    with _one_at_a_time:
        if sys.platform == "linux":
            with _kept_on_linux() as appeared:
                yield appeared
        else:
            yield set()


@contextmanager
def _kept_on_linux() -> Iterator[set[int]]:
    appeared: set[int] = set()
    caller = threading.get_native_id()
    policy, parameters = os.sched_getscheduler(caller), os.sched_getparam(caller)
    before = _threads()
    # Threads of others may appear meanwhile; those of the library have the name of the one that starts them.
    name, mark = _name_of(caller), f"svt-{next(_marks)}".encode()
    is_marked = _rename(caller, mark)
    try:
        yield appeared
    finally:
        if is_marked:
            _rename(caller, name)
        _set(caller, policy, parameters)
        appeared |= {one for one in _threads() - before if not is_marked or _name_of(one) == mark}
        for thread in appeared:
            _set(thread, os.SCHED_OTHER, os.sched_param(0))


def wait_for_rest(threads: set[int]) -> None:
    """Wait until none of the threads has anything to do; where none are known, a moment."""
    if not threads:
        time.sleep(_PAUSE_SECONDS)
        return
    end = time.monotonic() + _MOST_SECONDS
    while any(map(_is_busy, threads)) and time.monotonic() < end:
        time.sleep(_PAUSE_SECONDS)


def _rename(thread: int, name: bytes) -> bool:
    """Return whether it could be done: ``/proc`` may be missing, or not for writing."""
    try:
        (_TASKS / str(thread) / "comm").write_bytes(name)
    except OSError:
        return False
    return True


def _name_of(thread: int) -> bytes:
    try:
        return (_TASKS / str(thread) / "comm").read_bytes().strip()
    except OSError:
        return b""


def _is_busy(thread: int) -> bool:
    """Tell whether a thread runs, or would if a core were free; see proc_pid_stat(5)."""
    try:
        told = (_TASKS / str(thread) / "stat").read_bytes()
    except OSError:
        return False
    return told[told.rindex(b")") + 2 : told.rindex(b")") + 3] == b"R"


def _set(thread: int, policy: int, parameters: os.sched_param) -> None:
    # Threads end at any time.
    with suppress(OSError):
        if os.sched_getscheduler(thread) == os.SCHED_FIFO != policy:
            os.sched_setscheduler(thread, policy, parameters)


def _threads() -> set[int]:
    """Return the threads of this process."""
    try:
        return {int(one.name) for one in _TASKS.iterdir()}
    except OSError:
        return set()
