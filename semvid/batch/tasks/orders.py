"""Carries out what a worker is ordered to do, wherever it runs."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from av.error import FFmpegError

from semvid.batch.films.borders import Part, divide
from semvid.batch.tasks.doing import estimate_task, run_task
from semvid.batch.tasks.task import Task
from semvid.core import interrupts
from semvid.core.errors import InputError, SemvidError
from semvid.core.events import Notice, Progress, Stage
from semvid.core.text import reason

_TOLD_EVERY = 0.2
"""Seconds between two signs of progress."""


def carry_out(order: dict[str, Any], tell: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Do a job.

    Args:
        order: See ``order_of``.
        tell: Called with what happens meanwhile: the ``record`` of ``Told``.

    Returns:
        How it ended, likewise. If a long video is to be divided nothing is written, and ``spans`` say where:
        each has a ``span``, the fields of ``Span`` in their order, and ``seconds``, see ``Part``.
    """
    told = 0.0
    try:
        finished = tuple(map(Path, order["parts"]))
        task = Task.from_plain(order["task"], Path(order["source"]), finished)
        output = Path(order["output"])
        is_trial = order.get("is_trial", False)
        seconds = order["task"].get("part_seconds", 0)
        if seconds and not finished and not is_trial:
            tell({"event": "stage", "name": "finding where to divide it"})
            parts = _divided(task.source, seconds)
            if len(parts) > 1:
                return {"event": "ended", "spans": [_plain(one) for one in parts]}
        events = (estimate_task if is_trial else run_task)(task, output, order["threads"])
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


def _plain(part: Part) -> dict[str, Any]:
    return {"span": list(dataclasses.astuple(part.span)), "seconds": part.seconds}


def _divided(source: Path, seconds: float) -> list[Part]:
    """See ``divide``. It reads all of a video, so it is no work for whoever hands out all jobs.

    Raises:
        InputError: It cannot be divided.
    """
    try:
        return divide(source, seconds)
    except (FFmpegError, OSError) as error:
        raise InputError(f"{source} cannot be divided: {reason(error)}; copy or download it again") from error
