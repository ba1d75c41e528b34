"""Whether the SVT-AV1 library may be driven: found out once for each library, and kept."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

import platformdirs

from semvid.codecs.svtav1.library import Library, load_library
from semvid.core.errors import EncoderError

_SECONDS = 60
"""For the trial: it takes one, and more on a machine that is busy."""


@cache
def trusted_library() -> Library:
    """Return the library, tried in a process of its own by whoever was first.

    Raises:
        EncoderError: There is none, or it does not do what it should; the sentence says what.
    """
    library = load_library()
    verdict = _verdict_file(library)
    if not verdict.exists():
        if fault := try_library():
            raise EncoderError(
                f"SVT-AV1 {library.version} cannot be driven: {fault}; use `codec=x265`, or install av 18.1"
            )
        # Where it cannot be kept it is tried each time.
        with suppress(OSError):
            verdict.parent.mkdir(parents=True, exist_ok=True)
            verdict.touch()
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


def _verdict_file(library: Library) -> Path:
    """Return the file that says that it works: one for each library and each version of the driver."""
    state = library.path.stat()
    about = [str(library.path), str(state.st_size), str(state.st_mtime_ns)]
    sources = (
        Path(__file__).with_name(name).read_bytes() for name in ("library.py", "session.py", "trial.py")
    )
    name = hashlib.sha256(b"".join([*sources, "|".join(about).encode()])).hexdigest()[:32]
    return Path(platformdirs.user_cache_dir("semvid")) / f"svtav1-{name}.ok"
