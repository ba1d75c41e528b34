"""Time semvid against the same PyAV encode without a map, in alternating pairs.

    python examples/benchmark/speed.py [--pairs 5] [--codecs x264,x265] [--maps NAME ...] [--processor-time]

Anchor: a bare PyAV decode-encode-mux loop with the same encoder options and no other stream, decoding with
threads. Test: ``semvid.compress``, everything included (probing, maps, copies, verification). Imports are
done before; one warm-up each. ``--processor-time`` counts the time of all threads instead of that on the
clock, which says more on a busy machine.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from common import data_folder, load, save, table

import semvid
from semvid.codecs.registry import find_codec
from semvid.codecs.svtav1.priority import kept_priorities

CLIP = "dog_720p.mp4"


def plain_encode(source: Path, output: Path, codec: str, preset: str | None = None) -> None:
    """Transcode with PyAV alone."""
    spec = find_codec(codec)
    options = spec.options(spec.crf.default, preset, {})
    with av.open(str(source)) as reader, av.open(str(output), "w") as writer:
        video = reader.streams.video[0]
        video.thread_type = "AUTO"
        stream = writer.add_stream(spec.library, rate=video.average_rate, options=options)
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, video.pix_fmt
        stream.codec_context.time_base = video.time_base
        stream.codec_context.bit_rate = spec.bit_rate
        stream.codec_context.thread_count = 0
        with kept_priorities():
            stream.codec_context.open()
        for frame in reader.decode(video):
            frame.pict_type = 0
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())


def write_map_video(path: Path, size: tuple[int, int], num_frames: int) -> None:
    """Write a lossless grey video of a soft blob that wanders over the picture."""
    width, height = size
    rows, cols = np.mgrid[0:height, 0:width].astype(np.float32)
    with av.open(str(path), "w") as writer:
        stream = writer.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "gray"
        for index in range(num_frames):
            phase = 2 * np.pi * index / num_frames
            x, y = width * (0.5 + 0.25 * np.cos(phase)), height * (0.5 + 0.2 * np.sin(2 * phase))
            blob = np.exp(-(((cols - x) / (0.15 * width)) ** 2) - ((rows - y) / (0.25 * height)) ** 2)
            picture = cv2.convertScaleAbs(blob, alpha=255)
            frame = av.VideoFrame.from_ndarray(picture, format="gray")
            frame.pts, frame.time_base = index, Fraction(1, 30)
            writer.mux(stream.encode(frame))
        writer.mux(stream.encode())


def timed(action: Callable[[], object], clock: Callable[[], float]) -> float:
    """Return the seconds of one call."""
    started = clock()
    action()
    return clock() - started


def main() -> None:
    """Run all pairs and write ``results/speed.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--codecs", default="x264,x265")
    parser.add_argument("--maps", nargs="*", help="only these; default all")
    parser.add_argument("--processor-time", action="store_true")
    arguments = parser.parse_args()
    pairs = arguments.pairs
    clock = time.process_time if arguments.processor_time else time.perf_counter
    # What is not measured again keeps its earlier results.
    kept = load("speed").get("results", [])
    source = data_folder() / "clips" / CLIP
    num_frames = semvid.probe(source).num_frames_from_header or 0
    results = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        small, full = work / "maps-small.mkv", work / "maps-full.mkv"
        write_map_video(small, (320, 180), num_frames)
        write_map_video(full, (1280, 720), num_frames)
        for codec in arguments.codecs.split(","):
            sources = {
                "maps from a 320x180 file": semvid.MapsConfig(path=small),
                "maps from a 1280x720 file": semvid.MapsConfig(path=full),
                "spectral": semvid.MapsConfig(model="spectral"),
                "msroi": semvid.MapsConfig(model="msroi"),
                "msroi-fast": semvid.MapsConfig(model="msroi-fast"),
            }
            for name, maps in sources.items():
                if arguments.maps and name not in arguments.maps:
                    continue
                # Nothing but the maps takes time.
                config = semvid.CompressConfig(
                    codec=codec, maps=maps, allocation=semvid.AllocationConfig(match="size"), probe=False,
                    overwrite=True,
                )  # fmt: skip
                anchor = lambda: plain_encode(source, work / "plain.mp4", codec)  # noqa: B023, E731
                test = lambda: semvid.compress(source, work / "test.mp4", config)  # noqa: B023, E731
                anchor()
                test()
                seconds = [(timed(anchor, clock), timed(test, clock)) for _ in range(pairs)]
                ratio = statistics.median(after / before for before, after in seconds)
                results.append({
                    "codec": codec, "maps": name, "clock": clock.__name__, "pairs": seconds,
                    "median_ratio": ratio,
                })  # fmt: skip
                print(f"{codec} {name}: x{ratio:.3f}", flush=True)
    measured = {(one["codec"], one["maps"]) for one in results}
    results = [one for one in kept if (one["codec"], one["maps"]) not in measured] + results
    path = save("speed", {"clip": CLIP, "num_frames": num_frames, "results": results})
    rows = [
        (one["codec"], one["maps"], f"{statistics.median(a for a, _ in one['pairs']):.2f} s",
         f"{statistics.median(b for _, b in one['pairs']):.2f} s", f"x{one['median_ratio']:.2f}")
        for one in results
    ]  # fmt: skip
    print(table(["codec", "maps", "PyAV alone", "semvid", "median of pair ratios"], rows))
    print(path)


if __name__ == "__main__":
    main()
