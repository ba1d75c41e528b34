"""Run many ``semvid`` commands, each in a process of its own that starts at once.

What a command imports takes longer than what it does with a small file, so the modules are loaded once and
every command runs in a fork of this process. Needs a system that can fork (Linux, macOS). Nothing here
depends on how semvid is divided into modules: ``same.py`` runs it on older and newer code.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pkgutil
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import semvid

_PRELOADED = ("torch", "onnxruntime")
"""What semvid loads on first use."""
_POLL_SECONDS = 0.01
_MOST_OUTPUT = 4 * 2**20


@dataclass(frozen=True, slots=True)
class Command:
    """What is to run.

    Attributes:
        arguments: After ``semvid``.
        folder: Where it runs.
        key: Whatever the caller knows it by.
        call: Runs in place of the ``semvid`` program, given the arguments.
        on_one_core: Keep it to one core, where the system can: encoders then use one thread.
    """

    arguments: Sequence[str]
    folder: Path
    key: Any = None
    call: Callable[[Sequence[str]], None] | None = None
    on_one_core: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    code: int
    """Exit code; negative = the number of the signal that ended it."""
    timed_out: bool
    out: str
    err: str
    peak_mib: float
    seconds: float

    @property
    def fault(self) -> str | None:
        """What no input may cause, or None."""
        if self.timed_out:
            return f"no end after {self.seconds:.0f} s"
        if self.code < 0:
            return f"ended by {signal.Signals(-self.code).name}"
        if "Traceback (most recent call last)" in self.err or "Traceback (most recent call last)" in self.out:
            return "a traceback: " + self.err.strip().rpartition("\n")[2][:200]
        if self.code and not self.err.strip():
            return f"exit code {self.code} without a word"
        return None


def run_all(
    commands: Iterable[Command], *, workers: int, limit_seconds: float
) -> Iterator[tuple[Command, Outcome]]:
    """Run commands, some at a time, and yield each with its outcome as they end.

    Args:
        commands: Consumed as workers become free.
        workers: Commands at a time.
        limit_seconds: A command that takes longer is killed with all it started.
    """
    _preload()
    running: dict[int, tuple[Command, float, Path]] = {}
    killed: set[int] = set()
    waiting = iter(commands)
    with tempfile.TemporaryDirectory() as work:
        number = 0
        while True:
            while len(running) < workers and (command := next(waiting, None)) is not None:
                number += 1
                said = Path(work) / str(number)
                running[_fork(command, said)] = (command, time.monotonic(), said)
            if not running:
                return
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if not pid:
                for one, (_, started, _) in running.items():
                    if one not in killed and time.monotonic() - started > limit_seconds:
                        killed.add(one)
                        with contextlib.suppress(ProcessLookupError):
                            os.killpg(one, signal.SIGKILL)
                time.sleep(_POLL_SECONDS)
                continue
            command, started, said = running.pop(pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)  # whatever it left running
            yield command, Outcome(
                code=os.waitstatus_to_exitcode(status), timed_out=pid in killed,
                out=_read(said, "out"), err=_read(said, "err"),
                peak_mib=usage.ru_maxrss / (1024 if sys.platform != "darwin" else 2**20),
                seconds=time.monotonic() - started,
            )  # fmt: skip


def _preload() -> None:
    for found in pkgutil.walk_packages(semvid.__path__, "semvid."):
        if ".training" not in found.name:
            importlib.import_module(found.name)
    for name in _PRELOADED:
        importlib.import_module(name)


def _fork(command: Command, said: Path) -> int:
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        os.setsid()
        os.chdir(command.folder)
        if command.on_one_core and hasattr(os, "sched_setaffinity"):
            cores = sorted(os.sched_getaffinity(0))
            os.sched_setaffinity(0, {cores[os.getpid() % len(cores)]})
        for number, target, flags in (
            (0, os.devnull, os.O_RDONLY),
            (1, f"{said}.out", os.O_WRONLY | os.O_CREAT),
            (2, f"{said}.err", os.O_WRONLY | os.O_CREAT),
        ):
            os.dup2(os.open(target, flags), number)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if command.call is not None:
                command.call(command.arguments)
                code = 0
            else:
                (program,) = entry_points(group="console_scripts", name="semvid")
                sys.argv = ["semvid", *command.arguments]
                program.load()()
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:  # noqa: BLE001 - shown as the interpreter would
        sys.excepthook(*sys.exc_info())
        code = 1
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _read(said: Path, end: str) -> str:
    path = said.with_name(f"{said.name}.{end}")
    try:
        with path.open("rb") as file:
            return file.read(_MOST_OUTPUT).decode(errors="replace")
    except FileNotFoundError:
        return ""
    finally:
        path.unlink(missing_ok=True)
