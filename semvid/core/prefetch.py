"""The one hand-off between threads: bounded, forwards exceptions, drained on every exit."""

from __future__ import annotations

import contextlib
import os
import queue
import sys
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

from semvid.core.interrupts import finished_step, shielded

Item = TypeVar("Item")

_POLL_SECONDS = 0.1
_BACKGROUND_PRIORITY = 10


class _End:
    """Closes the queue; carries the producer's exception if it had one."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


def prefetch(items: Iterable[Item], depth: int, name: str) -> Generator[Item, None, None]:
    """Run ``items`` in a separate thread of low priority, at most ``depth`` results ahead of the consumer.

    The producer's exception is raised in the consumer, after the items made before it. When the consumer
    stops early (``close()``, an exception, garbage collection) the producer is stopped at its next item,
    its generator is closed in its own thread, and the thread is joined.

    Args:
        items: Consumed in the new thread; if it is a generator it is closed there.
        depth: Results held at most, at least 1.
        name: Thread name, for debuggers.
    """
    handoff: queue.Queue[Item | _End] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def offer(item: Item | _End) -> bool:
        while not stopped.is_set():
            try:
                handoff.put(item, timeout=_POLL_SECONDS)
            except queue.Full:
                continue
            return True
        return False

    def produce() -> None:
        error: BaseException | None = None
        step_back()
        try:
            for item in items:
                if not offer(item):
                    break
        except BaseException as caught:  # noqa: BLE001 - forwarded, whatever it is
            error = caught
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                try:
                    close()
                except BaseException as caught:  # noqa: BLE001
                    error = error or caught
        offer(_End(error))

    producer = threading.Thread(target=produce, name=name, daemon=True)

    def stop() -> None:
        stopped.set()
        while True:
            try:
                handoff.get_nowait()
            except queue.Empty:
                break
        if producer.ident is not None:
            producer.join()

    try:
        with shielded():
            producer.start()
        while True:
            item = handoff.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        # A thread that outlived this would read from what is closed next.
        finished_step(stop)


def step_back() -> None:
    """Lower the priority of this thread. Elsewhere than on Linux that would be the whole process."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BACKGROUND_PRIORITY)
