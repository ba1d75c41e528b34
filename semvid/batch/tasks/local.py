"""Runs tasks on this machine, in as many processes as are wanted, each with one encoder."""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from semvid.batch.jobs.records import Taken
from semvid.batch.tasks.pool import Told, order_of
from semvid.core.children import start_child
from semvid.core.interrupts import finished_step, shielded

_PATIENCE_SECONDS = 10.0
_LAST_WORDS = 2000


class _Worker:
    """One process, from its start to its end, whatever ends it."""

    def __init__(self, told: queue.Queue[Told]) -> None:
        self._told = told
        self._lock = threading.Lock()
        """Whoever listens must not miss a job that is begun while the process ends."""
        self.is_over = False
        self.job: int | None = None
        with shielded():
            # Not from the folder it is run in, which may hold a folder of our name.
            self._child = start_child(["-P", "-m", "semvid.batch.tasks.worker"], stderr=subprocess.PIPE)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def begin(self, job: int, order: Mapping[str, Any]) -> bool:
        """Give it a job; returns whether it can still take one."""
        assert self._child.stdin is not None  # noqa: S101 - it is a pipe
        with self._lock:
            if self.is_over:
                return False
            self.job = job
        # If it died meanwhile, whoever listens tells.
        with contextlib.suppress(OSError, ValueError):
            self._child.stdin.write(json.dumps(order).encode() + b"\n")
            self._child.stdin.flush()
        return True

    def _listen(self) -> None:
        child = self._child
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
            try:
                record = json.loads(line)
            except ValueError:
                # It was killed within a line, or two of its lines became one.
                threading.Thread(target=self._end, daemon=True).start()
                break
            if record["event"] == "ended":
                self.job = None
            self._told.put(Told(job, record))
        # Else it could not end where it has more to say.
        for _ in child.stdout:
            continue
        code = child.wait()
        drained.join(_PATIENCE_SECONDS)
        with self._lock:
            self.is_over = True
            job, self.job = self.job, None
        for pipe in (child.stdin, child.stdout, child.stderr):
            with contextlib.suppress(OSError):
                pipe.close()
        if job is not None:
            last = words.decode("utf-8", "replace").strip().splitlines()
            why = f"signal {-code}" if code < 0 else f"exit code {code}"
            message = f"its process ended with {why}" + (f": {last[-1]}" if last else "")
            self._told.put(Told(job, {"event": "died", "message": message}))

    def close(self) -> None:
        """Break off what it does, and tell no more of it."""
        with self._lock:
            self.job = None
            is_over = self.is_over
        self._end(is_over=is_over)
        self._listener.join(_PATIENCE_SECONDS)

    def _end(self, *, is_over: bool = False) -> None:
        """Have the process end, by itself if it does so soon: it removes what is unfinished."""
        child = self._child
        if not is_over and child.stdin is not None:
            with contextlib.suppress(OSError):
                child.stdin.close()
        try:
            child.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class LocalPool:
    """Processes that work on jobs, at most one each. A context manager: at its end all are broken off.

    Args:
        num_workers: How many.
        threads: Cores that each keeps busy.
    """

    def __init__(self, num_workers: int, threads: int) -> None:
        self._told: queue.Queue[Told] = queue.Queue()
        self._num_workers, self._threads = num_workers, threads
        self._workers: list[_Worker] = []
        """Those that were started, and have not ended as far as is known."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        finished_step(lambda: _close_all(self._workers))

    @property
    def num_free(self) -> int:
        """Processes without a job; they need not be started yet."""
        return self._num_workers - sum(one.job is not None for one in self._workers)

    def begin(self, taken: Taken, output: Path, parts: Sequence[Path]) -> None:
        """Give a job to a process that has none; ``parts`` as for ``Task.from_plain``."""
        order = order_of(taken, output, parts, self._threads)
        self._workers = [one for one in self._workers if not one.is_over]
        idle = [one for one in self._workers if one.job is None]
        if not any(one.begin(taken.id, order) for one in idle):
            worker = _Worker(self._told)
            self._workers.append(worker)
            worker.begin(taken.id, order)
        if len(self._workers) < self._num_workers and all(one.job is not None for one in self._workers):
            # Loading takes half a second, which the next job need not wait for.
            self._workers.append(_Worker(self._told))

    def break_off(self, jobs: Collection[int]) -> None:
        """Have the processes that work on these jobs end; others are started where they are needed."""
        workers = [one for one in self._workers if one.job in jobs]
        self._workers = [one for one in self._workers if one not in workers]
        finished_step(lambda: _close_all(workers))

    def next(self, seconds: float) -> Told | None:
        """Wait for what is told next; None = nothing was for so long."""
        try:
            return self._told.get(timeout=seconds)
        except queue.Empty:
            return None


def _close_all(workers: Sequence[_Worker]) -> None:
    # All at once: each may take a while to remove what is unfinished.
    closing = [threading.Thread(target=one.close) for one in workers]
    for one in closing:
        one.start()
    for one in closing:
        one.join()
