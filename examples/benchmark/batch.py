"""Try batches: mixed files with kills, a film in parts, the scheduling of a Ray cluster, and the store alone.

    python examples/benchmark/batch.py [--parts mixed,kills,film,ray,store,estimates]

mixed: some sixty files (clips made small, odd files, Kodak photographs, broken ones) by ``semvid batch``: how
    they end, a second run, and twenty runs that are killed at random moments (SIGKILL) and one to the end,
    against an undisturbed one, byte for byte.
kills: a film in parts, a clip and a photograph, in runs that are killed with all their processes at twenty
    random moments; whatever is finished is compared with an undisturbed run, byte for byte, and begun anew.
film: the six clips joined to a minute, in four parts against in one piece: frames and times, size, PSNR
    of the whole and of what matters (by the map), change of the map at borders and elsewhere (all these with
    as many threads as each part has), and time of the usual commands (medians of 3 pairs, preset slow and
    medium).
ray: tasks that sleep in place of encodes, 1,000 on 8 workers: how much of the time they sleep, and the
    driver's memory at the beginning and at the end.
store: 100,000 jobs, listed.
estimates: what ``--dry-run`` expects of some seventy files (clips, clips joined to 24 and 50 seconds, odd
    files, photographs, which are compressed for it), against what they come to.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import resource
import shutil
import statistics
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import psutil
from common import clips, data_folder, load, save
from timing import FFMPEG, SEMVID, of_call

import semvid
from semvid.batch.cluster import ray_pool
from semvid.batch.cluster.node import RayOrder
from semvid.batch.config_pool import local_workers
from semvid.batch.estimate import estimate_many_events
from semvid.batch.events import Estimated
from semvid.batch.films.borders import divide
from semvid.batch.jobs.identity import Identity
from semvid.batch.jobs.records import NewJob
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.run import compress_many
from semvid.core.config import BatchConfig
from semvid.engine.run import follow
from semvid.importance.files.sidecar import SidecarReader
from semvid.media.probe import probe

NUM_FILES, NUM_KILLS = 64, 20
NUM_TASKS, NUM_WORKERS, SLEEP = 1000, 8, 1.0
NUM_LISTED = 100_000
PART_SECONDS = 15.0


def shrink(source: Path, output: Path, lines: int, seconds: float) -> None:
    """Make a small copy of the beginning of a clip, with its sound."""
    subprocess.run(
        [
            FFMPEG, "-loglevel", "error", "-y", "-i", str(source), "-t", str(seconds), "-vf",
            f"scale=-2:{lines}",
            "-c:v", "libx264", "-preset", "fast", "-crf", "16", "-c:a", "copy", str(output),
        ],
        check=True,
    )  # fmt: skip


def make_mixed(folder: Path) -> None:
    """Fill a folder with files, the same each time."""
    folder.mkdir()
    (folder / "clips").mkdir()
    for number, clip in enumerate(clips()):
        shrink(clip, folder / "clips" / f"{number}-{clip.stem}.mp4", 180, 4)
    shutil.copytree(
        data_folder() / "odd", folder / "odd", ignore=shutil.ignore_patterns("*.txt", "portrait_4k60*")
    )
    files = [one for one in folder.rglob("*") if one.is_file()]
    for number in range(4):
        broken = folder / f"broken{number}.mp4"
        whole = files[number].read_bytes()
        broken.write_bytes([b"", b"text" * 500, whole[: len(whole) // 3], b"\0" * 5000][number])
    num_left = NUM_FILES - sum(one.is_file() for one in folder.rglob("*"))
    for photograph in sorted((data_folder() / "kodak").glob("*.png"))[:num_left]:
        shutil.copy(photograph, folder / photograph.name)


def join(sources: Sequence[Path], output: Path, lines: int, seconds: float) -> None:
    """Show the beginnings of clips one after another, small."""
    given = [part for one in sources for part in ("-t", str(seconds), "-i", str(one))]
    width = lines * 16 // 9
    scaled = "".join(
        f"[{one}:v]scale={width}:{lines},setsar=1,fps=25,format=yuv420p[v{one}];"
        for one in range(len(sources))
    )
    joined = "".join(f"[v{one}]" for one in range(len(sources))) + f"concat=n={len(sources)}:v=1[v]"
    subprocess.run(
        [
            FFMPEG, "-loglevel", "error", "-y", *given, "-filter_complex", scaled + joined, "-map", "[v]",
            "-c:v", "libx264", "-preset", "fast", "-crf", "16", str(output),
        ],
        check=True,
    )  # fmt: skip


def make_estimated(folder: Path) -> None:
    """Fill a folder with short and long videos, odd ones and stills."""
    make_mixed(folder)
    for broken in folder.glob("broken*"):
        broken.unlink()
    found = clips()
    for number in range(len(found)):
        order = found[number:] + found[:number]
        join(order[:3], folder / f"three{number}.mp4", 180, 8)
        join(order[:5], folder / f"five{number}.mkv", 144, 10)


def try_estimates(work: Path) -> dict[str, Any]:
    """See ``estimates`` above."""
    source = work / "sources"
    make_estimated(source)
    config = BatchConfig(video=semvid.CompressConfig(probe="none"), part_seconds=0)
    events = estimate_many_events([source], work / "out", config)
    estimated: list[Estimated] = []
    seconds = of_call(lambda: estimated.extend(follow(events, None)))
    whole = of_call(lambda: compress_many([source], work / "out", config))
    with JobStore(work / "out" / WORK_FOLDER / STORE) as store:
        sizes = {one.source: one.result["output_bytes"] for one in store.entries() if one.result}
    rows = []
    for one in estimated:
        if one.output_bytes is not None and one.source in sizes:
            kind = "still" if one.source.suffix == ".png" else one.source.parent.name
            kind = kind if kind != source.name else "joined"
            size = sizes[one.source]
            rows.append((one.source.name, kind, one.output_bytes, size, one.output_bytes / size - 1))
    kinds = list(dict.fromkeys(row[1] for row in rows))
    groups = {one: {one} for one in kinds} | {"videos": {*kinds} - {"still"}, "all": {*kinds}}
    off = {name: [abs(row[4]) for row in rows if row[1] in group] for name, group in groups.items()}
    return {
        "files": len(rows), "rows": rows, "estimate_s": seconds.seconds, "compress_s": whole.seconds,
        "mean": {kind: statistics.mean(found) for kind, found in off.items()},
        "largest": {kind: max(found) for kind, found in off.items()},
        "total": sum(row[2] for row in rows) / sum(row[3] for row in rows) - 1,
    }  # fmt: skip


def outputs(folder: Path) -> dict[str, bytes]:
    """Read all outputs."""
    found = (one for one in folder.rglob("*") if one.is_file() and WORK_FOLDER not in one.parts)
    return {str(one.relative_to(folder)): one.read_bytes() for one in found}


def try_mixed(work: Path) -> dict[str, Any]:
    """See ``mixed`` above."""
    source = work / "mixed"
    make_mixed(source)
    command = [SEMVID, "batch", str(source), "--preset", "superfast", "--probe", "none", "-o"]

    def run(output: Path) -> str:
        ended = subprocess.run([*command, str(output)], capture_output=True, text=True, check=False)
        return ended.stdout.splitlines()[-1]

    undisturbed, killed = work / "undisturbed", work / "killed"
    first = run(undisturbed)
    second = run(undisturbed)
    with JobStore(undisturbed / WORK_FOLDER / STORE) as store:
        states = Counter(one.state for one in store.entries())
        reasons = {one.source.name: one.reason for one in store.entries() if one.reason}
    rng = random.Random(20)
    for _ in range(NUM_KILLS):
        child = subprocess.Popen(
            [*command, str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(rng.uniform(0.4, 2.0))
        child.kill()
        child.wait()
    last = run(killed)
    return {
        "files": sum(states.values()), "states": dict(states), "first": first, "second": second, "last": last,
        "reasons": reasons, "same_bytes": outputs(killed) == outputs(undisturbed),
    }  # fmt: skip


def make_film(path: Path, width: int = 640, height: int = 360) -> None:
    """Join the six clips, and some again, to a minute, with sound."""
    # They have about 48 seconds.
    joined_clips = [*clips(), *clips()[:2]]
    given = [part for one in joined_clips for part in ("-i", str(one))]
    count = len(joined_clips)
    scaled = "".join(
        f"[{one}:v]trim=duration=10,setpts=PTS-STARTPTS,scale={width}:{height},setsar=1,fps=25,format=yuv420p[v{one}];"
        for one in range(count)
    )
    joined = "".join(f"[v{one}]" for one in range(count)) + f"concat=n={count}:v=1[v]"
    subprocess.run(
        [
            FFMPEG, "-loglevel", "error", "-y", *given, "-f", "lavfi", "-i", "sine=440:duration=70",
            "-filter_complex", scaled + joined, "-map", "[v]", "-map", f"{count}:a", "-t", "60", "-c:v",
            "libx264", "-preset", "fast", "-crf", "14", "-g", "125", str(path),
        ],
        check=True,
    )  # fmt: skip


def kill_all(pid: int) -> None:
    """Kill a process and all that it started, those with a session of their own too."""
    try:
        first = psutil.Process(pid)
        found = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for one in found:
        with suppress(psutil.NoSuchProcess):
            one.kill()


def parts_done(folder: Path) -> int:
    """Return how many parts of films are done in a folder where a batch was killed."""
    path = folder / WORK_FOLDER / STORE
    if not path.exists():
        return 0
    with JobStore(path) as store:
        return sum(part.state == "done" for one in store.entries() for part in store.entries(of_whole=one.id))


def try_kills(work: Path) -> dict[str, Any]:
    """See ``kills`` above."""
    source = work / "sources"
    source.mkdir()
    make_film(source / "film.mp4", 320, 180)
    shrink(clips()[0], source / "clip.mp4", 180, 4)
    shutil.copy(min((data_folder() / "kodak").glob("*.png")), source / "photograph.png")
    undisturbed, killed = work / "undisturbed", work / "killed"

    def begin(output: Path) -> subprocess.Popen[bytes]:
        command = [
            SEMVID, "batch", str(source), "--preset", "superfast", "--model", "spectral", "--probe", "none",
            "--part-seconds", "10", "-o", str(output),
        ]  # fmt: skip
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    began = time.monotonic()
    assert begin(undisturbed).wait() == 0
    whole = time.monotonic() - began
    wanted = outputs(undisturbed)
    rng = random.Random(20)
    moments, parts, is_same = [], [], []
    for _ in range(NUM_KILLS):
        child = begin(killed)
        moments.append(rng.uniform(0.1, 1.0) * whole)
        with suppress(subprocess.TimeoutExpired):
            child.wait(moments[-1])
        kill_all(child.pid)
        child.wait()
        parts.append(parts_done(killed))
        if outputs(killed).keys() == wanted.keys():
            is_same.append(outputs(killed) == wanted)
            shutil.rmtree(killed)
    assert begin(killed).wait() == 0
    is_same.append(outputs(killed) == wanted)
    left = [one.name for one in (killed / WORK_FOLDER).rglob("*.mp4")]
    return {
        "undisturbed_s": whole, "kills": NUM_KILLS, "moments_s": moments, "parts_done_at_kills": parts,
        "finished": len(is_same), "same_bytes": all(is_same), "left_over": left,
    }  # fmt: skip


def packets(path: Path) -> list[tuple[str, int]]:
    """Return the kind and time of each packet."""
    with av.open(str(path)) as container:
        return sorted((one.stream.type, one.pts) for one in container.demux() if one.size)


def maps_of(path: Path) -> list[np.ndarray]:
    """Read the maps of a sidecar."""
    reader = SidecarReader(path)
    try:
        return [one.grey.astype(np.float32) for one in reader.maps()]
    finally:
        reader.close()


def quality(source: Path, coded: Path, maps: list[np.ndarray]) -> tuple[float, float]:
    """Return luma PSNR of the whole and weighted by the map, in dB."""
    whole = inside = weight = 0.0
    count = 0
    with av.open(str(source)) as a, av.open(str(coded)) as b:
        for before, after, importance in zip(a.decode(video=0), b.decode(video=0), maps, strict=True):
            planes = [one.to_ndarray(format="gray").astype(np.float32) for one in (before, after)]
            error = np.square(planes[0] - planes[1])
            mask = cv2.resize(importance, error.shape[::-1]) / 255
            whole += float(error.mean())
            inside += float((error * mask).sum())
            weight += float(mask.sum())
            count += 1
    return 10 * np.log10(255**2 / (whole / count)), 10 * np.log10(255**2 / (inside / weight))


def run(command: list[str]) -> None:
    """Run a command that has to succeed."""
    subprocess.run(command, check=True, capture_output=True)


def try_film(work: Path, num_pairs: int) -> dict[str, Any]:
    """See ``film`` above."""
    film = work / "film.mp4"
    make_film(film)
    found: dict[str, Any] = {}
    for preset in ("medium", "slow"):
        video = semvid.CompressConfig(preset=preset, probe="none")
        times = []

        def compress(name: str, part_seconds: float, video: semvid.CompressConfig = video) -> Path:
            output = work / name
            shutil.rmtree(output, ignore_errors=True)
            compress_many([film], output, BatchConfig(video=video, part_seconds=part_seconds))
            return output / film.name

        options = [str(film), "--preset", preset, "--probe", "none", "--json", "-o"]
        one, many = work / f"{preset}.mp4", work / f"in parts {preset}"
        commands = (
            [SEMVID, "compress", *options, str(one)],
            [SEMVID, "batch", *options, str(many), "--part-seconds", str(PART_SECONDS)],
        )
        for _ in range(num_pairs):
            one.unlink(missing_ok=True)
            shutil.rmtree(many, ignore_errors=True)
            before, after = (of_call(lambda command=command: run(command)).seconds for command in commands)
            times.append((before, after))
        # Encoders write something else with other numbers of threads, whether in parts or not.
        _, threads = local_workers(BatchConfig(video=video), round(60 / PART_SECONDS))
        whole = compress("alike", 0, dataclasses.replace(video, threads=threads))
        parts = many / film.name
        found[preset] = {
            "times": times, "ratio": statistics.median(after / before for before, after in times),
            "same_packets": packets(whole) == packets(parts),
            "size": parts.stat().st_size / whole.stat().st_size - 1,
            "size_against_usual": parts.stat().st_size / one.stat().st_size - 1,
        }  # fmt: skip
        if preset == "medium":
            found |= seams(film, whole, parts, work)
        print(preset, found[preset], flush=True)
    return found


def seams(film: Path, whole: Path, parts: Path, work: Path) -> dict[str, Any]:
    """Compare quality, and how much maps change at borders and elsewhere."""
    semvid.export_maps(film, work / "whole.svmap", semvid.ExportConfig(overwrite=True))
    maps = maps_of(work / "whole.svmap")
    scores = [np.array(quality(film, one, maps)) for one in (whole, parts)]
    spans = [one.span for one in divide(film, PART_SECONDS)]
    joined: list[np.ndarray] = []
    starts = []
    for number, span in enumerate(spans):
        starts.append(len(joined))
        saved = work / f"part{number}.svmap"
        config = semvid.CompressConfig(save_maps=saved, probe="none", overwrite=True)
        semvid.compress_job(semvid.Job(film, span, work / "part.mkv", config))
        joined += maps_of(saved)
    changes = [np.abs(b - a).mean() for a, b in pairwise(joined)]
    cuts = [np.abs(b - a).mean() for a, b in pairwise(maps)]
    return {
        "lost_db": list(map(float, scores[0] - scores[1])), "borders": starts[1:],
        "seconds": [float(one.start * probe(film).time_base) for one in spans],
        "map_change_at_borders": [float(changes[one - 1]) for one in starts[1:]],
        "there_in_one_piece": [float(cuts[one - 1]) for one in starts[1:]],
        "map_change_anywhere": {str(share): float(np.quantile(cuts, share)) for share in (0.5, 0.9, 0.95)},
    }  # fmt: skip


class Sleeper(ray_pool.Worker):
    """Sleeps in place of an encode, and writes what a job is expected to."""

    def run(self, what: RayOrder) -> dict[str, Any]:
        """See ``Worker``."""
        time.sleep(SLEEP)
        Path(what.order["output"]).write_bytes(b"part")
        return {"event": "ended", "result": {"source_bytes": 4, "output_bytes": 4}}


def try_ray(work: Path) -> dict[str, Any]:
    """See ``ray`` above."""
    import ray

    folder = work / "sources"
    folder.mkdir()
    for number in range(NUM_TASKS):
        cv2.imwrite(str(folder / f"{number:04}.png"), np.zeros((2, 2), np.uint8))
    ray.init(num_cpus=NUM_WORKERS, log_to_driver=False, include_dashboard=False)
    ray_pool.Worker = Sleeper  # type: ignore[misc]
    memory: list[int] = []
    began: list[float] = []

    def note(event: object) -> None:
        if type(event).__name__ == "JobBegan":
            began.append(time.monotonic())
            memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    config = BatchConfig(engine="ray", jobs=NUM_WORKERS, video=semvid.CompressConfig(threads=1))
    compress_many([folder], work / "slept", config, on_event=note)
    seconds = time.monotonic() - began[0]
    ray.shutdown()
    return {
        "tasks": NUM_TASKS, "workers": NUM_WORKERS, "sleep": SLEEP, "seconds": seconds,
        "efficiency": NUM_TASKS * SLEEP / NUM_WORKERS / seconds,
        "driver_mib": [memory[NUM_TASKS // 10] / 1024, memory[-1] / 1024],
    }  # fmt: skip


def try_store(work: Path) -> dict[str, Any]:
    """See ``store`` above."""
    seen = Identity(1, 1, "")
    jobs = (
        NewJob(Path(f"/in/{one}.mp4"), Path(f"/out/{one}.mp4"), {"part_seconds": 0}, seen)
        for one in range(NUM_LISTED)
    )
    with JobStore(work / "jobs.sqlite") as store:
        added = of_call(lambda: store.add(jobs)).seconds
        listed = statistics.median(of_call(lambda: sum(1 for _ in store.entries())).seconds for _ in range(5))
        taken = statistics.median(of_call(lambda: store.take("me", 3)).seconds for _ in range(50))
    return {"jobs": NUM_LISTED, "added_s": added, "listed_s": listed, "taken_ms": taken * 1000}


def main() -> None:
    """Run what is asked for, write ``results/batch.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default="mixed,kills,film,ray,store,estimates")
    parser.add_argument("--pairs", type=int, default=3)
    arguments = parser.parse_args()
    results: dict[str, Any] = load("batch").get("results", {})
    tries = {
        "mixed": try_mixed, "kills": try_kills, "film": lambda work: try_film(work, arguments.pairs),
        "ray": try_ray, "store": try_store, "estimates": try_estimates,
    }  # fmt: skip
    for name in arguments.parts.split(","):
        with tempfile.TemporaryDirectory() as work:
            results[name] = tries[name](Path(work))
        print(name, results[name], flush=True)
        save("batch", {"results": results})


if __name__ == "__main__":
    main()
