"""Measure what the cost model and the simulator need to know of this machine.

    python examples/scale/measure.py [--parts encoders,job,planning,dividing,publishing,store,sharing,waiting]

Times are of the processor (user and system), so that a busy machine changes them little; those of disks are
on the clock, and say so. Everything goes to ``results/measure.json`` with the machine.

encoders: milliseconds of a frame of 720 lines, plain, by the ``ffmpeg`` of imageio-ffmpeg, one thread;
    decoding is taken off. Of presets the model needs only how they compare.
planning: what the driver takes for each file before anything is compressed: its first look, and another.
dividing: what it takes to find the borders of the parts of a film, for an hour of it.
job: processor seconds of a job whatever its length, in a worker that runs: that of a clip of 10 frames, at
    180 lines, less its frames.
publishing: seconds on the clock for a finished output to get its name here, on this disk.
store: jobs of a size as they are: added, listed, taken, noted and settled; bytes of the file for each.
waiting: what the driver takes on Ray to learn that one of many jobs has ended, or which have.
sharing: jobs taken and settled a second, on the clock, by 1, 2 and 4 processes on one store on this disk.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import statistics
import subprocess
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks import keep, load
from simulate import add_jobs
from timing import FFMPEG, data_folder, of_call, of_command

from semvid.batch.films.borders import divide
from semvid.batch.jobs.identity import identify
from semvid.batch.jobs.store import STORE, JobStore
from semvid.batch.plan import plan_jobs
from semvid.batch.publish import publish
from semvid.batch.sources import find_sources
from semvid.batch.tasks.doing import run_task
from semvid.batch.tasks.task import Task
from semvid.codecs.registry import find_codec
from semvid.core.config import BatchConfig, CompressConfig
from semvid.media.probe import probe

NUM_FRAMES = 48
PRESETS = {
    "x264": ("ultrafast", "superfast", "veryfast", "fast", "medium", "slow"),
    "x265": ("fast", "medium", "slow"),
    "av1": ("10", "8", "6"),
}
NUM_FILES = 300
PART_SECONDS = 30.0
FILM_REPEATS = 30
NUM_SHARED = 3000
WAITED_FOR = (100, 1000, 10_000)
SIZES = (10_000, 100_000)


def clip() -> Path:
    """Return the clip that is encoded, planned for, and made long."""
    return data_folder() / "clips" / "dog_720p.mp4"


def measure_encoders(work: Path) -> dict[str, Any]:
    """See ``encoders`` above."""
    start = [FFMPEG, "-nostdin", "-loglevel", "error", "-y", "-threads", "1", "-i", str(clip()), "-an"]
    start += ["-frames:v", str(NUM_FRAMES)]

    def milliseconds(*more: str) -> float:
        times = [of_command([*start, *more]).processor_seconds for _ in range(3)]
        return 1000 * min(times) / NUM_FRAMES

    decoding = milliseconds("-f", "null", "-")
    found: dict[str, Any] = {"decode": decoding}
    for name, presets in PRESETS.items():
        codec = find_codec(name)
        for preset in presets:
            coding = ["-c:v", codec.library, "-preset", preset, "-crf", f"{codec.scale.default:g}"]
            found[f"{name} {preset}"] = milliseconds(*coding, str(work / "out.mkv")) - decoding
            print(name, preset, found[f"{name} {preset}"], flush=True)
    return found


def measure_job(work: Path) -> dict[str, Any]:
    """See ``job`` above."""
    sizes = (10, 110)
    seconds = {}
    for count in sizes:
        source = work / f"{count}.mp4"
        subprocess.run(
            [FFMPEG, "-loglevel", "error", "-i", str(clip()), "-frames:v", str(count), "-vf", "scale=-2:180",
             "-an", str(source)],
            check=True,
        )  # fmt: skip
        task = Task(source, CompressConfig(threads=1))

        def run(task: Task = task) -> None:
            for _ in run_task(task, work / "out.mp4", 1):
                pass

        run()
        seconds[count] = _median(run, 5)
    frame = (seconds[sizes[1]] - seconds[sizes[0]]) / (sizes[1] - sizes[0])
    return {"seconds": seconds[sizes[0]] - sizes[0] * frame, "frame_ms": 1000 * frame}


def measure_planning(work: Path) -> dict[str, Any]:
    """See ``planning`` above."""
    folder = work / "films"
    folder.mkdir()
    for number in range(NUM_FILES):
        os.link(clip(), folder / f"{number:05}.mp4") if _can_link(folder) else None
        if not (folder / f"{number:05}.mp4").exists():
            (folder / f"{number:05}.mp4").symlink_to(clip())
    output, config = work / "small", BatchConfig()
    sources = find_sources([str(folder)]).sources
    with JobStore(work / STORE) as store:
        first = of_call(lambda: store.add(plan_jobs(sources, output, config, store).jobs))
        second = of_call(lambda: store.add(plan_jobs(sources, output, config, store).jobs))
        tracemalloc.start()
        plan = plan_jobs(sources, output, config, store)
        kept = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
    return {
        "files": len(plan.jobs), "first_ms": 1000 * first.processor_seconds / NUM_FILES,
        "again_ms": 1000 * second.processor_seconds / NUM_FILES,
        "identify_ms": 1000 * _median(lambda: identify(clip())),
        "probe_ms": 1000 * _median(lambda: probe(clip())), "kept_bytes": kept / NUM_FILES,
    }  # fmt: skip


def _can_link(folder: Path) -> bool:
    return folder.stat().st_dev == clip().stat().st_dev


def _median(action: Callable[[], object], times: int = 20) -> float:
    return statistics.median(of_call(action).processor_seconds for _ in range(times))


def measure_dividing(work: Path) -> dict[str, Any]:
    """See ``dividing`` above."""
    film = work / "film.mp4"
    repeat = [FFMPEG, "-loglevel", "error", "-stream_loop", str(FILM_REPEATS - 1), "-i", str(clip())]
    subprocess.run([*repeat, "-c", "copy", str(film)], check=True)
    cost = of_call(lambda: divide(film, PART_SECONDS))
    hours = float(probe(film).duration_seconds or 0) / 3600
    return {"lines": 720, "hours": hours, "seconds_per_hour": cost.processor_seconds / hours}


def measure_publishing(work: Path) -> dict[str, Any]:
    """See ``publishing`` above."""
    seconds = []
    for number in range(30):
        made = work / f".made{number}"
        made.write_bytes(os.urandom(1 << 20))
        began = time.perf_counter()
        publish(made, work / f"{number}.mp4", may_replace=False)
        seconds.append(time.perf_counter() - began)
    return {"seconds_on_the_clock": statistics.median(seconds), "fastest": min(seconds)}


def measure_store(work: Path) -> dict[str, Any]:
    """See ``store`` above."""
    found = {}
    for size in SIZES:
        path = work / f"{size}.sqlite"
        with JobStore(path) as store:
            added = of_call(lambda: add_jobs(store, clip(), work, size))  # noqa: B023
            listed = [of_call(lambda: sum(1 for _ in store.entries())) for _ in range(5)]
            store.work_on([one.id for one in store.entries()])
            result = {"source_bytes": 30_000_000, "output_bytes": 10_000_000, "quality": 40.0}
            times: dict[str, list[float]] = {"take": [], "note": [], "settle": []}
            for _ in range(200):
                began = time.process_time()
                taken = store.take("me", 3)
                assert taken is not None
                times["take"].append(time.process_time() - began)
                times["note"].append(of_call(lambda: store.note(taken.id, "me", result)).processor_seconds)  # noqa: B023
                cost = of_call(lambda: store.settle(taken.id, "me", "done", result=result))  # noqa: B023
                times["settle"].append(cost.processor_seconds)
        found[str(size)] = {
            "added_s": added.processor_seconds,
            "listed_s": statistics.median(one.processor_seconds for one in listed),
            "listed_s_on_the_clock": statistics.median(one.seconds for one in listed),
            "bytes_per_job": path.stat().st_size / size,
            **{f"{name}_ms": 1000 * statistics.median(some) for name, some in times.items()},
        }  # fmt: skip
        print(size, found[str(size)], flush=True)
    return found


def _share(path: Path, begin: Any, number: int) -> None:
    with JobStore(path) as store:
        begin.wait()
        for _ in range(number):
            taken = store.take(str(os.getpid()), 3)
            assert taken is not None
            store.settle(taken.id, str(os.getpid()), "done")


def measure_sharing(work: Path) -> dict[str, Any]:
    """See ``sharing`` above."""
    found = {}
    context = multiprocessing.get_context("fork")
    for count in (1, 2, 4):
        path = work / f"shared{count}.sqlite"
        with JobStore(path) as store:
            add_jobs(store, clip(), work, NUM_SHARED)
        begin = context.Barrier(count + 1)
        number = NUM_SHARED // count
        started = [context.Process(target=_share, args=(path, begin, number)) for _ in range(count)]
        for one in started:
            one.start()
        begin.wait()
        began = time.perf_counter()
        for one in started:
            one.join()
        found[str(count)] = count * number / (time.perf_counter() - began)
        print(count, found[str(count)], flush=True)
    return {"jobs_per_second": found}


def measure_waiting(work: Path) -> dict[str, Any]:
    """See ``waiting`` above."""
    import ray

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    # No node has so many cores: these never begin, as jobs in hand do not end while others do.
    pending = ray.remote(num_cpus=10_000)(lambda: None)
    ready = ray.put(b"")
    found = {}
    for count in WAITED_FOR:
        asked = [*(pending.remote() for _ in range(count)), ready]
        ray.wait(asked, num_returns=1, timeout=1.0)
        found[str(count)] = {
            "one": 1000 * _median(lambda: ray.wait(asked, num_returns=1, timeout=1.0)),  # noqa: B023
            "all": 1000 * _median(lambda: ray.wait(asked, num_returns=len(asked), timeout=0)),  # noqa: B023
        }
        print(count, found[str(count)], flush=True)
    ray.shutdown()
    return {"ms_by_jobs": found}


def main() -> None:
    """Measure what is asked for, and write ``results/measure.json``."""
    parts: dict[str, Callable[[Path], dict[str, Any]]] = {
        "encoders": measure_encoders, "job": measure_job, "planning": measure_planning,
        "dividing": measure_dividing, "publishing": measure_publishing, "store": measure_store,
        "sharing": measure_sharing, "waiting": measure_waiting,
    }  # fmt: skip
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default=",".join(parts))
    parser.add_argument("--as", dest="name", help="keep it under this name beside what was measured before")
    given = parser.parse_args()
    for part in given.parts.split(","):
        with tempfile.TemporaryDirectory() as work:
            found = parts[part](Path(work))
        print(part, found, flush=True)
        keep("measure", given.name or part, {**found})
    print(", ".join(load("measure")))


if __name__ == "__main__":
    main()
