"""Half an hour of video through ``compress`` and ``stream``: ``make soak``.

    python examples/benchmark/soak.py [--minutes 30] [--only compress|stream]

``compress`` gets a clip repeated to that length; ``stream`` plays a clip in a loop at its own speed. Resident
memory and open descriptors are read every two seconds; wanted: the second half has at most 5 % more memory
than the second quarter (medians), and no more descriptors. Writes ``results/soak.json``; exits with 1 if not.
"""

from __future__ import annotations

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
from common import save
from makers import run as run_ffmpeg

_PROGRAM = Path(sys.executable).with_name("semvid")
_EVERY_SECONDS = 2.0
_MOST_GROWTH = 1.05
_CLIP_SECONDS = 20


def watch(arguments: Sequence[str], folder: Path, *, stop_after: float | None = None) -> dict[str, object]:
    """Run a command and measure it.

    Args:
        arguments: After ``semvid``.
        folder: Where it runs.
        stop_after: Seconds after which it is interrupted; None = it ends by itself.
    """
    with (folder / "said.txt").open("wb") as said:
        process = subprocess.Popen(
            [_PROGRAM, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
        looked = psutil.Process(process.pid)
        started, memory, descriptors = time.monotonic(), [], []
        while process.poll() is None:
            try:
                memory.append(looked.memory_info().rss / 2**20)
                descriptors.append(looked.num_fds())
            except psutil.NoSuchProcess:
                break
            if stop_after is not None and time.monotonic() - started > stop_after:
                process.send_signal(signal.SIGINT)
                stop_after = None
            time.sleep(_EVERY_SECONDS)
        code = process.wait()
    quarter = len(memory) // 4
    before = statistics.median(memory[quarter : 2 * quarter])
    after = statistics.median(memory[2 * quarter :])
    result = {
        "arguments": list(arguments), "exit_code": code,
        "minutes": round((time.monotonic() - started) / 60, 1),
        "mib_second_quarter": round(before, 1), "mib_second_half": round(after, 1),
        "growth": round(after / before, 4),
        "descriptors_second_quarter": statistics.median(descriptors[quarter : 2 * quarter]),
        "descriptors_at_most_later": max(descriptors[2 * quarter :]),
        "descriptors_at_most_before": max(descriptors[: 2 * quarter]),
        "said": (folder / "said.txt").read_text(errors="replace")[-500:],
    }  # fmt: skip
    print(result, flush=True)
    return result


def is_flat(result: dict[str, object]) -> bool:
    """Whether memory and descriptors stayed, and the command ended well."""
    return bool(
        result["exit_code"] == 0
        and float(str(result["growth"])) <= _MOST_GROWTH
        and int(str(result["descriptors_at_most_later"])) <= int(str(result["descriptors_at_most_before"]))
    )


def main() -> int:
    """Run both, write the result, return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--only", choices=("compress", "stream"))
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        picture = f"-f lavfi -i testsrc2=s=320x192:r=25:d={_CLIP_SECONDS}"
        sound = f"-f lavfi -i sine=d={_CLIP_SECONDS}"
        run_ffmpeg(f"{picture} {sound} -c:v libx264 -preset veryfast -c:a aac", folder / "clip.mp4")
        if options.only != "stream":
            times = max(round(options.minutes * 60 / _CLIP_SECONDS), 1) - 1
            run_ffmpeg(f"-stream_loop {times} -i clip.mp4 -c copy", folder / "long.mp4")
            results["compress"] = watch(
                ("compress", "long.mp4", "-o", "out.mp4", "--preset", "superfast"), folder
            )
        if options.only != "compress":
            results["stream"] = watch(
                ("stream", "clip.mp4", "live.mkv", "--loop", "--realtime", "--bitrate", "500k"),
                folder, stop_after=options.minutes * 60,
            )  # fmt: skip
    if options.only is None:
        save("soak", {"minutes": options.minutes, "results": results})
    return int(not all(map(is_flat, results.values())))


if __name__ == "__main__":
    sys.exit(main())
