"""Show how much memory ``semvid compress`` takes, and that it does not grow with length.

    python examples/benchmark/memory.py [--times 20] [--only length sizes]

``length``: peak resident size on a clip and on 20 times the clip, whose packets are repeated, not coded
again. ``sizes``: the same at several sizes with x264, with all defaults but the preset, beside ``ffmpeg``
with that preset; all clips but the first are enlarged from it. Each run is a process of its own. Resident
are pages of libraries too, of which semvid loads 80 MiB. Peaks below the memory of this script are not seen.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import imageio_ffmpeg
from common import data_folder, load, save, table

CLIP = "dog_720p.mp4"
CASES = {
    "x264, msroi": ["--codec", "x264", "--preset", "superfast"],
    "x265, spectral": ["--model", "spectral", "--codec", "x265", "--preset", "veryfast"],
    "vp9, spectral": ["--model", "spectral", "--codec", "vp9", "--preset", "8"],
}
FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()
SEMVID = str(Path(sys.executable).with_name("semvid"))


@dataclass(frozen=True, slots=True)
class Size:
    """One row of ``sizes``."""

    lines: int
    preset: str
    num_frames: int
    pixel_format: str = "yuv420p"


SIZES = {
    "720p, medium": Size(720, "medium", 289),
    "1080p, medium": Size(1080, "medium", 150),
    "2160p, superfast": Size(2160, "superfast", 80),
    "2160p 10 bit, superfast": Size(2160, "superfast", 80, "yuv420p10le"),
    "2160p 10 bit, medium": Size(2160, "medium", 80, "yuv420p10le"),
}


def loop(source: Path, output: Path, times: int) -> None:
    """Repeat a clip without coding it again."""
    command = ffmpeg.input(str(source), stream_loop=times - 1).output(str(output), c="copy")
    command.overwrite_output().run(cmd=FFMPEG, quiet=True)


def enlarged(size: Size, folder: Path) -> Path:
    """Make the input of a row, or return the clip itself."""
    source = data_folder() / "clips" / CLIP
    if size.lines == 720:
        return source
    output = folder / f"{size.lines}-{size.pixel_format}.mp4"
    if not output.exists():
        stream = ffmpeg.input(str(source)).output(
            str(output), vf=f"scale=-2:{size.lines},format={size.pixel_format}", vcodec="libx264",
            preset="superfast", crf=20, an=None, vframes=size.num_frames,
        )  # fmt: skip
        stream.run(cmd=FFMPEG, quiet=True)
    return output


def peak_mebibytes(command: list[str]) -> float:
    """Run a command in a new process and return its peak resident size."""
    started = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(started.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return usage.ru_maxrss / 1024 if sys.platform != "darwin" else usage.ru_maxrss / 2**20


def compare_lengths(times: int, work: Path) -> list[dict[str, Any]]:
    """Return the peaks on a clip and on the clip so many times."""
    source, output, long = data_folder() / "clips" / CLIP, str(work / "out.mp4"), work / "long.mp4"
    loop(source, long, times)
    results = []
    for name, options in CASES.items():
        more = ["-o", output, "-y", "--match", "size", "--probe", "none", *options]
        once, many = (peak_mebibytes([SEMVID, "compress", str(one), *more]) for one in (source, long))
        results.append({"case": name, "once_mib": once, "many_mib": many, "ratio": many / once})
        print(name, f"x{many / once:.3f}", flush=True)
    return results


def compare_sizes(work: Path) -> list[dict[str, Any]]:
    """Return the peaks of both commands at all sizes."""
    output, results = str(work / "out.mp4"), []
    for name, size in SIZES.items():
        source = str(enlarged(size, work))
        ours = peak_mebibytes([SEMVID, "compress", source, "-o", output, "-y", "--preset", size.preset])
        plain = peak_mebibytes([
            FFMPEG, "-nostdin", "-loglevel", "error", "-y", "-i", source, "-map", "0:v:0", "-map", "0:a?",
            "-c:v", "libx264", "-preset", size.preset, "-crf", "26", "-c:a", "copy", output,
        ])  # fmt: skip
        results.append({"case": name, "semvid_mib": ours, "ffmpeg_mib": plain, "ratio": ours / plain})
        print(name, f"{ours:.0f} MiB, ffmpeg {plain:.0f}", flush=True)
    return results


def main() -> None:
    """Run what is asked for, write ``results/memory.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20)
    parser.add_argument("--only", nargs="*", default=["length", "sizes"], choices=["length", "sizes"])
    arguments = parser.parse_args()
    # What is not measured again keeps its earlier results.
    record = load("memory")
    with tempfile.TemporaryDirectory() as work:
        if "length" in arguments.only:
            record |= {"clip": CLIP, "times": arguments.times}
            record["results"] = compare_lengths(arguments.times, Path(work))
        if "sizes" in arguments.only:
            record["sizes"] = compare_sizes(Path(work))
    save("memory", record)
    rows = [
        (one["case"], f"{one['once_mib']:.0f} MiB", f"{one['many_mib']:.0f} MiB", f"x{one['ratio']:.2f}")
        for one in record.get("results", [])
    ]
    print(table(["case", "1x", f"{record.get('times')}x", "ratio"], rows))
    rows = [
        (one["case"], f"{one['semvid_mib']:.0f} MiB", f"{one['ffmpeg_mib']:.0f} MiB", f"x{one['ratio']:.2f}")
        for one in record.get("sizes", [])
    ]
    print(table(["x264", "semvid", "ffmpeg", "ratio"], rows))


if __name__ == "__main__":
    main()
