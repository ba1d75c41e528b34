"""Kill semvid at random moments of every product: ``make fuzz``.

    python examples/benchmark/kills.py [--kills 60] [--seed 1] [--products NAME ...]

Every command is started as people start it, and gets SIGKILL, SIGTERM, SIGHUP or SIGINT at a moment drawn
from its whole duration, start-up and the end included. Wanted: the source as it was; after SIGTERM, SIGHUP
and SIGINT nothing left behind and the documented exit code (or a finished job); after SIGKILL nothing but
left-overs, which the same command, run again, removes. Writes ``results/kills.json``; exits with 1 if
anything failed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from common import load, save
from makers import run as run_ffmpeg

_PROGRAM = Path(sys.executable).with_name("semvid")
_SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_EXIT_CODES = {signal.SIGTERM: 143, signal.SIGHUP: 129, signal.SIGINT: 130}
_LIMIT_SECONDS = 60.0
_QUICK = ("--model", "spectral")
_FAST = ("--preset", "superfast", *_QUICK)
PRODUCTS = {
    "compress": ("compress", "clip.mp4", "-o", "out.mp4", "-y", "--save-maps", "out.svmap", *_FAST),
    "av1": ("compress", "clip.mp4", "-o", "out.mkv", "-y", "--codec", "av1", "--preset", "12", *_QUICK),
    "mjpeg": ("compress", "clip.mp4", "-o", "out.avi", "-y", "--codec", "mjpeg", *_QUICK),
    "report": ("compress", "short.mp4", "-o", "out.mp4", "-y", "--report", "out.html", *_FAST),
    "image": ("image", "still.png", "-o", "out.jpg", "-y"),
    "maps": ("maps", "clip.mp4", "-o", "out", "-y", *_QUICK),
    "npz": ("maps", "clip.mp4", "-o", "out.npz", "-y", *_QUICK),
    "overlay": ("overlay", "clip.mp4", "-o", "out.mp4", "-y", *_QUICK),
    "gif": ("overlay", "clip.mp4", "-o", "out.gif", "-y", "--every", "5", *_QUICK),
    "compare": ("compare", "clip.mp4", "clip.mp4", "--csv", "out.csv", "-y"),
    "stream": ("stream", "clip.mp4", "out.mkv", "-y", "--realtime", *_QUICK),
}
_INPUTS = ("clip.mp4", "short.mp4", "still.png")
_KEEPS_WHAT_IT_HAS = {"stream"}
"""Stopping a live stream is how it ends: its file stays, and the exit code is 0 once frames came."""


@dataclass(frozen=True, slots=True)
class Kill:
    """One try."""

    product: str
    number: signal.Signals
    after: float
    """Share of the command's usual time."""


def make_inputs(folder: Path) -> dict[str, str]:
    """Write the sources; return their digests."""
    source = (
        "-f lavfi -i testsrc2=s=320x192:r=25:d=%d -f lavfi -i sine=d=%d "
        "-c:v libx264 -preset veryfast -c:a aac"
    )
    run_ffmpeg(source % (4, 4), folder / "clip.mp4")
    run_ffmpeg(source % (1, 1), folder / "short.mp4")
    run_ffmpeg("-f lavfi -i testsrc2=s=800x600 -frames:v 1 -update 1", folder / "still.png")
    return {name: digest(folder / name) for name in _INPUTS}


def digest(path: Path) -> str:
    """Of a file's bytes."""
    return hashlib.sha1(path.read_bytes()).hexdigest()


