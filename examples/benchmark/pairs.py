"""Compare the speed of two installations of semvid, as commands, in alternating pairs.

    python examples/benchmark/pairs.py --before PYTHON --after PYTHON [CLIP ...] [--pairs 7]
        [--options='--preset fast'] [--live SECONDS] [--save NAME]

Each pair runs a whole command with both, in turns first: ``semvid --version``, ``semvid compress --help`` and
``semvid compress CLIP`` for each clip. Measured are wall time, processor time and the largest memory. Then
each clip is played in real time to a live encoder, again and again for some seconds: the median and the 99th
percentile of the delay from a frame to its packet, without the first two seconds. Ratios are medians over the
pairs, after by before; one more run of each goes before and does not count. Peaks below the memory of this
script, 36 MiB, are not seen. Works with every semvid that has ``semvid stream``. Run nothing beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common import commit, data_folder, save, table

CLIPS = ("dog_720p.mp4", "bunny_720p_audio.mp4", "street_272p.mp4")
LIVE = """
import json, sys, time
from array import array
from contextlib import closing
import semvid
from semvid.streaming.live import open_session
source, sink, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
latencies, started, first = array("d"), time.monotonic(), None
session = open_session(source, sink, semvid.LiveConfig(realtime=True, loop=True, overwrite=True))
with closing(session.run()) as events:
    session.record_latencies(latencies)
    for event in events:
        now = time.monotonic() - started
        if first is None and now > 2:
            first = len(latencies)
        if now > seconds + 2:
            break
print(json.dumps(list(latencies)[first:]))
"""
Measured = dict[str, float]


def run_command(command: Sequence[str]) -> Measured:
    """Run a command to its end."""
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)} ended with {process.returncode}")
    return {
        "seconds": wall,
        "processor_seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / (1024 if sys.platform != "darwin" else 2**20),
    }


def run_live(python: Path, clip: Path, seconds: float, folder: Path) -> Measured:
    """Play a clip to a live encoder."""
    command = [python, "-P", "-c", LIVE, clip, folder / "live.mkv", str(seconds)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    latencies = sorted(json.loads(done.stdout))
    return {
        "median_ms": 1000 * statistics.median(latencies),
        "percentile_99_ms": 1000 * latencies[int(0.99 * (len(latencies) - 1))],
    }


def in_pairs(name: str, measure: Callable[[Path], Measured], pythons: Sequence[Path], pairs: int) -> Any:
    """Measure both installations in turns and print their ratios."""
    for python in pythons:
        measure(python)
    found: list[tuple[Measured, Measured]] = []
    for number in range(pairs):
        order = pythons if number % 2 else pythons[::-1]
        by_python = {python: measure(python) for python in order}
        found.append((by_python[pythons[0]], by_python[pythons[1]]))
    what = list(found[0][0])
    medians = {key: [statistics.median(pair[side][key] for pair in found) for side in (0, 1)] for key in what}
    ratios = {key: statistics.median(after[key] / before[key] for before, after in found) for key in what}
    print(f"{name}: {', '.join(f'{key} x{ratio:.3f}' for key, ratio in ratios.items())}", flush=True)
    return {"name": name, "pairs": found, "medians": medians, "median_ratios": ratios}


def main() -> None:
    """Run all pairs and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="*", metavar="CLIP", help=f"default: {', '.join(CLIPS)}")
    parser.add_argument("--before", type=Path, required=True, help="an interpreter with the older semvid")
    parser.add_argument("--after", type=Path, required=True, help="an interpreter with the newer semvid")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument(
        "--options", default="--match size --probe none", help="more options for semvid compress"
    )
    parser.add_argument("--live", type=float, default=20, metavar="SECONDS", help="per live stream; 0 = none")
    parser.add_argument("--save", metavar="NAME", help="write results/NAME.json")
    asked = parser.parse_args()
    clips = [one.absolute() for one in asked.clips] or [data_folder() / "clips" / one for one in CLIPS]
    # Not resolved: a virtual environment is known by its link.
    pythons = [asked.before.absolute(), asked.after.absolute()]
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        cases: dict[str, Callable[[Path], Measured]] = {}
        for line in (["--version"], ["compress", "--help"]):
            cases[shlex.join(line)] = lambda python, line=line: run_command([program(python), *line])
        for clip in clips:
            line = ["compress", str(clip), "-o", str(work / "out.mp4"), "-y", *shlex.split(asked.options)]
            cases[clip.name] = lambda python, line=line: run_command([program(python), *line])
        for clip in clips if asked.live else ():
            cases[f"live {clip.name}"] = lambda python, clip=clip: run_live(python, clip, asked.live, work)
        results = [in_pairs(name, measure, pythons, asked.pairs) for name, measure in cases.items()]
    rows = [
        (one["name"], key.replace("_", " "), *(f"{side:.3g}" for side in medians), f"x{ratio:.3f}")
        for one in results
        for (key, ratio), medians in zip(one["median_ratios"].items(), one["medians"].values(), strict=True)
    ]
    print(table(["command", "measured", "before", "after", "median of pair ratios"], rows))
    if asked.save:
        commits = {"before": commit(pythons[0].parent), "after": commit(pythons[1].parent)}
        print(save(asked.save, {"commits": commits, "options": asked.options, "results": results}))


def program(python: Path) -> str:
    """Return the ``semvid`` program beside an interpreter."""
    return str(python.with_name("semvid"))


if __name__ == "__main__":
    main()
