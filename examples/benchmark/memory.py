"""Show that memory does not grow with length: peak resident size on a clip and on 20 times the clip.

    python examples/benchmark/memory.py [--times 20]

Each run is a process of its own (``semvid compress``); the looped input is the clip's own packets repeated,
not coded again.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
from common import data_folder, save, table

CLIP = "dog_720p.mp4"
CASES = {
    "x264, msroi": ["--codec", "x264", "--preset", "superfast"],
    "x265, spectral": ["--model", "spectral", "--codec", "x265", "--preset", "veryfast"],
    "vp9, spectral": ["--model", "spectral", "--codec", "vp9", "--preset", "8"],
}


def loop(source: Path, output: Path, times: int) -> None:
    """Repeat a clip without coding it again."""
    command = ffmpeg.input(str(source), stream_loop=times - 1).output(str(output), c="copy")
    command.overwrite_output().run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)


def peak_mebibytes(source: Path, output: Path, options: list[str]) -> float:
    """Compress in a new process and return its peak resident size."""
    code = (
        "import resource, sys\nfrom semvid.cli.app import app\n"
        "app(sys.argv[1:], standalone_mode=False)\n"
        "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    arguments = ["compress", str(source), "-o", str(output), "-y", "--match", "size", "--no-probe", *options]
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments], capture_output=True, text=True, check=True
    )
    kilobytes = int(done.stdout.rsplit("peak", 1)[1])
    return kilobytes / 1024 if sys.platform != "darwin" else kilobytes / 2**20


def main() -> None:
    """Run everything, write ``results/memory.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=20)
    times = parser.parse_args().times
    results = []
    with tempfile.TemporaryDirectory() as work:
        source, output = data_folder() / "clips" / CLIP, Path(work) / "out.mp4"
        long = Path(work) / "long.mp4"
        loop(source, long, times)
        for name, options in CASES.items():
            once, many = (peak_mebibytes(one, output, options) for one in (source, long))
            results.append({"case": name, "once_mib": once, "many_mib": many, "ratio": many / once})
            print(name, f"x{many / once:.3f}", flush=True)
    save("memory", {"clip": CLIP, "times": times, "results": results})
    rows = [
        (one["case"], f"{one['once_mib']:.0f} MiB", f"{one['many_mib']:.0f} MiB", f"x{one['ratio']:.2f}")
        for one in results
    ]
    print(table(["case", "1x", f"{times}x", "ratio"], rows))


if __name__ == "__main__":
    main()
