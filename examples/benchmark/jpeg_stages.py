"""Time what a frame of Motion-JPEG and a still of 12 megapixels are made of, in processor time.

    python examples/benchmark/jpeg_stages.py [--frames 40] [--runs 3]

Processor time hardly depends on what else a machine does; wall time on cores that do nothing else is at least
that divided by the cores. frames: a clip at 720p, and scaled to 1080p, at the default quality. ``analysis``
is decoding, the map and motion, ``convert`` the change to JPEG's format; the others are one frame's, medians.
stills: a mosaic of 30 photographs, 3840 x 3072, as PNG, at the default options, medians; ``semvid image`` is
the whole command, ``first`` its first run after ``pip install .``, and ``first elsewhere`` on a processor of
another kind, where loops are compiled first.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from common import data_folder, save, table
from mjpeg import CLIP, CONFIG, scaled_clip
from PIL import Image

from semvid.codecs.jpeg import choice, encoder, writer
from semvid.codecs.jpeg.encoder import Choice, PictureCoder
from semvid.codecs.jpeg.kernels import compile_all
from semvid.codecs.jpeg.lines import still_coder
from semvid.codecs.jpeg.motion import JpegCoding
from semvid.codecs.jpeg.planes import planes_from_rgb, planes_of
from semvid.codecs.jpeg.sampling import choose_sampling
from semvid.core.config import MapsConfig
from semvid.engine.analysis import Analyser
from semvid.engine.stages import only_frames
from semvid.importance.registry import open_source
from semvid.media.reading.reader import VideoReader
from semvid.media.stills.picture import read_picture
from semvid.products.still import picture_importance

PARTS = {
    "transform": (encoder, "to_blocks"),
    "masking": (encoder, "masking_weights"),
    "DC": (choice, "_choose_dc"),
    "AC": (choice, "_choose_ac"),
    "symbols": (writer, "baseline_entries"),
    "bits": (writer, "pack"),
}
MOSAIC = (5, 6)
Times = dict[str, list[float]]


def timed(name: str, times: Times, function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a function so that its processor time is added to the last of ``times[name]``."""

    def wrapper(*arguments: Any) -> Any:
        started = time.thread_time()
        result = function(*arguments)
        times[name][-1] += 1000 * (time.thread_time() - started)
        return result

    return wrapper


def frame_times(path: Path, count: int) -> dict[str, float]:
    """Milliseconds a frame, by stage."""
    coding, kept = JpegCoding(CONFIG), []
    converting = 0.0
    with VideoReader(path) as reader, closing(open_source(CONFIG.maps, None)) as source:
        analyser = Analyser(source, CONFIG.temporal, frame_rate=reader.info.frame_rate)
        analysed = analyser.run(only_frames(reader.read()))
        # The first ones load and compile what is needed, and wait for the frames after them.
        for one in islice(analysed, 30):
            coding.prepare(one)
        started = time.process_time()
        for one in islice(analysed, count):
            before = time.thread_time()
            kept.append(coding.prepare(one))
            converting += time.thread_time() - before
        whole = time.process_time() - started
    found = {"analysis": 1000 * (whole - converting) / count, "convert": 1000 * converting / count}
    times: Times = {name: [] for name in (*PARTS, "encode")}
    originals = {name: getattr(*place) for name, place in PARTS.items()}
    for name, (module, attribute) in PARTS.items():
        setattr(module, attribute, timed(name, times, originals[name]))
    known: list[choice.Counts] = []
    for index, one in enumerate(kept):
        for of_part in times.values():
            of_part.append(0.0)
        started = time.thread_time()
        coder = PictureCoder(planes_of(one.picture), one.importance, encoder.TUNINGS["perceptual"])
        coder.encode(Choice(mends_borders=False), known)
        times["encode"][-1] = 1000 * (time.thread_time() - started)
        known = coder.counts
        if index == 0:
            for of_part in times.values():
                of_part.clear()
    for name, (module, attribute) in PARTS.items():
        setattr(module, attribute, originals[name])
    found |= {name: statistics.median(of_part) for name, of_part in times.items()}
    found["rest"] = found["encode"] - sum(found[name] for name in PARTS)
    found["all"] = found["analysis"] + found["convert"] + found.pop("encode")
    return found


def mosaic() -> np.ndarray:
    """Photographs side by side."""
    paths = sorted((data_folder() / "kodak").glob("*.png"))
    pictures = []
    for path in paths:
        pixels = np.asarray(Image.open(path).convert("RGB"))
        pictures.append(pixels if pixels.shape[0] < pixels.shape[1] else pixels.transpose(1, 0, 2))
    cols, rows = MOSAIC
    lines = [
        np.concatenate([pictures[(row * cols + col) % len(pictures)] for col in range(cols)], axis=1)
        for row in range(rows)
    ]
    return np.concatenate(lines)


def still_times(path: Path) -> dict[str, float]:
    """Milliseconds by stage, everything loaded and compiled."""
    found: dict[str, float] = {}
    before = time.process_time()

    def lap(name: str) -> None:
        nonlocal before
        now = time.process_time()
        found[name] = 1000 * (now - before)
        before = now

    picture = read_picture(path)
    lap("read")
    importance = picture_importance(picture, MapsConfig())
    lap("map")
    sampling = choose_sampling(picture.pixels)
    lap("sampling")
    planes = planes_from_rgb(picture.pixels, sampling)
    lap("convert")
    coder = still_coder(planes, importance, "perceptual")
    lap("lines, transform")
    chosen = coder.choose(Choice())
    lap("choice")
    jpeg = coder.write(*chosen)
    lap("write")
    writer.progressive(jpeg)
    lap("progressive")
    return found


def command_time(path: Path, output: Path, cache: Path) -> float:
    """Milliseconds that ``semvid image`` takes with a cache folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    code = "from semvid.cli.main import run; run()"
    subprocess.run(
        [sys.executable, "-P", "-c", code, "image", str(path), "-o", str(output), "-y"], check=True,
        env=os.environ | {"XDG_CACHE_HOME": str(cache)}, capture_output=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def main() -> None:
    """Measure, write ``results/jpeg_stages.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        scaled_clip(data_folder() / "clips" / CLIP, work / "large.mp4", 1920, 1080)
        frames = {
            "720p": frame_times(data_folder() / "clips" / CLIP, arguments.frames),
            "1080p": frame_times(work / "large.mp4", arguments.frames),
        }
        names = list(frames["720p"])
        print(table(["ms a frame", *names], [
            [size, *(f"{one[name]:.1f}" for name in names)] for size, one in frames.items()
        ]))  # fmt: skip
        Image.fromarray(mosaic()).save(work / "still.png", compress_level=1)
        runs = [still_times(work / "still.png") for _ in range(arguments.runs + 1)][1:]
        still = {name: statistics.median(one[name] for one in runs) for name in runs[0]}
        elsewhere, installed = work / "elsewhere", work / "installed"
        compile_all(installed / "semvid" / "object_code")
        names = work / "still.png", work / "still.jpg"
        still["semvid image, first elsewhere"] = command_time(*names, elsewhere)
        still["semvid image, first"] = command_time(*names, installed)
        again = [command_time(*names, installed) for _ in range(arguments.runs)]
    still["semvid image"] = statistics.median(again)
    print(table(["still", "ms"], [[name, f"{value:.0f}"] for name, value in still.items()]))
    save("jpeg_stages", {"frames": frames, "still": still})


if __name__ == "__main__":
    main()
