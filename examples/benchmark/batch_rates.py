"""Ask for sizes, bit rates and scores of a film, in parts and in one piece: how near, and at what cost.

    python examples/benchmark/batch_rates.py [--only size-x264,...]

The six clips, at most eight seconds of each at 180 lines, joined to 41; parts of about ten or more. For each
wish, both ways: what came out, all frames measured (``compare``) where it is a score, and against a plain
encode in one piece where it is its size; the rounds that parts took, how many parts were encoded in all, and
seconds of all processes (user and system, so other work on the machine hardly counts).
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from common import clips, load, save
from timing import FFMPEG

import semvid
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.run import compress_many
from semvid.core.config import BatchConfig

SECONDS, LINES, PART_SECONDS = 8, 180, 10.0
X264 = semvid.CompressConfig(preset="veryfast")
X265 = semvid.CompressConfig(codec="x265", preset="veryfast")
SIZE = semvid.AllocationConfig(match="size")
WISHES = {
    "size-x264": replace(X264, rate=semvid.Size(600_000)),
    "size-x265": replace(X265, rate=semvid.Size(400_000)),
    "bitrate-x264": replace(X264, rate=semvid.Bitrate(120_000)),
    "match-x264": replace(X264, allocation=SIZE),
    "vmaf-x264": replace(X264, rate=semvid.Vmaf(88)),
    "saving-x264": X264,
}


def make_film(path: Path) -> None:
    """Join the clips, without sound."""
    given = [part for one in clips() for part in ("-i", str(one))]
    width = LINES * 16 // 9
    scaled = "".join(
        f"[{one}:v]trim=duration={SECONDS},setpts=PTS-STARTPTS,scale={width}:{LINES},setsar=1,fps=25,"
        f"format=yuv420p[v{one}];"
        for one in range(len(clips()))
    )
    joined = "".join(f"[v{one}]" for one in range(len(clips())))
    subprocess.run(
        [
            FFMPEG, "-loglevel", "error", "-y", *given, "-filter_complex",
            f"{scaled}{joined}concat=n={len(clips())}:v=1[v]", "-map", "[v]", "-c:v", "libx264", "-preset",
            "fast", "-crf", "14", "-g", "50", str(path),
        ],
        check=True,
    )  # fmt: skip


def run(film: Path, output: Path, video: semvid.CompressConfig, part_seconds: float) -> dict[str, Any]:
    """Compress the film; return what was noted of it, and the seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told: list[Any] = []
    compress_many([film], output, BatchConfig(video=video, part_seconds=part_seconds), on_event=told.append)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with JobStore(output / WORK_FOLDER / STORE) as store:
        (entry,) = store.entries()
    assert entry.result is not None, entry.reason
    kept = (
        "output_bytes", "video_bytes", "duration_seconds", "quality", "saving", "saving_error", "score",
        "missed_by", "gain_db", "plain_bytes",
    )  # fmt: skip
    return {
        **{name: entry.result[name] for name in kept if entry.result.get(name) is not None},
        "rounds": len(entry.result.get("rounds", ())),
        "parts_encoded": sum(type(one).__name__ == "PartEnded" and one.part > 0 for one in told),
        "cpu_seconds": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    }  # fmt: skip


def try_wish(name: str, film: Path, work: Path) -> dict[str, Any]:
    """Compress the film both ways, and hold it against the wish."""
    video, found = WISHES[name], {}
    for way, part_seconds in (("parts", PART_SECONDS), ("one piece", 0.0)):
        output = work / f"{name} {way}"
        one = found[way] = run(film, output, video, part_seconds)
        if isinstance(video.rate, semvid.Size):
            one["off_by"] = one["output_bytes"] / video.rate.num_bytes - 1
        elif isinstance(video.rate, semvid.Bitrate):
            bits = 8 * one["video_bytes"] / one["duration_seconds"]
            one["off_by"] = bits / video.rate.bits_per_second - 1
        elif isinstance(video.rate, semvid.Vmaf):
            config = semvid.CompareConfig(metrics=("vmaf",))
            compared = semvid.compare(film, output / film.name, config=config)
            one["vmaf_of_all_frames"] = compared.pooled["vmaf"].mean
            one["off_by"] = one["vmaf_of_all_frames"] - video.rate.value
    if name.startswith(("match", "saving")):
        plain = replace(video, allocation=semvid.AllocationConfig(strength=0), probe=None)
        whole = run(film, work / f"{name} plain", plain, 0.0)
        for one in found.values():
            one["beside_a_plain_encode"] = one["video_bytes"] / whole["video_bytes"] - 1
    return found


def main() -> None:
    """Run what is asked for, write ``results/batch_rates.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(WISHES))
    results: dict[str, Any] = load("batch_rates").get("results", {})
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.mp4"
        make_film(film)
        for name in parser.parse_args().only.split(","):
            results[name] = try_wish(name, film, Path(folder))
            print(name, results[name], flush=True)
            save("batch_rates", {"results": results})


if __name__ == "__main__":
    main()
