"""Child processes that end when semvid does, even if it is killed: their standard input closes then."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from semvid.core.interrupts import finished_step, shielded

_GUARD = Path(__file__).with_name("child_guard.py")
_PATIENCE_SECONDS = 5.0


def start_child(
    arguments: Sequence[str], *, folder: Path | None = None, stderr: int
) -> subprocess.Popen[bytes]:
    """Start Python with these arguments; what runs there has to end when its input does.

    Args:
        arguments: For Python.
        folder: Where it works; None = where we do.
        stderr: As for ``Popen``.
    """
    with _kept_from_ctrl_c():
        return subprocess.Popen(  # noqa: S603 - ourselves, and no shell
            [sys.executable, *arguments],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )


@contextmanager
def _kept_from_ctrl_c() -> Iterator[None]:
    """Block Ctrl-C for what is started: it is for us, and would kill what has no session of its own yet."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def run_child(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Run another program to its end; if semvid ends first, so does the program.

    Args:
        command: Program and arguments. It has no input, and what it prints is dropped.
        folder: Where it works.

    Returns:
        Its exit code, negative for a signal, and what it said of errors.
    """
    with shielded():
        child = start_child(["-I", "-S", str(_GUARD), *command], folder=folder, stderr=subprocess.PIPE)
    try:
        assert child.stdout is not None and child.stderr is not None  # noqa: PT018, S101 - both are pipes
        words = child.stderr.read().decode("utf-8", "replace")
        code = int(child.stdout.read() or 1)
    finally:
        finished_step(lambda: _end(child))
    return code, words


def _end(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
    for pipe in (child.stdout, child.stderr):
        if pipe is not None:
            pipe.close()
