"""The entry point of the ``semvid`` program: it handles signals first, and prints every error as one line."""

from __future__ import annotations

# Import nothing slow here: a signal that comes before the handlers are set finds none.
import atexit
import gc
import os
import sys
import threading
from typing import NoReturn

from semvid.cli import streams
from semvid.core import interrupts
from semvid.core.errors import BatchStoppedError, ReportInterruptedError, SemvidError
from semvid.core.text import for_people

_OBJECTS_PER_COLLECTION = 100_000
"""Modules make that many, none of them garbage: looking for garbage as often as Python does would take 60 ms
of the start. Frames make none that only such a search finds."""


def run() -> None:
    """Run the command line and exit with its code."""
    message = ""
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    # Else numpy's library has a thread for each core, which spins when it starts and after each use: a tenth
    # of the start, for a few small products.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        interrupts.listen()
        sys.excepthook = sys.__excepthook__
        streams.prepare()
        code, message = _run_app()
    except KeyboardInterrupt:
        code, message = _interrupted()
    # Remove what a signal kept from being removed where it was made.
    with interrupts.shielded():
        interrupts.ignore()
        _remove_leftovers()
        if message:
            print(f"semvid: {for_people(message)}", file=sys.stderr)
        _end(code)


def _run_app() -> tuple[int, str]:
    from semvid.cli.app import run_app

    try:
        code = run_app()
        streams.check_result()
    except SemvidError as error:
        from semvid.cli.flags import to_flags

        is_interrupted = isinstance(error, BatchStoppedError | ReportInterruptedError)
        return interrupts.exit_code() if is_interrupted else error.exit_code, to_flags(str(error))
    return code, ""


def _interrupted() -> tuple[int, str]:
    # A signal after the last output was complete changes nothing.
    all_is_published = getattr(sys.modules.get("semvid.media.writing.claim"), "all_is_published", None)
    if all_is_published is not None and all_is_published():
        return 0, ""
    return interrupts.exit_code(), f"{interrupts.told()}; nothing unfinished was left behind"


def _remove_leftovers() -> None:
    # There can only be any if the module was loaded completely.
    release_all = getattr(sys.modules.get("semvid.media.writing.claim"), "release_all", None)
    if release_all is not None:
        release_all()


def _end(code: int) -> NoReturn:
    # A thread that still decodes or encodes would go on meanwhile.
    if threading.active_count() == 1:
        atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # Taking all modules apart would take 0.2 s, to free memory that the system frees anyway.
    os._exit(code)
