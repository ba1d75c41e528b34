"""Time semvid against plain encodes: commands against commands, and library against library.

    python examples/benchmark/command_speed.py [--pairs 7] [--only "720p 10 s" ...]

Command: ``semvid compress`` against the ``ffmpeg`` of the package imageio-ffmpeg, each from its start to its
end as a process, at the same CRF and preset, sound copied. ``default`` is what people type: it also encodes
parts again to tell what was saved. ``as large`` is ``--match size --no-probe``: the encoder writes about as
many bits in both. Library: ``semvid.compress`` as large against a bare PyAV loop (``speed.py``), in one
process, after a run of each that does not count. Pairs alternate; ratios are medians over the pairs, of time
on the clock. Longer clips repeat packets of a short one; 1080p is enlarged from 720p. Run nothing beside it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
from common import REPOSITORY, commit, data_folder, load, save, table
from memory import loop
from speed import plain_encode, timed

import semvid
from semvid.codecs.registry import find_codec

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SEMVID = str(Path(sys.executable).with_name("semvid"))
LIBRARIES = {"x264": "libx264", "x265": "libx265"}


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    clip: str
    times: int
    codec: str
    preset: str
    lines: int | None = None


CASES = {
    "720p 10 s, x264 medium": Case("dog_720p.mp4", 1, "x264", "medium"),
    "720p 60 s, x264 medium": Case("dog_720p.mp4", 6, "x264", "medium"),
    "272p 10 s, x264 medium": Case("street_272p.mp4", 1, "x264", "medium"),
    "1080p 20 s, x264 medium": Case("dog_720p.mp4", 2, "x264", "medium", 1080),
    "720p 10 s, x265 medium": Case("dog_720p.mp4", 1, "x265", "medium"),
    "720p 60 s, x264 superfast": Case("dog_720p.mp4", 6, "x264", "superfast"),
}


def make_clip(case: Case, folder: Path) -> Path:
    """Make the input of a case, or return the clip itself."""
    source = data_folder() / "clips" / case.clip
    if case.lines is not None:
        larger = folder / f"{case.clip}-{case.lines}.mp4"
        if not larger.exists():
            stream = ffmpeg.input(str(source)).output(
                str(larger), vf=f"scale=-2:{case.lines}:flags=lanczos", vcodec="libx264", preset="veryfast",
                crf=14, acodec="copy",
            )  # fmt: skip
            stream.run(cmd=FFMPEG, quiet=True)
        source = larger
    if case.times == 1:
        return source
    longer = folder / f"{source.stem}-{case.times}.mp4"
    if not longer.exists():
        loop(source, longer, case.times)
    return longer


def run_command(arguments: list[str]) -> None:
    """Run to the end; anything but success ends the benchmark."""
    # As where a user installed it: compiled modules are kept.
    around = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, check=True, env=around)


def pairs_of(
    plain: Callable[[], object], ours: Callable[[], object], num_pairs: int
) -> list[tuple[float, float]]:
    """Time both, in turns first, after a run of each that does not count."""
    plain()
    ours()
    pairs = []
    for index in range(num_pairs):
        if index % 2:
            after = timed(ours, time.perf_counter)
            pairs.append((timed(plain, time.perf_counter), after))
        else:
            before = timed(plain, time.perf_counter)
            pairs.append((before, timed(ours, time.perf_counter)))
    return pairs


def ways_of(case: Case, source: Path, folder: Path) -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    """Return what is timed of a case, each as plain encode and ours."""
    crf = find_codec(case.codec).scale.default
    plain, output = str(folder / "plain.mp4"), folder / "out.mp4"
    anchor = [
        FFMPEG, "-nostdin", "-loglevel", "error", "-y", "-i", str(source), "-map", "0:v:0", "-map", "0:a?",
        "-c:v", LIBRARIES[case.codec], "-preset", case.preset, "-crf", f"{crf:g}", "-c:a", "copy", plain,
    ]  # fmt: skip
    command = [
        SEMVID, "compress", str(source), "-o", str(output), "-y", "--codec", case.codec, "--preset",
        case.preset,
    ]  # fmt: skip
    config = semvid.CompressConfig(
        codec=case.codec, preset=case.preset, allocation=semvid.AllocationConfig(match="size"), probe=False,
        overwrite=True,
    )  # fmt: skip
    by_ffmpeg = lambda: run_command(anchor)  # noqa: E731
    return {
        "default": (by_ffmpeg, lambda: run_command(command)),
        "as large": (by_ffmpeg, lambda: run_command([*command, "--match", "size", "--no-probe"])),
        "library": (
            lambda: plain_encode(source, Path(plain), case.codec, case.preset),
            lambda: semvid.compress(source, output, config),
        ),
    }


def main() -> None:
    """Run what is asked for, write ``results/command_speed.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--only", nargs="*", default=[""], help="cases whose names begin so")
    parser.add_argument("--ways", nargs="*", default=["default", "as large", "library"])
    arguments = parser.parse_args()
    # What is not measured again keeps its earlier results.
    results: dict[str, dict[str, Any]] = load("command_speed").get("results", {})
    with tempfile.TemporaryDirectory() as work:
        for name, case in CASES.items():
            if not name.startswith(tuple(arguments.only)):
                continue
            source = make_clip(case, Path(work))
            for way, (plain, ours) in ways_of(case, source, Path(work)).items():
                if way not in arguments.ways:
                    continue
                pairs = pairs_of(plain, ours, arguments.pairs)
                ratio = statistics.median(after / before for before, after in pairs)
                results.setdefault(name, {})[way] = {
                    "pairs": pairs, "median_ratio": ratio, "commit": commit(REPOSITORY),
                }  # fmt: skip
                print(f"{name}, {way}: x{ratio:.2f}", flush=True)
                save("command_speed", {"results": results})
    ways = ["default", "as large", "library"]
    rows = [
        [name, *(f"x{one[way]['median_ratio']:.2f}" if way in one else "" for way in ways)]
        for name, one in results.items()
    ]
    print(table(["", "command", "command, as large", "library, as large"], rows))


if __name__ == "__main__":
    main()
