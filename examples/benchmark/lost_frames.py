"""Damage small files in many ways, and count those that have fewer or other frames without a word about it.

    python examples/benchmark/lost_frames.py [--each 25]

Twelve kinds of files of 13 seconds with sound (H.264, HEVC, VP8, VP9, MPEG-2, MPEG-4 and JPEG in Matroska,
WebM, MP4 with and without fragments, QuickTime, MPEG-TS, AVI and FLV): zeros or noise written over up to
12,000 bytes, as many cut out or repeated, and the end cut off. *Said* is what keeps ``--replace`` from taking
the source: damage, or frames that seem to be missing.
"""

from __future__ import annotations

import argparse
import hashlib
import random
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from common import clips, save
from timing import FFMPEG

from semvid.core.errors import InputError
from semvid.core.types import Frame
from semvid.media.reading.reader import VideoReader

KINDS = {
    "h264.mkv": ("-c", "copy"),
    "h264.mp4": ("-c", "copy", "-movflags", "+faststart"),
    "fragments.mp4": ("-c", "copy", "-movflags", "frag_keyframe+empty_moov"),
    "h264.ts": ("-c", "copy"),
    "h264.flv": ("-c", "copy"),
    "hevc.mkv": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-c:a", "copy"),
    "hevc.mp4": ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-c:a", "copy"),
    "vp8.webm": ("-c:v", "libvpx", "-b:v", "200k", "-c:a", "libopus"),
    "vp9.webm": (
        "-c:v",
        "libvpx-vp9",
        "-deadline",
        "realtime",
        "-cpu-used",
        "8",
        "-b:v",
        "200k",
        "-c:a",
        "libopus",
    ),
    "mpeg2.ts": ("-c:v", "mpeg2video", "-q:v", "5", "-c:a", "mp2"),
    "mpeg4.avi": ("-c:v", "mpeg4", "-q:v", "5", "-c:a", "libmp3lame"),
    "jpeg.mov": ("-c:v", "mjpeg", "-q:v", "4", "-c:a", "pcm_s16le"),
}
SIZES = (1, 20, 188, 800, 3000, 12_000)
WAYS = ("zeros", "noise", "cut out", "repeated", "end cut off")


def make(folder: Path) -> list[Path]:
    """Make a file of each kind, of a few scenes in 160x96."""
    given = [part for one in clips()[:2] for part in ("-t", "6.5", "-i", str(one))]
    joined = "".join(f"[{one}:v]scale=160:96,setsar=1,fps=25,format=yuv420p[v{one}];" for one in range(2))
    first = folder / "first.mkv"
    ffmpeg = [FFMPEG, "-loglevel", "error", "-y"]
    subprocess.run(
        [
            *ffmpeg, *given, "-f", "lavfi", "-i", "sine=440:duration=13", "-filter_complex",
            f"{joined}[v0][v1]concat=n=2:v=1[v]", "-map", "[v]", "-map", "2:a", "-c:v", "libx264", "-preset",
            "veryfast", "-crf", "22", "-g", "50", "-c:a", "aac", str(first),
        ],
        check=True,
    )  # fmt: skip
    for name, options in KINDS.items():
        subprocess.run([*ffmpeg, "-i", str(first), *options, str(folder / name)], check=True)
    return [folder / name for name in KINDS]


def spoiled(data: bytes, way: str, rng: random.Random) -> bytes:
    """Return a damaged copy."""
    size = rng.choice(SIZES)
    at = rng.randrange(len(data) // 50, len(data) - size - len(data) // 50)
    after = data[at + size :]
    match way:
        case "zeros":
            return data[:at] + bytes(size) + after
        case "noise":
            return data[:at] + rng.randbytes(size) + after
        case "cut out":
            return data[:at] + after
        case "repeated":
            return data[: at + size] + data[at:]
        case _:
            return data[:at]


def look(path: Path) -> tuple[dict[int, bytes], bool]:
    """Return a hash of each frame by its time, and whether anything is said to be wrong."""
    with VideoReader(path) as reader:
        found = {
            one.pts: hashlib.md5(np.ascontiguousarray(one.luma), usedforsecurity=False).digest()
            for one in reader.read()
            if isinstance(one, Frame)
        }
        return found, bool(reader.damage or reader.num_missing)


def try_file(path: Path, each: int) -> dict[str, dict[str, int]]:
    """Damage one file again and again."""
    data, (whole, is_told) = path.read_bytes(), look(path)
    if is_told:
        raise SystemExit(f"{path} is said to be damaged, and is not")
    counts: dict[str, dict[str, int]] = {}
    bad = path.with_name(f"bad-{path.name}")
    for way in WAYS:
        rng, found = random.Random(way + path.name), Counter[str]()
        for _ in range(each):
            bad.write_bytes(spoiled(data, way, rng))
            try:
                frames, is_told = look(bad)
            except InputError:
                found["refused"] += 1
                continue
            num_same = sum(whole.get(pts) == one for pts, one in frames.items())
            what = "fewer frames" if len(frames) < len(whole) else "other pictures"
            what = "as it was" if num_same == len(whole) == len(frames) else what
            found[f"{what}, {'said' if is_told else 'not said'}"] += 1
        counts[way] = dict(sorted(found.items()))
        print(path.name, way, counts[way], flush=True)
    return counts


def main() -> None:
    """Damage files of all kinds, write ``results/lost_frames.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--each", type=int, default=25, help="files for each kind and way")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files: dict[str, Any] = {one.name: try_file(one, arguments.each) for one in make(Path(folder))}
    total = Counter[str]()
    for ways in files.values():
        for one in ways.values():
            total.update(one)
    print(dict(total))
    save("lost_frames", {"files": files, "total": dict(total)})


if __name__ == "__main__":
    main()
