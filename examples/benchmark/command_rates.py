"""Time whole commands that write maps and overlays: frames a second.

    python examples/benchmark/command_rates.py [--runs 7] [--only overlay ...]

``maps`` makes those of ten seconds of 720p, ``overlay`` draws those of a sidecar over ten seconds of 1080p,
which are enlarged from 720p. Each command runs from start to end in a process of its own, once without
counting; medians over the runs, of time on the clock and of processor time. Run nothing beside it.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from command_speed import SEMVID, Case, make_clip, run_command
from common import load, save, table

import semvid

CLIP, LINES = "dog_720p.mp4", 1080


def commands(folder: Path) -> dict[str, tuple[Path, list[str]]]:
    """Return what is timed: the input, and the command."""
    small = make_clip(Case(CLIP, 1, "x264", "medium"), folder)
    large = make_clip(Case(CLIP, 1, "x264", "medium", LINES), folder)
    sidecar, output = folder / "maps.svmap", folder / "out"
    run_command([SEMVID, "maps", str(large), "-o", str(sidecar), "-y"])
    draw = [SEMVID, "overlay", str(large), "-o", f"{output}.mp4", "-y", "--maps", str(sidecar)]
    return {
        "maps, 720p": (small, [SEMVID, "maps", str(small), "-o", f"{output}.svmap", "-y"]),
        "overlay, 1080p": (large, draw),
        "overlay, 1080p, contour": (large, [*draw, "--style", "contour"]),
    }


def measure(source: Path, command: list[str], num_runs: int) -> dict[str, Any]:
    """Run a command again and again; seconds of each run, and frames a second of the median."""
    run_command(command)
    walls, cores = [], []
    for _ in range(num_runs):
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        run_command(command)
        walls.append(time.perf_counter() - started)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cores.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    num_frames = semvid.probe(source).num_frames_from_header or 0
    return {
        "seconds": walls, "processor_seconds": cores,
        "frames_per_second": num_frames / statistics.median(walls),
        "processor_ms_per_frame": 1000 * statistics.median(cores) / num_frames,
    }  # fmt: skip


def main() -> None:
    """Run what is asked for, write ``results/command_rates.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=[""], help="commands whose names begin so")
    arguments = parser.parse_args()
    # What is not measured again keeps its earlier results.
    results: dict[str, dict[str, Any]] = load("command_rates").get("results", {})
    with tempfile.TemporaryDirectory() as work:
        for name, (source, command) in commands(Path(work)).items():
            if name.startswith(tuple(arguments.only)):
                results[name] = measure(source, command, arguments.runs)
                print(f"{name}: {results[name]['frames_per_second']:.0f} frames/s", flush=True)
    rows = [
        [name, f"{one['frames_per_second']:.0f}", f"{one['processor_ms_per_frame']:.1f}"]
        for name, one in results.items()
    ]
    print(table(["", "frames/s", "ms of processor time a frame"], rows))
    print(save("command_rates", {"results": results}))


if __name__ == "__main__":
    main()
