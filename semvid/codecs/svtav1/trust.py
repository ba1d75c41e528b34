"""Whether the SVT-AV1 library may be driven: found out once for each library, and kept."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

from semvid.codecs.svtav1.library import Library, load_library
from semvid.core.errors import EncoderError
from semvid.core.findings import Finding

_SECONDS = 60
"""For the trial: it takes one, and more on a machine that is busy."""


@cache
def trusted_library() -> Library:
    """Return the library, tried in a process of its own by whoever was first.

    Raises:
        EncoderError: There is none, or it does not do what it should; the sentence says what.
    """
    library = load_library()
    verdict = _finding(library)
    if verdict.known() is None:
        if fault := try_library():
            raise EncoderError(
                f"SVT-AV1 {library.version} cannot be driven: {fault}; use `codec=x265`, or install av 18.1"
            )
        verdict.keep({"works": True})
    return library


def try_library() -> str:
    """Run ``trial.py``; returns what is wrong, or nothing."""
    command = [sys.executable, "-P", "-m", "semvid.codecs.svtav1.trial"]
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, and a module of ours
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"its trial took more than {_SECONDS} seconds"
    except OSError as error:
        return f"its trial could not be started ({error})"
    if done.returncode:
        return f"its trial ended with code {done.returncode}"
    return done.stdout.strip()


def _finding(library: Library) -> Finding:
    """Return the place of the verdict: one for each library and each version of the driver."""
    state = library.path.stat()
    about = (str(library.path), str(state.st_size), str(state.st_mtime_ns))
    names = ("library.py", "session.py", "trial.py")
    return Finding("svtav1", about, tuple(Path(__file__).with_name(name) for name in names))