def attempt(kill: Kill, number: int, *, usual_seconds: float, work: Path) -> str | None:
    """Start, kill, look, and start again; return what went wrong."""
    folder = work / f"{kill.product}-{number}"
    folder.mkdir()
    before = make_links(work, folder)
    process = subprocess.Popen(
        [_PROGRAM, *PRODUCTS[kill.product]], cwd=folder, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    time.sleep(usual_seconds * kill.after)
    process.send_signal(kill.number)
    try:
        said = process.communicate(timeout=_LIMIT_SECONDS)[1].decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return f"no end {_LIMIT_SECONDS:.0f} s after {kill.number.name}"
    if {name: digest(folder / name) for name in _INPUTS} != before:
        return "a source was changed"
    left = [one.name for one in folder.iterdir() if one.name not in _INPUTS]
    if kill.number != signal.SIGKILL:
        fault = _look(kill, process.returncode, said, left)
        if fault is not None:
            return f"{fault}: {said.strip()[-300:]}"
    elif any(not name.startswith((".", "out")) for name in left):
        return f"left behind: {left}"
    again = subprocess.run(
        [_PROGRAM, *PRODUCTS[kill.product]], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if again.returncode:
        return f"run again it says: {again.stderr.strip()}"
    hidden = [one.name for one in folder.iterdir() if one.name.startswith(".")]
    return f"left-overs stay after the next run: {hidden}" if hidden else None


def _look(kill: Kill, code: int, said: str, left: list[str]) -> str | None:
    if "Traceback" in said:
        return "a traceback"
    if any(name.startswith(".") for name in left):
        return f"left behind: {left}"
    if kill.product in _KEEPS_WHAT_IT_HAS and code == 0:
        return None
    if code == 0:
        return None  # it was done
    # Before Python runs a line of ours the signal ends it, as it ends any program.
    if code not in {_EXIT_CODES[kill.number], -kill.number}:
        return f"exit code {code} after {kill.number.name}"
    if code > 0 and len(said.strip().splitlines()) > 3:
        return "more than a line"
    # Of a run that makes several files the finished ones may stand.
    several = kill.product in {"report", "compress"}
    if left and not several and kill.product not in _KEEPS_WHAT_IT_HAS:
        return f"exit code {code}, yet it left {left}"
    return None


def make_links(work: Path, folder: Path) -> dict[str, str]:
    """Give a folder the sources of its own."""
    for name in _INPUTS:
        (folder / name).write_bytes((work / name).read_bytes())
    return {name: digest(folder / name) for name in _INPUTS}


def usual_time(product: str, work: Path) -> float:
    """Run a command whole, and time it."""
    folder = work / f"{product}-whole"
    folder.mkdir()
    make_links(work, folder)
    started = time.monotonic()
    subprocess.run([_PROGRAM, *PRODUCTS[product]], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                   check=True)  # fmt: skip
    return time.monotonic() - started


def main() -> int:
    """Kill everything, write the result, return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=60, help="of every product")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--products", nargs="*", default=list(PRODUCTS))
    options = parser.parse_args()
    failures, done = [], Counter[str]()
    with tempfile.TemporaryDirectory() as temporary, ThreadPoolExecutor(os.cpu_count()) as pool:
        work = Path(temporary)
        make_inputs(work)
        for product in options.products:
            usual = usual_time(product, work)
            chance = random.Random(f"{options.seed}-{product}")
            kills = [Kill(product, _SIGNALS[index % len(_SIGNALS)], chance.random() * 1.05)
                     for index in range(options.kills)]  # fmt: skip
            faults = pool.map(partial(attempt, usual_seconds=usual, work=work), kills, range(len(kills)))
            for kill, fault in zip(kills, faults, strict=True):
                done[product] += 1
                if fault is not None:
                    failures.append({"product": product, "signal": kill.number.name,
                                     "after": round(kill.after, 3), "fault": fault})  # fmt: skip
                    print(product, kill.number.name, f"at {kill.after:.2f}:", fault, flush=True)
            print(
                product,
                f"takes {usual:.1f} s, {done[product]} kills,",
                len(failures),
                "failures so far",
                flush=True,
            )
    # What was not asked for keeps its earlier results.
    record = load("kills")
    kept = [one for one in record.get("failures", []) if one["product"] not in done]
    save("kills", {"kills": {**record.get("kills", {}), **done}, "failures": kept + failures})
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
