"""Time maps and overlays of videos: frames a second, as commands and as a library.

    python examples/benchmark/command_rates.py [--runs 7] [--only overlay ...]

``maps`` makes those of ten seconds of 720p, ``overlay`` draws those of a sidecar over ten seconds of 1080p,
which are enlarged from 720p. Command: from start to end in a process of its own. Library: the same call in
this process. Each is run once without counting; medians over the runs, of time on the clock and of processor
time. Every run is kept at once, and what is there of this commit is not measured again. Run nothing beside
it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from common import load, save, table
from timing import SEMVID, Case, Cost, add_runs, make_clip, of_call, of_command, per_frame, runs_of

import semvid

CLIP, LINES = "dog_720p.mp4", 1080
WAYS = ("command", "library")


@dataclass(frozen=True, slots=True)
class Work:
    """What is timed."""

    source: Path
    command: list[str]
    call: Callable[[], object]
    """Does the same."""

    def cost(self, way: str) -> Cost:
        """Do it."""
        return of_command(self.command) if way == "command" else of_call(self.call)


def works(folder: Path) -> dict[str, Work]:
    """Return what is timed."""
    small = make_clip(Case(CLIP, 1, "x264", "medium"), folder)
    large = make_clip(Case(CLIP, 1, "x264", "medium", LINES), folder)
    sidecar, maps, output = folder / "maps.svmap", folder / "out.svmap", folder / "out.mp4"
    of_command([SEMVID, "maps", str(large), "-o", str(sidecar), "-y"])
    draw = [SEMVID, "overlay", str(large), "-o", str(output), "-y", "--maps", str(sidecar)]
    options = {"maps": semvid.MapsConfig(path=sidecar), "overwrite": True}
    heat, contour = semvid.OverlayConfig(**options), semvid.OverlayConfig(style="contour", **options)
    return {
        "maps, 720p": Work(
            small,
            [SEMVID, "maps", str(small), "-o", str(maps), "-y"],
            partial(semvid.export_maps, small, maps, semvid.ExportConfig(overwrite=True)),
        ),
        "overlay, 1080p": Work(large, draw, partial(semvid.export_overlay, large, output, heat)),
        "overlay, 1080p, contour": Work(
            large, [*draw, "--style", "contour"], partial(semvid.export_overlay, large, output, contour)
        ),
    }


def main() -> None:
    """Run what is asked for, write ``results/command_rates.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=[""], help="those whose names begin so")
    parser.add_argument("--ways", nargs="*", default=WAYS, choices=WAYS)
    arguments = parser.parse_args()
    # What is not measured again keeps its earlier results.
    results: dict[str, dict[str, Any]] = load("command_rates").get("results", {})
    with tempfile.TemporaryDirectory() as folder:
        for name, work in works(Path(folder)).items():
            found = results.setdefault(name, {})
            found["num_frames"] = semvid.probe(work.source).num_frames_from_header
            for way in arguments.ways if name.startswith(tuple(arguments.only)) else ():
                for _ in add_runs(runs_of(found, way), arguments.runs, partial(work.cost, way)):
                    save("command_rates", {"results": results})
                print(f"{name}, {way}: done", flush=True)
    rows = [
        [name, *(text for way in WAYS for text in per_frame(one, way, one["num_frames"]))]
        for name, one in results.items()
    ]
    head = ["", "command, frames/s", "ms of processor time a frame", "library, frames/s", "ms"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
