"""Measure what trials cost on a film of ten minutes: processor time, as a share of that of its encode.

    python examples/benchmark/long_trials.py [--minutes 10] [--lines 1080] [--preset medium]

The film is made of all ordinary clips, brought to one size and put one after another until there is a minute;
the minute's packets are then joined again and again. So its content repeats, which is fair for a test of
time and of nothing else: as many frames are read, tried and encoded as in any other film, and no part is read
from where another was. Measured is processor time, user and system, of a whole command: ``semvid compress
--dry-run`` with each wish on the film, and an encode of the minute without measuring anything, which counts
as often as the minute is in the film. x264; ``--target-size`` is three quarters of what that encode takes.
What is in the result file is not measured again.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from common import clips, load, save, table
from pairs import run_command

RATE = 25
FRAMES = 60 * RATE
COMMAND = [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()", "compress"]
BAR = 0.08
WISHES = ("--match size", "--target-size")


def make_minute(output: Path, lines: int) -> None:
    """Encode one minute of all clips, at 16:9."""
    width = round(lines * 16 / 9 / 2) * 2
    with av.open(str(output), "w") as writer:
        made = writer.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "superfast"})
        made.width, made.height, made.pix_fmt = width, lines, "yuv420p"
        number = 0
        for clip in itertools.cycle(clips()):
            with av.open(str(clip)) as reader:
                for frame in itertools.islice(reader.decode(video=0), FRAMES - number):
                    scaled = frame.reformat(width, lines, "yuv420p")
                    scaled.pict_type = av.video.frame.PictureType.NONE
                    scaled.pts, scaled.time_base = number, Fraction(1, RATE)
                    writer.mux(made.encode(scaled))
                    number += 1
            if number == FRAMES:
                break
        writer.mux(made.encode())


def join(minute: Path, output: Path, times: int) -> None:
    """Copy the packets of a minute into a film, again and again."""
    with av.open(str(output), "w") as writer:
        made = None
        for number in range(times):
            with av.open(str(minute)) as reader:
                given = reader.streams.video[0]
                if made is None:
                    made = writer.add_stream_from_template(given)
                later = round(60 * number / given.time_base)
                for packet in reader.demux(given):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + later, packet.dts + later
                    packet.stream = made
                    writer.mux(packet)


def measure(minutes: int, lines: int, preset: str, found: dict[str, Any]) -> None:
    """Measure what is missing of the processor seconds of the encode and of each wish's trials."""
    with tempfile.TemporaryDirectory() as work:
        minute, film, output = (Path(work) / f"{name}.mp4" for name in ("minute", "film", "coded"))
        make_minute(minute, lines)
        join(minute, film, minutes)
        with av.open(str(film)) as reader:
            num_frames = reader.streams.video[0].frames

        def seconds(source: Path, *options: str) -> float:
            command = [*COMMAND, str(source), "-o", str(output), "-y", "--preset", preset, *options]
            return round(run_command(command)["processor_seconds"], 1)

        found |= {"frames": num_frames, "film_bytes": film.stat().st_size}
        if "encode" not in found:
            found["encode"] = round(minutes * seconds(minute, "--probe", "none"), 1)
            found["encoded_bytes"] = minutes * output.stat().st_size
        trials = found.setdefault("trials", {})
        for wish in WISHES:
            if wish not in trials:
                more = [str(found["encoded_bytes"] * 3 // 4)] if wish == "--target-size" else []
                trials[wish] = seconds(film, "--dry-run", *wish.split(), *more)


def main() -> None:
    """Measure what is missing, write ``results/long_trials.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=int, default=10)
    parser.add_argument("--lines", type=int, default=1080)
    parser.add_argument("--preset", default="medium")
    given = parser.parse_args()
    record = load("long_trials")
    results = record.setdefault("processor_seconds", {})
    key = f"{given.minutes} min/{given.lines} lines/{given.preset}"
    found = results.setdefault(key, {})
    if tuple(sorted(found.get("trials", {}))) != WISHES:
        measure(given.minutes, given.lines, given.preset, found)
        save("long_trials", record)
    rows = [
        [name, one["frames"], f"{one['encode']:.0f}"]
        + [f"{one['trials'][wish]:.0f} s, {one['trials'][wish] / one['encode']:.1%}" for wish in WISHES]
        for name, one in results.items()
    ]
    print(table(["film", "frames", "encode, s", *WISHES], rows))
    print(f"The bar is {BAR:.0%}.")


if __name__ == "__main__":
    main()
