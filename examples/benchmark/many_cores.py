"""Measure on many cores, and on a GPU if there is one: films in parts, many files, Ray, and maps alone.

    python examples/benchmark/many_cores.py INPUTS [--only same,maps,film,files,ray] [--rounds 3]

INPUTS is a folder for what is compressed; what is missing there is made from the clips.

same: maps that the GPU makes, against those of the CPU, and twice against each other, byte for byte.
maps: ``semvid maps`` of 1080p, milliseconds a frame on the clock and of processor time.
film: ``semvid compress`` against ``semvid batch`` in parts of 15 seconds with several numbers of workers: two
    minutes of 360 lines and of 1080, with several encoders, with maps made on the CPU and on the GPU.
files: the six clips three times, by ``semvid batch`` with several numbers of workers, on the CPU and on the
    GPU, and how much of its memory.
ray: the same by ``--engine ray`` with maps made on the GPU: the bytes of ``--engine local`` with as many
    cores for each file, and memory of the GPU afterwards.

All options are the defaults but those named. Every run of a film is kept at once, and what is there is not
measured again. Run nothing beside it.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from batch import make_film, maps_of, outputs
from common import clips, load, save, table
from timing import SEMVID, of_command

import semvid
from semvid.batch.config_pool import local_workers
from semvid.batch.tasks.pool import CORES_PER_FILE
from semvid.core.config import BatchConfig
from semvid.core.threads import available_cores

DEVICES = ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",)
FILM, LARGE = "film.mp4", "large.mp4"
FILMS = {"360p": (FILM, 2), "1080p": (LARGE, 4)}
"""A file among the inputs, and how often it is repeated, to about two minutes."""
CASES = (
    ("360p", "x264", "medium", "cpu"),
    ("360p", "x264", "medium", "cuda"),
    ("1080p", "x264", "medium", "cpu"),
    ("360p", "x264", "slow", "cpu"),
    ("360p", "av1", "8", "cpu"),
)
PART_SECONDS = 15
WORKERS = (4, 8, 16)
"""That work at once on files; on films the first two numbers."""
NUM_COPIES = 3
_POLL_SECONDS = 1.0


def make_inputs(folder: Path) -> None:
    """Make what is missing: the film of ``batch.py``, and half a minute of clips enlarged to 1080 lines."""
    folder.mkdir(exist_ok=True)
    if not (folder / "clips").exists():
        shutil.copytree(clips()[0].parent, folder / "clips")
    if not (folder / FILM).exists():
        make_film(folder / FILM)
    if not (folder / LARGE).exists():
        enlarge(sorted((folder / "clips").glob("*720p*")), folder / LARGE)


def enlarge(sources: Sequence[Path], output: Path) -> None:
    """Show the first 250 frames of clips one after another, with 1080 lines and 25 frames a second."""
    with av.open(str(output), "w") as writer:
        stream = writer.add_stream(
            "libx264", rate=25, options={"preset": "fast", "crf": "20", "g": "125", "threads": "auto"}
        )
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        count = 0
        for source in sources:
            with av.open(str(source)) as reader:
                for picture in islice(reader.decode(video=0), 250):
                    larger = picture.reformat(1920, 1080, "yuv420p", interpolation="LANCZOS")
                    larger.pts, larger.time_base, larger.pict_type = count, Fraction(1, 25), 0
                    writer.mux(stream.encode(larger))
                    count += 1
        writer.mux(stream.encode())


def repeat(source: Path, output: Path, times: int) -> Path:
    """Show a video so many times, its packets as they are, without sound."""
    if output.exists():
        return output
    with av.open(str(output), "w") as writer:
        stream = None
        start = 0
        for _ in range(times):
            with av.open(str(source)) as reader:
                video = reader.streams.video[0]
                stream = stream or writer.add_stream_from_template(video)
                for packet in reader.demux(video):
                    if packet.dts is None:
                        continue
                    packet.pts, packet.dts = packet.pts + start, packet.dts + start
                    packet.stream = stream
                    writer.mux(packet)
                start += video.duration
    return output


@contextmanager
def watched_gpu() -> Iterator[dict[str, Any]]:
    """Note the most memory that the GPU gives, in MiB, and how busy it is on average, in percent."""
    found: dict[str, Any] = {}
    if len(DEVICES) == 1:
        yield found
        return
    asked = ["nvidia-smi", "--query-gpu=memory.used,utilization.gpu", "--format=csv,noheader,nounits"]
    before = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    watch = subprocess.Popen([*asked, "-lms", "200"], stdout=subprocess.PIPE, text=True)
    try:
        yield found
    finally:
        watch.terminate()
        lines = [one for one in watch.communicate()[0].splitlines() if one.count(",") == 1]
        time.sleep(_POLL_SECONDS)
        after = subprocess.run(asked, check=True, capture_output=True, text=True).stdout
        seen = np.array([[float(word) for word in one.split(",")] for one in lines])
        found |= {
            "mib_before": float(before.split(",")[0]), "mib_most": float(seen[:, 0].max()),
            "mib_after": float(after.split(",")[0]), "busy_percent": float(seen[:, 1].mean()),
        }  # fmt: skip


def try_same(inputs: Path, work: Path) -> dict[str, Any]:
    """See ``same`` above."""
    found: dict[str, Any] = {}
    for name in (FILM, LARGE):
        maps, encodes = {}, {}
        for way in ("cpu", "cuda", "cuda again"):
            device: Any = way.partition(" ")[0]
            saved, coded = work / f"{way}.svmap", work / f"{way}.mkv"
            config = semvid.CompressConfig(
                maps=semvid.MapsConfig(device=device), save_maps=saved, probe="none", threads=4,
                overwrite=True, preset="superfast",
            )  # fmt: skip
            semvid.compress(inputs / name, coded, config)
            maps[way], encodes[way] = saved, coded
        grey = [np.stack(maps_of(maps[way])) for way in ("cpu", "cuda")]
        apart = np.abs(grey[0] - grey[1])
        sizes = [encodes[way].stat().st_size for way in ("cpu", "cuda")]
        found[name] = {
            "same_twice": all(
                one["cuda"].read_bytes() == one["cuda again"].read_bytes() for one in (maps, encodes)
            ),
            "levels_apart_mean": float(apart.mean()), "levels_apart_most": float(apart.max()),
            "share_of_cells_apart": float((apart > 0).mean()),
            "share_of_frames_apart": float((apart > 0).any(axis=tuple(range(1, apart.ndim))).mean()),
            "size_on_gpu": sizes[1] / sizes[0] - 1,
        }  # fmt: skip
    return found


def try_maps(inputs: Path, work: Path, num_rounds: int) -> dict[str, Any]:
    """See ``maps`` above."""
    num_frames = semvid.probe(inputs / LARGE).num_frames_from_header
    found: dict[str, Any] = {"num_frames": num_frames}
    for _ in range(num_rounds):
        for device in DEVICES:
            command = [SEMVID, "maps", str(inputs / LARGE), "-y", "--device", device, "--no-preview", "-o"]
            cost = of_command([*command, str(work / "o.svmap")])
            found.setdefault(device, []).append([cost.seconds, cost.processor_seconds])
    return found


def try_film(inputs: Path, work: Path, found: dict[str, Any], num_rounds: int) -> Iterator[None]:
    """See ``film`` above; yields after each encode."""
    one, many = work / "one.mp4", work / "many"
    for number in range(num_rounds):
        for size, codec, preset, device in CASES:
            if device not in DEVICES:
                continue
            name, times = FILMS[size]
            here = found.setdefault(f"{size} {codec} {preset} {device}", {"costs": {}, "bytes": {}})
            film = repeat(inputs / name, work / f"{size}.mp4", times)
            options = [str(film), "--codec", codec, "--preset", preset, "--device", device, "--json"]
            ways = {"one piece": (one, [SEMVID, "compress", *options, "-y", "-o", str(one)])}
            for workers in WORKERS[:2]:
                divided = ["--part-seconds", str(PART_SECONDS), "--jobs", str(workers), "-o", str(many)]
                ways[f"{workers} at a time"] = (many / film.name, [SEMVID, "batch", *options, *divided])
            for way, (output, command) in ways.items():
                costs = here["costs"].setdefault(way, [])
                if len(costs) <= number:
                    shutil.rmtree(many, ignore_errors=True)
                    cost = of_command(command)
                    costs.append([cost.seconds, cost.processor_seconds])
                    here["bytes"][way] = output.stat().st_size
                    yield


def copied_clips(inputs: Path, work: Path) -> Path:
    """Return a folder of the clips, each as often as ``NUM_COPIES`` says."""
    folder = work / "clips"
    if not folder.exists():
        folder.mkdir()
        for clip in sorted((inputs / "clips").iterdir()):
            for number in range(NUM_COPIES):
                shutil.copy(clip, folder / f"{clip.stem}-{number}{clip.suffix}")
    return folder


def run_batch(folder: Path, output: Path, *options: str) -> dict[str, Any]:
    """Compress a folder; returns what it took, on the GPU too."""
    shutil.rmtree(output, ignore_errors=True)
    with watched_gpu() as gpu:
        cost = of_command([SEMVID, "batch", str(folder), "--json", *options, "-o", str(output)])
    return {"seconds": cost.seconds, "processor_seconds": cost.processor_seconds, **gpu}


def try_files(inputs: Path, work: Path, num_rounds: int) -> dict[str, Any]:
    """See ``files`` above."""
    folder = copied_clips(inputs, work)
    found: dict[str, Any] = {"files": len(list(folder.iterdir()))}
    for _ in range(num_rounds):
        for device in DEVICES:
            for workers in WORKERS:
                cost = run_batch(folder, work / "out", "--device", device, "--jobs", str(workers))
                found.setdefault(f"{device}, {workers} at a time", []).append(cost)
    return found


def try_ray(inputs: Path, work: Path) -> dict[str, Any]:
    """See ``ray`` above."""
    folder, device = copied_clips(inputs, work), DEVICES[-1]
    cores = available_cores()
    workers = max(cores // CORES_PER_FILE, 1)
    # With one engine these are the cores of all files, with the other of each.
    options = {"local": cores, "ray": cores // workers}
    found = {
        engine: run_batch(
            folder, work / engine, "--engine", engine, "--device", device, "--jobs", str(workers),
            "--threads", str(threads),
        )
        for engine, threads in options.items()
    }  # fmt: skip
    return {"workers": workers, **found, "same_bytes": outputs(work / "ray") == outputs(work / "local")}


def rows_of(films: dict[str, Any]) -> Iterator[Sequence[object]]:
    """Return rows of a table of the films."""
    for name, found in films.items():
        size = found["bytes"]["one piece"]
        whole = None
        for way, costs in found["costs"].items():
            seconds, processor = (statistics.median(one) for one in zip(*costs, strict=True))
            whole = whole or seconds
            yield (
                name, way, len(costs), f"{seconds:.1f} s", f"x{seconds / whole:.2f}", f"{processor:.0f} s",
                f"{processor / seconds:.1f}", f"{100 * (found['bytes'][way] / size - 1):+.1f} %",
            )  # fmt: skip


def main() -> None:
    """Run what is asked for, write ``results/many_cores.json``, print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("inputs", type=Path)
    parser.add_argument("--only", default="same,maps,film,files,ray")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    make_inputs(arguments.inputs)
    results: dict[str, Any] = load("many_cores").get("results", {})
    results["gpu"] = torch.cuda.get_device_name() if len(DEVICES) > 1 else None
    num_workers, threads = local_workers(BatchConfig(), 100)
    results["local"] = {"workers": num_workers, "threads": threads}
    inputs, only = arguments.inputs, arguments.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        tries = {
            "same": lambda: try_same(inputs, work), "maps": lambda: try_maps(inputs, work, arguments.rounds),
            "files": lambda: try_files(inputs, work, arguments.rounds), "ray": lambda: try_ray(inputs, work),
        }  # fmt: skip
        for name in only:
            if name in tries and name not in results:
                results[name] = tries[name]()
                print(name, results[name], flush=True)
                save("many_cores", {"results": results})
        if "film" in only:
            for _ in try_film(inputs, work, results.setdefault("film", {}), arguments.rounds):
                save("many_cores", {"results": results})
    columns = ("", "", "runs", "time", "", "processor time", "cores busy", "size")
    print(table(columns, list(rows_of(results.get("film", {})))))
    for device in DEVICES:
        if "maps" in results:
            costs = results["maps"][device]
            each = [
                1000 * statistics.median(one) / results["maps"]["num_frames"]
                for one in zip(*costs, strict=True)
            ]
            print(f"maps of 1080p, {device}: {each[0]:.2f} ms a frame, {each[1]:.2f} of processor time")


if __name__ == "__main__":
    main()
