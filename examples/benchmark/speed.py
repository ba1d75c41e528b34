"""Time semvid against plain encodes: as a library, in one process, and as commands, process against process.

    python examples/benchmark/speed.py [--pairs 7] [--only "720p 10 s" ...] [--ways library command default]

library: ``semvid.compress``, everything included (probing, maps, copies, checks), against a bare PyAV loop
that decodes, encodes and writes the video alone; what is imported was before. command: ``semvid compress``
against the ``ffmpeg`` of the package imageio-ffmpeg, from start to end, sound copied. Both encode with
``--match size --probe none``, so that the encoder writes about as many bits as in the plain encode, at the
same CRF and preset. default: the command as people type it, which also encodes parts twice to tell what was
saved; in older records it encoded parts again, and all of a short video.

Pairs alternate, after a run of each that does not count; ratios are medians over the pairs, of time on the
clock, and of processor time in the result file. Longer clips repeat packets of a short one; 1080p is enlarged
from 720p. Every pair is kept at once, and what is there of this commit is not measured again. Run nothing
beside it.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import load, save, table
from timing import (
    AS_LARGE,
    CASES,
    Case,
    Cost,
    add_pairs,
    config_of,
    make_clip,
    maps_of,
    of_call,
    of_command,
    pairs_of,
    plain_command,
    plain_encode,
    ratio,
    semvid_command,
)

import semvid

WAYS = {"library": "library", "command": "command", "default": "command, default"}


def costs_of(
    case: Case, source: Path, folder: Path
) -> dict[str, tuple[Callable[[], Cost], Callable[[], Cost]]]:
    """Return what measures a case, each the plain encode and ours."""
    plain, output = folder / "plain.mp4", folder / "out.mp4"
    maps = maps_of(case, folder, semvid.probe(source).num_frames_from_header or 0)
    anchor = plain_command(case, source, plain)
    default = semvid_command(case, source, output, maps)
    config = config_of(case, maps)
    return {
        "library": (
            lambda: of_call(lambda: plain_encode(source, plain, case.codec, case.preset)),
            lambda: of_call(lambda: semvid.compress(source, output, config)),
        ),
        "command": (lambda: of_command(anchor), lambda: of_command([*default, *AS_LARGE])),
        "default": (lambda: of_command(anchor), lambda: of_command(default)),
    }


def is_asked_for(name: str, only: list[str]) -> bool:
    """Whether a case begins with one of some names; a whole name is of that case alone."""
    return any(name == one if one in CASES else name.startswith(one) for one in only)


def main() -> None:
    """Run what is asked for, write ``results/speed.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=7, help="0 = only print the table")
    parser.add_argument("--only", nargs="*", default=[""], help="cases whose names begin so, or are so")
    parser.add_argument("--ways", nargs="*", default=[*WAYS], choices=WAYS)
    arguments = parser.parse_args()
    # What is not measured again keeps its earlier results.
    results: dict[str, dict[str, Any]] = load("speed").get("results", {})
    with tempfile.TemporaryDirectory() as work:
        for name, case in CASES.items():
            if not is_asked_for(name, arguments.only) or not arguments.pairs:
                continue
            source = make_clip(case, Path(work))
            for way, (plain, ours) in costs_of(case, source, Path(work)).items():
                if way not in arguments.ways:
                    continue
                pairs = pairs_of(results.setdefault(name, {}), way)
                for _ in add_pairs(pairs, arguments.pairs, plain, ours):
                    save("speed", {"results": results})
                print(f"{name}, {way}: x{ratio(pairs):.2f}", flush=True)
    rows = [
        [
            name,
            *(f"x{ratio(one[way]['pairs']):.2f}" if way in one and one[way]["pairs"] else "" for way in WAYS),
        ]
        for name, one in results.items()
    ]
    print(table(["", *WAYS.values()], rows))


if __name__ == "__main__":
    main()
