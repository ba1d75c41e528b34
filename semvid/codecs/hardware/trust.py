"""Which hardware encoders work on this machine: found out in a process of its own, and kept for a day."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import av
from av.codec.codec import codecs_available

from semvid.codecs.hardware.catalogue import HARDWARE
from semvid.codecs.hardware.spec import HardwareSpec
from semvid.codecs.hardware.trial import Verdict
from semvid.core.findings import Finding

_SECONDS = 60
"""For the trial of one encoder."""
_KEPT_SECONDS = 24 * 3600
"""Then it is tried again: a driver may have changed."""
_found: dict[str, Verdict] = {}
"""In this process."""


def verdict_on(spec: HardwareSpec) -> Verdict:
    """Return what a trial of the encoder finds, or found within a day."""
    if spec.name not in _found:
        _found.update(_try_all([spec]))
    return _found[spec.name]


def verdicts() -> list[tuple[HardwareSpec, Verdict]]:
    """Try all hardware encoders in this FFmpeg build anew."""
    built = [one for one in HARDWARE.values() if _is_built(one)]
    for spec in built:
        _found.pop(spec.name, None)
        _finding(spec).forget()
    _found.update(_try_all(built))
    return [(one, _found[one.name]) for one in built]


def _try_all(specs: Iterable[HardwareSpec]) -> Iterator[tuple[str, Verdict]]:
    untried = []
    for spec in specs:
        if not _is_built(spec):
            yield spec.name, Verdict("this FFmpeg build does not have it")
        elif (kept := _kept(spec)) is not None:
            yield spec.name, kept
        else:
            untried.append(spec)
    found = try_encoders([one.name for one in untried])
    for spec in untried:
        yield spec.name, found[spec.name]
        if not found[spec.name].fault:
            verdict = found[spec.name]
            _finding(spec).keep({"regions": verdict.regions, "gain_db": verdict.gain_db})


def _kept(spec: HardwareSpec) -> Verdict | None:
    known = _finding(spec).known()
    # Anything else than what was written is no verdict.
    with suppress(TypeError):
        return None if known is None else Verdict(**known)
    return None


def _is_built(spec: HardwareSpec) -> bool:
    return spec.library in codecs_available


def try_encoders(names: list[str]) -> dict[str, Verdict]:
    """Run ``trial.py``, again for what is left after an encoder that ended it."""
    found: dict[str, Verdict] = {}
    while left := [name for name in names if name not in found]:
        lines, end = _run(left)
        for line in lines:
            with suppress(ValueError, TypeError, KeyError):
                told = json.loads(line)
                name = told.pop("name")
                found[name] = Verdict(**told)
        broken = next((name for name in left if name not in found), None)
        if broken is not None:
            found[broken] = Verdict(f"its trial {end}")
    return found


def _run(names: list[str]) -> tuple[list[str], str]:
    """Return the lines of a trial, and how it ended."""
    command = [sys.executable, "-P", "-m", "semvid.codecs.hardware.trial", *names]
    seconds = _SECONDS * len(names)
    try:
        done = subprocess.run(  # noqa: S603 - this interpreter, and a module of ours
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=seconds, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        told = (
            error.stdout.decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
        )
        return told.splitlines(), f"took more than {_SECONDS} seconds"
    except OSError as error:
        return [], f"could not be started ({error})"
    return done.stdout.splitlines(), f"ended with code {done.returncode}"


def _finding(spec: HardwareSpec) -> Finding:
    """Return the place of a verdict: one for each encoder, FFmpeg build, and version of what drives it."""
    about = [spec.name, av.__version__, av.ffmpeg_version_info, *map(str, av.library_versions.items())]
    return Finding.by_folder("hardware", about, Path(__file__).parent, _KEPT_SECONDS)
