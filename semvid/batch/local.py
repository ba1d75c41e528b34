"""Runs tasks on this machine, in as many processes as are wanted, each with one encoder."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from semvid.batch.job_records import Taken
from semvid.batch.pool import Told, order_of
from semvid.core.children import start_child
from semvid.core.interrupts import finished_step, shielded

_PATIENCE_SECONDS = 10.0
_LAST_WORDS = 2000


class _Worker:
    """One process; it is started for its first job, and again after it died."""

    def __init__(self, told: queue.Queue[Told]) -> None:
        self._told = told
        self._child: subprocess.Popen[bytes] | None = None
        self._listener: threading.Thread | None = None
        self.job: int | None = None

    def begin(self, job: int, order: Mapping[str, Any]) -> None:
        self.job = job
        if self._child is None or self._child.poll() is not None:
            with shielded():
                # Not from the folder it is run in, which may hold a folder of our name.
                self._child = start_child(["-P", "-m", "semvid.batch.worker"], stderr=subprocess.PIPE)
            self._listener = threading.Thread(target=self._listen, args=(self._child,), daemon=True)
            self._listener.start()
        assert self._child.stdin is not None  # noqa: S101 - it is a pipe
        # If it died meanwhile, whoever listens tells.
        with contextlib.suppress(OSError):
            self._child.stdin.write(json.dumps(order).encode() + b"\n")
            self._child.stdin.flush()

    def _listen(self, child: subprocess.Popen[bytes]) -> None:
        assert child.stdin is not None and child.stdout is not None and child.stderr is not None  # noqa: PT018, S101
        words = bytearray()
        stderr = child.stderr

        def drain() -> None:
            for line in stderr:
                words.extend(line)
                del words[:-_LAST_WORDS]

        drained = threading.Thread(target=drain, daemon=True)
        drained.start()
        for line in child.stdout:
            job = self.job
            if job is None:
                continue
            record = json.loads(line)
            if record["event"] == "ended":
                self.job = None
            self._told.put(Told(job, record))
        code = child.wait()
        drained.join(_PATIENCE_SECONDS)
        for pipe in (child.stdin, child.stdout, child.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        if self.job is not None:
            job, self.job = self.job, None
            last = words.decode("utf-8", "replace").strip().splitlines()
            why = f"signal {-code}" if code < 0 else f"exit code {code}"
            message = f"its process ended with {why}" + (f": {last[-1]}" if last else "")
            self._told.put(Told(job, {"event": "died", "message": message}))

    def close(self) -> None:
        """Break off what it does."""
        child, self._child = self._child, None
        if child is None:
            return
        if child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        try:
            child.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        if self._listener is not None:
            self._listener.join(_PATIENCE_SECONDS)


class LocalPool:
    """Processes that work on jobs, at most one each. A context manager: at its end all are broken off.

    Args:
        num_workers: How many.
        threads: Cores that each keeps busy.
    """

    def __init__(self, num_workers: int, threads: int) -> None:
        self._told: queue.Queue[Told] = queue.Queue()
        self._workers = [_Worker(self._told) for _ in range(num_workers)]
        self._threads = threads

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        finished_step(self._close)

    def _close(self) -> None:
        # All at once: each may take a while to remove what is unfinished.
        closing = [threading.Thread(target=one.close) for one in self._workers]
        for one in closing:
            one.start()
        for one in closing:
            one.join()

    @property
    def num_free(self) -> int:
        """Processes without a job."""
        return sum(one.job is None for one in self._workers)

    def begin(self, taken: Taken, output: Path, parts: Sequence[Path]) -> None:
        """Give a job to a process that has none; ``parts`` as for ``Task.from_plain``."""
        worker = next(one for one in self._workers if one.job is None)
        worker.begin(taken.id, order_of(taken, output, parts, self._threads))

    def next(self, seconds: float) -> Told | None:
        """Wait for what is told next; None = nothing was for so long."""
        try:
            return self._told.get(timeout=seconds)
        except queue.Empty:
            return None
