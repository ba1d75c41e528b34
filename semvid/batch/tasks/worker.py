"""A process that compresses one file after another: ``python -m semvid.batch.tasks.worker``.

It reads orders from standard input, one JSON object on each line, and writes what happens to standard output
likewise. An encoder that crashes takes this process with it, and nothing else. When standard input ends, as
it does when whoever started it dies, the work is broken off and what is unfinished is removed.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from semvid.batch.tasks.orders import carry_out
from semvid.core import interrupts

_EXIT_BROKEN_OFF = 130


def _teller() -> Callable[[dict[str, Any]], None]:
    """Return what tells of events; whatever libraries print on standard output goes to standard error now."""
    place = os.dup(1)
    os.dup2(2, 1)

    def tell(record: dict[str, Any]) -> None:
        line = json.dumps(record, separators=(",", ":"), allow_nan=False)
        os.write(place, line.encode() + b"\n")

    return tell


def _read(orders: queue.Queue[dict[str, Any] | None]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    # A signal that comes while modules are loaded is put off, and wakes nobody who waits for orders by then.
    orders.put(None)
    # The main thread has to wake, whatever it waits for.
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)


def main() -> None:
    """Carry out orders until there are no more to come."""
    if hasattr(signal, "pthread_sigmask"):
        # It was blocked until now, and one that came is gone.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    interrupts.listen()
    tell = _teller()
    orders: queue.Queue[dict[str, Any] | None] = queue.Queue()
    try:
        threading.Thread(target=_read, args=(orders,), daemon=True).start()
        while True:
            order = orders.get()
            if order is None:
                raise KeyboardInterrupt
            tell(carry_out(order, tell))
    except KeyboardInterrupt:
        release_all = getattr(sys.modules.get("semvid.media.writing.claim"), "release_all", None)
        if release_all is not None:
            with interrupts.shielded():
                interrupts.ignore()
                release_all()
        sys.stdout.flush()
        os._exit(_EXIT_BROKEN_OFF)


if __name__ == "__main__":
    main()
