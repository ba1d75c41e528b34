"""Measure a run on few cores, against ``ffmpeg`` on as many, and tell what to expect of many.

    python examples/benchmark/cores.py [--pairs 5] [--cores 1,2,4] [--only "720p 10 s" ...]

Both may run on the first N cores alone. Command: ``semvid compress --match size --probe none``, so that the
encoder writes about as many bits, against the ``ffmpeg`` of the package imageio-ffmpeg at the same CRF and
preset. Library: ``semvid.compress`` against a bare PyAV loop, in one process that started before. Threads:
``--threads N`` against the same without, both on all cores that there are: how many were busy, and how much
longer it took. Then the times of the stages on one core (``results/frame_cost.json``) and of the start
(``results/start.json``) say what ``core_model.py`` expects, where measured and on more cores than there are
here. Counts of cores that are not here are left out. Every pair is kept at once, and what is there is not
measured again. Run nothing beside it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from common import load, save, table
from core_model import StageTimes, Start, binding_cores, wall_ratio
from timing import (
    AS_LARGE,
    CASES,
    Case,
    Cost,
    Pairs,
    add_pairs,
    config_of,
    make_clip,
    median,
    of_call,
    of_command,
    on_cores,
    pairs_of,
    plain_command,
    plain_encode,
    ratio,
    semvid_command,
)  # fmt: skip

import semvid

MEASURED = ("272p 10 s, x264 medium", "720p 10 s, x264 medium", "1080p 20 s, x264 medium")
EXPECTED = (1, 2, 4, 16, 64)
"""Cores to tell of."""
USED = 16
"""Cores that x264 makes use of at 720 lines at most, as it is often said; not measured here."""
PARTS = 8
WAYS = ("command", "library", "threads")


def chosen_cores(count: int) -> set[int]:
    """Return the first cores that this process may use."""
    return set(sorted(os.sched_getaffinity(0))[:count])


def inside(case: Case, source: Path, folder: Path, num_pairs: int) -> None:
    """Print pairs of the library as they are measured, in a process of its own: its cores are set before."""
    pairs: Pairs = []
    config = config_of(case, semvid.MapsConfig())
    plain = lambda: of_call(lambda: plain_encode(source, folder / "p.mp4", case.codec, case.preset))  # noqa: E731
    ours = lambda: of_call(lambda: semvid.compress(source, folder / "o.mp4", config))  # noqa: E731
    for _ in add_pairs(pairs, num_pairs, plain, ours):
        print(json.dumps(pairs[-1]), flush=True)


def library_pairs(
    name: str, source: Path, folder: Path, pairs: Pairs, num_pairs: int, cores: Collection[int]
) -> Iterator[None]:
    """Do what ``add_pairs`` does, in another process."""
    if len(pairs) >= num_pairs:
        return
    words = ["--inside", str(source), "--folder", str(folder), "--only", name]
    command = [sys.executable, __file__, *words, "--pairs", str(num_pairs - len(pairs))]
    with on_cores(cores):
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    for line in child.stdout:
        pairs.append(json.loads(line))
        yield
    if child.wait():
        raise SystemExit(f"{name}: the library failed")


def measure(
    name: str, source: Path, folder: Path, found: dict[str, Any], count: int, num_pairs: int
) -> Iterator[None]:
    """Measure a case on some cores; yields after each pair, which is in ``found`` then."""
    case, cores, output = CASES[name], chosen_cores(count), folder / "out.mp4"
    ours = semvid_command(case, source, output, semvid.MapsConfig(), *AS_LARGE)
    theirs = plain_command(case, source, folder / "plain.mp4")

    here = found.setdefault(str(count), {})

    def on_these(command: list[str]) -> Cost:
        return of_command(command, cores)

    yield from add_pairs(
        pairs_of(here, "command"), num_pairs, lambda: on_these(theirs), lambda: on_these(ours)
    )
    yield from library_pairs(name, source, folder, pairs_of(here, "library"), num_pairs, cores)
    few = [*ours, "--threads", str(count)]
    yield from add_pairs(
        pairs_of(here, "threads"), num_pairs, lambda: of_command(ours), lambda: of_command(few)
    )


def stages_of(name: str) -> StageTimes | None:
    """Return the times of the stages of a case; None = they were not measured."""
    lines = name.partition(" ")[0]
    found = load("frame_cost").get("results", {}).get(lines)
    return None if found is None else StageTimes(**{key: found[key] for key in StageTimes.__slots__})


def starts_of(name: str) -> tuple[Start, Start]:
    """Return how long ours and ``ffmpeg`` take to start; larger pictures than measured take as long."""
    found = load("start")["results"]
    lines = "272p" if name.startswith("272p") else "720p"
    ours = found[f"compress {lines} until a frame is in x264"]
    theirs = found["ffmpeg, one frame of 720p, x264"]
    mine, other = (Start(one["seconds"], one["processor_seconds"]) for one in (ours, theirs))
    return mine, other


def expectations(name: str, num_frames: int) -> list[list[str]]:
    """Return a row of the table for each number of cores."""
    times, (ours, theirs) = stages_of(name), starts_of(name)
    if times is None:
        return []
    rows = []
    for cores in EXPECTED:
        given = (times, ours, theirs, num_frames, cores)
        ratios = (wall_ratio(*given), wall_ratio(*given, used=USED), wall_ratio(*given, parts=PARTS))
        rows.append([name, str(cores), *(f"x{one:.2f}" for one in ratios)])
    return rows


def main() -> None:
    """Run what is asked for, write ``results/cores.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=5, help="0 = only print the tables")
    parser.add_argument("--cores", default="1,2,4")
    parser.add_argument("--only", nargs="*", default=[""], help="cases whose names begin so")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.inside is not None:
        inside(CASES[arguments.only[0]], arguments.inside, arguments.folder, arguments.pairs)
        return
    counts = [one for one in map(int, arguments.cores.split(",")) if one <= len(os.sched_getaffinity(0))]
    results: dict[str, dict[str, Any]] = load("cores").get("results", {})
    with tempfile.TemporaryDirectory() as work:
        for name in MEASURED:
            if not name.startswith(tuple(arguments.only)) or not arguments.pairs:
                continue
            source = make_clip(CASES[name], Path(work))
            found = results.setdefault(name, {})
            found["num_frames"] = semvid.probe(source).num_frames_from_header
            for count in counts:
                for _ in measure(name, source, Path(work), found, count, arguments.pairs):
                    save("cores", {"results": results})
                print(f"{name}, {count}: done", flush=True)
    rows, expected = [], []
    for name, found in results.items():
        times, starts, num_frames = stages_of(name), starts_of(name), found["num_frames"]
        for count in map(str, EXPECTED):
            if not all(found.get(count, {}).get(way, {}).get("pairs") for way in WAYS):
                continue
            command, library, threads = (found[count][way]["pairs"] for way in WAYS)
            guess = wall_ratio(times, *starts, num_frames, int(count)) if times else None
            busy = median(threads, 1, 1) / median(threads, 1)
            rows.append([
                name, count, f"{median(command, 0):.2f} s", f"{median(command, 1):.2f} s",
                f"x{ratio(command):.2f}", f"x{guess:.2f}" if guess else "", f"x{ratio(library):.2f}",
                f"{busy:.2f}", f"x{ratio(threads):.2f}",
            ])  # fmt: skip
        expected += expectations(name, num_frames)
        if times:
            print(f"{name}: the thread of the maps binds from {binding_cores(times):.1f} cores on")
    columns = ["", "cores", "ffmpeg", "semvid", "command", "expected", "library", "--threads: cores busy"]
    print(table([*columns, "it takes"], rows))
    print(table(["", "cores", "all scales", f"x264 uses {USED}", f"{PARTS} parts at a time"], expected))


if __name__ == "__main__":
    main()
