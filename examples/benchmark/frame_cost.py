"""Tell where the processor time of a frame goes, stage by stage, at several sizes.

    python examples/benchmark/frame_cost.py [--rounds 5] [--sizes 272,720,1080,2160] [--codec x264] [--calls]

Stages are added one after another to one thread: decoding; analysis (network, motion, maps of all frames);
preparing (offsets, regions); and encoding with the default preset. What each takes is the difference to the
run without it, as a median over the rounds, so that those before must be told from noise. The network has one
thread. "plain" is the whole of a plain encode. ``--calls`` lists the calls that take most of the first three
instead. 2160p and 1080p are enlarged from 720p, 272p is a clip of its own.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import statistics
import tempfile
import time
from pathlib import Path

import ffmpeg
import imageio_ffmpeg
from common import data_folder, save, table

import semvid
from semvid.codecs.base.coding import Target
from semvid.codecs.registry import find_codec
from semvid.core.types import AnalysedFrame, Frame
from semvid.engine.encoding import Encoding
from semvid.engine.run import open_run
from semvid.engine.stages import each

CLIPS = {272: "street_272p.mp4", 720: "dog_720p.mp4"}
STAGES = ("decode", "analyse", "prepare", "encode")
FRAMES = {272: 250, 720: 250, 1080: 120, 2160: 60}


def make_clip(lines: int, folder: Path) -> Path:
    """Return a clip of so many lines."""
    if lines in CLIPS:
        return data_folder() / "clips" / CLIPS[lines]
    output = folder / f"{lines}.mp4"
    stream = ffmpeg.input(str(data_folder() / "clips" / CLIPS[720])).output(
        str(output), vf=f"scale=-2:{lines}:flags=lanczos", vcodec="libx264", preset="veryfast", crf=16,
        an=None, frames=FRAMES[lines],
    )  # fmt: skip
    stream.run(cmd=imageio_ffmpeg.get_ffmpeg_exe(), quiet=True)
    return output


def run(source: Path, codec: str, num_stages: int, *, has_maps: bool = True) -> int:
    """Pass a clip through the first stages, in this thread; returns the number of frames."""
    strength = semvid.AllocationConfig().strength if has_maps else 0
    config = semvid.CompressConfig(
        codec=codec, maps=semvid.MapsConfig(device="cpu", threads=1),
        allocation=semvid.AllocationConfig(match="size", strength=strength),
    )  # fmt: skip
    coding, encoding = find_codec(codec).coding(config), Encoding()
    with open_run(source, config.temporal, has_maps=has_maps) as opened:
        opened.reader.keep([])
        opened.open_maps(config.maps)
        prepare = each(AnalysedFrame, lambda one: [coding.prepare(one)])
        encoding.begin(coding, Target.of_file(opened.reader.info, ".mkv"))
        items = opened.reader.read()
        for stage in (opened.analyse, prepare, encoding.run)[: num_stages - 1]:
            items = stage(items)
        num_frames = 0
        for item in items:
            is_frame = isinstance(item, Frame | AnalysedFrame) or hasattr(item, "decoded")
            num_frames += is_frame or getattr(item, "frame", None) is not None
    return num_frames


def milliseconds(source: Path, codec: str, num_stages: int, *, has_maps: bool = True) -> float:
    """Processor time of all threads, for a frame."""
    started = time.process_time()
    num_frames = run(source, codec, num_stages, has_maps=has_maps)
    return (time.process_time() - started) * 1000 / num_frames


def measure(source: Path, codec: str, rounds: int) -> dict[str, float]:
    """Return the milliseconds of each stage, of all of them, and of a plain encode."""
    # Networks, graphs and trials of options are made once.
    run(source, codec, len(STAGES))
    totals = []
    plains = []
    for _ in range(rounds):
        totals.append([milliseconds(source, codec, count + 1) for count in range(len(STAGES))])
        plains.append(milliseconds(source, codec, len(STAGES), has_maps=False))
    medians = [statistics.median(column) for column in zip(*totals, strict=True)]
    parts = [after - before for before, after in zip([0.0, *medians], medians, strict=False)]
    return {**dict(zip(STAGES, parts, strict=True)), "all": medians[-1], "plain": statistics.median(plains)}


def main() -> None:
    """Measure, write ``results/frame_cost.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", default="272,720,1080,2160")
    parser.add_argument("--codec", default="x264")
    parser.add_argument("--calls", action="store_true")
    arguments = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as work:
        for lines in map(int, arguments.sizes.split(",")):
            source = make_clip(lines, Path(work))
            if arguments.calls:
                run(source, arguments.codec, 3)
                profile = cProfile.Profile()
                profile.runcall(run, source, arguments.codec, 3)
                pstats.Stats(profile).sort_stats("tottime").print_stats(30)
                continue
            results[f"{lines}p"] = measure(source, arguments.codec, arguments.rounds)
            print(
                f"{lines}p", {key: round(value, 2) for key, value in results[f"{lines}p"].items()}, flush=True
            )
    if results:
        columns = [*STAGES, "all", "plain"]
        rows = [[name, *(f"{one[key]:.1f}" for key in columns)] for name, one in results.items()]
        print(table(["ms a frame", *columns], rows))
        print(save("frame_cost", {"codec": arguments.codec, "results": results}))


if __name__ == "__main__":
    main()
