"""Carries out what a worker is ordered to do, wherever it runs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from semvid.batch.task import Task
from semvid.core import interrupts
from semvid.core.errors import SemvidError
from semvid.core.events import Notice, Progress, Stage

_TOLD_EVERY = 0.2
"""Seconds between two signs of progress."""


def carry_out(order: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Do a job.

    Args:
        order: See ``order_of``.
        tell: Called with what happens meanwhile: the ``record`` of ``Told``.

    Returns:
        How it ended, likewise.
    """
    told = 0.0
    try:
        parts = tuple(map(Path, order["parts"]))
        task = Task.from_plain(order["task"], Path(order["source"]), parts)
        output = Path(order["output"])
        is_trial = order.get("is_trial", False)
        events = (task.estimate if is_trial else task.run)(output, order["threads"])
        while True:
            try:
                event: Progress | Stage | Notice = next(events)
            except StopIteration as end:
                return {"event": "ended", "result": {"codec": task.codec, **end.value}}
            interrupts.check()
            if isinstance(event, Progress):
                if time.monotonic() - told < _TOLD_EVERY:
                    continue
                told = time.monotonic()
            tell({"event": type(event).__name__.lower(), **dataclasses.asdict(event)})
    except SemvidError as error:
        return {"event": "ended", "exit_code": error.exit_code, "message": str(error)}
    except MemoryError:
        return {"event": "ended", "exit_code": 1, "message": "there is too little free memory"}
