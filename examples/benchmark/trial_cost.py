"""Measure what it costs to be given exactly what was asked for: processor time of wishes.

    python examples/benchmark/trial_cost.py [--before PYTHON] [--lines 180,0] [--pairs 2] [CLIP ...]

Each wish is a whole command, and a call of the library in a process that has loaded it; x264 at its default
preset and CRF. ``--probe none`` encodes once and measures nothing: the others are told as a share of its time
beyond it. ``--target-size`` is four fifths of what it writes. Measured is processor time, user and system, of
the process and of those it starts, since wall time depends on what else runs. With the interpreter of another
installation, both take turns, run by run, and the reference is each one's own. ``--lines 0`` is the clip as
it is. What is in the result file is not measured again.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from common import data_folder, load, save, table
from pairs import run_command
from savings import shrunk

CLIPS = ("dog_720p.mp4", "juggle_720p.mp4", "bunny_720p_audio.mp4")
REFERENCE = "--probe none"
WISHES = (REFERENCE, "", "--probe full", "--match size", "--target-size")
NAMES_BEFORE = {"--no-probe": REFERENCE, "": "--probe full"}
"""Wishes in records of before the quick way, by what they are called since."""
COMMAND = "from semvid.cli.main import run; run()"
LIBRARY = """
import resource, sys
import semvid
def spent():
    both = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in both)
source, output, wish, size = sys.argv[1:]
options = {
    "--probe none": {"probe": "none"}, "--probe full": {"probe": "full"},
    "--match size": {"allocation": semvid.AllocationConfig(match="size")},
    "--target-size": {"rate": semvid.Size(int(size) or 1)},
}
config = semvid.CompressConfig(overwrite=True, **options.get(wish, {}))
before = spent()
semvid.compress(source, output, config)
print(spent() - before)
"""
"""A program that tells the processor seconds of a call."""
Runs = dict[str, dict[str, list[float]]]
"""Processor seconds by installation and wish."""


def measure(clip: Path, pythons: dict[str, Path], pairs: int) -> dict[str, Runs]:
    """Return all runs, of commands and of the library."""
    found: dict[str, Runs] = {
        way: {name: {wish: [] for wish in WISHES} for name in pythons} for way in ("command", "library")
    }
    with tempfile.TemporaryDirectory() as work:
        output, size = Path(work) / "coded.mp4", 0
        for _ in range(pairs):
            for wish in WISHES:
                given = wish.split()
                if wish == "--target-size":
                    given.append(str(size))
                for name, python in pythons.items():
                    command = [python, "-P", "-c", COMMAND, "compress", clip, "-o", output, "-y"]
                    run = run_command([*map(str, command), *given])
                    found["command"][name][wish].append(round(run["processor_seconds"], 2))
                    call = [python, "-P", "-c", LIBRARY, clip, output, wish, size]
                    told = subprocess.run([*map(str, call)], capture_output=True, text=True, check=True)
                    found["library"][name][wish].append(round(float(told.stdout), 2))
                if wish == REFERENCE:
                    size = output.stat().st_size * 4 // 5
    return found


def rename(results: dict[str, Runs]) -> None:
    """Give wishes in older records the names they have now."""
    for both in results.values():
        for runs in both.values():
            if "--no-probe" in runs:
                for before, now in NAMES_BEFORE.items():
                    runs[now] = runs.pop(before)


def extra(runs: dict[str, list[float]], wish: str) -> str:
    """Say how much longer a wish takes, as a share; empty if it was not measured."""
    if wish not in runs:
        return ""
    return f"{statistics.median(runs[wish]) / statistics.median(runs[REFERENCE]) - 1:+.0%}"


def main() -> None:
    """Measure what is not in the result file yet, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("clips", nargs="*", default=CLIPS, help="names of ordinary clips")
    parser.add_argument("--before", type=Path, help="interpreter of another installation")
    parser.add_argument("--lines", default="180,0", help="heights, 0 = as it is (default %(default)s)")
    parser.add_argument("--pairs", type=int, default=2, help="runs of each (default %(default)s)")
    given = parser.parse_args()
    pythons = {"before": given.before} if given.before else {}
    pythons["after"] = Path(sys.executable)
    record: dict[str, Any] = load("trial_cost")
    results = record.setdefault("processor_seconds", {})
    libraries = record.setdefault("library_processor_seconds", {})
    rename(results)
    rename(libraries)
    with tempfile.TemporaryDirectory() as work:
        for lines in map(int, given.lines.split(",")):
            for name in given.clips:
                clip = data_folder() / "clips" / name
                key = f"{clip.stem}/{lines or 'all'} lines"
                if key in results and key in libraries:
                    continue
                if lines:
                    clip = shrunk(clip, Path(work) / f"{clip.stem}.mkv", lines)
                both = measure(clip, pythons, given.pairs)
                results[key], libraries[key] = both["command"], both["library"]
                save("trial_cost", record)
    rows = [
        [key, name, way, f"{statistics.median(runs[REFERENCE]):.1f}"]
        + [extra(runs, wish) for wish in WISHES[1:]]
        for way, all_runs in (("command", results), ("library", libraries))
        for key, found in all_runs.items()
        for name, runs in found.items()
    ]
    print(table(["clip", "", "as a", "seconds", "default", *WISHES[2:]], rows))


if __name__ == "__main__":
    main()
