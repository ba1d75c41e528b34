"""A process that compresses one file after another: ``python -m semvid.batch.worker``.

It reads orders from standard input, one JSON object on each line, and writes what happens to standard output
likewise. An encoder that crashes takes this process with it, and nothing else. When standard input ends, as
it does when whoever started it dies, the work is broken off and what is unfinished is removed.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from semvid.batch.task import Task
from semvid.core import interrupts
from semvid.core.errors import SemvidError
from semvid.core.events import Notice, Progress, Stage

_EXIT_BROKEN_OFF = 130
_TOLD_EVERY = 0.2
"""Seconds between two signs of progress."""


def _tell(record: dict[str, Any]) -> None:
    line = json.dumps(record, separators=(",", ":"), allow_nan=False)
    os.write(1, line.encode() + b"\n")


def _read(orders: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        orders.put(json.loads(line))
    # The main thread has to wake, whatever it waits for.
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
    else:
        signal.raise_signal(signal.SIGTERM)


def _carry_out(order: dict[str, Any]) -> dict[str, Any]:
    told = 0.0
    try:
        parts = tuple(map(Path, order["parts"]))
        task = Task.from_plain(order["task"], Path(order["source"]), parts)
        events = task.run(Path(order["output"]), order["threads"])
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return {"event": "ended", "result": end.value}
            interrupts.check()
            if isinstance(event, Progress) and time.monotonic() - told < _TOLD_EVERY:
                continue
            told = time.monotonic() if isinstance(event, Progress) else told
            kind: Progress | Stage | Notice = event
            _tell({"event": type(kind).__name__.lower(), **dataclasses.asdict(kind)})
    except SemvidError as error:
        return {"event": "ended", "exit_code": error.exit_code, "message": str(error)}
    except MemoryError:
        return {"event": "ended", "exit_code": 1, "message": "there is too little free memory"}


def main() -> None:
    """Carry out orders until there are no more to come."""
    interrupts.listen()
    orders: queue.Queue[dict[str, Any]] = queue.Queue()
    try:
        threading.Thread(target=_read, args=(orders,), daemon=True).start()
        while True:
            _tell(_carry_out(orders.get()))
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
