"""What a library of video costs: processor time, time on the clock, bytes read and written, store, money.

Arithmetic only, from measured times (``Measured``); ``cost.py`` reads those and prints what comes out. Left
out: sound and subtitles, which are copied; workers that wait for a slow disk; and what is broken and tried
again, of which ``simulate.py`` tells.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass, replace

from core_model import StageTimes, frame_ms

GB = 1e9
HOUR = 3600.0
WARM_UP_SECONDS = 4.0
"""That are decoded and analysed before each part; ``semvid.engine.warm_up.WARM_UP_SECONDS``. One at a cut,
and up to 13 within a scene: about as much on average."""
LOOKED_AT_BYTES = 2 * 2**20
"""Of each file, to know it again; ``semvid.batch.jobs.identity``."""
TRANSACTIONS = {"take": 1, "note": 1, "settle": 1}
"""Of the store, for each job that goes well; ``semvid.batch.run``."""
MOST_PARTS_IN_ONE = 2
"""Videos of no more parts stay in one piece; ``semvid.batch.films.borders``."""


@dataclass(frozen=True, slots=True)
class Library:
    """What is to be compressed. All files are taken to be alike."""

    hours: float
    lines: int
    fps: float
    codec: str = "x264"
    preset: str = "medium"
    source_mbps: float = 8.0
    """Megabits a second, all streams."""
    size_ratio: float = 0.5
    """Bytes of outputs by bytes of sources."""
    file_minutes: float = 10.0
    part_seconds: float = 30.0
    """0 = each file in one piece."""

    @property
    def num_files(self) -> int:
        """How many there are, rounded up."""
        return math.ceil(self.hours * 60 / self.file_minutes - 1e-9)

    @property
    def num_parts(self) -> int:
        """Parts of a file; 1 = it stays in one piece."""
        if not self.part_seconds or self.file_minutes * 60 <= MOST_PARTS_IN_ONE * self.part_seconds:
            return 1
        return round(self.file_minutes * 60 / self.part_seconds)

    @property
    def num_jobs(self) -> int:
        """Parts, and one that joins them, of all files."""
        return self.num_files * (self.num_parts + (self.num_parts > 1))

    @property
    def frames(self) -> float:
        """Of all files."""
        return self.hours * HOUR * self.fps

    @property
    def source_bytes(self) -> float:
        """Of all files."""
        return self.hours * HOUR * self.source_mbps * 1e6 / 8

    @property
    def output_bytes(self) -> float:
        """Of all outputs."""
        return self.source_bytes * self.size_ratio


@dataclass(frozen=True, slots=True)
class Workers:
    """What does the work."""

    count: int
    cores: int = 4
    """Of each."""
    encoder_cores: float = 16.0
    """Of which an encoder makes use at most."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured; ``cost.py`` says where each is from."""

    stages: Mapping[int, StageTimes]
    """By lines of the picture: x264 at ``medium``, milliseconds of processor time a frame."""
    encoders: Mapping[str, float]
    """By codec and preset: milliseconds of a plain encode; only how they compare counts."""
    job_seconds: float
    """Of a job, whatever its length: opening, networks, checks."""
    planning_ms: float
    """Of the driver, for each file, before anything is compressed."""
    dividing_seconds_per_hour: float
    """Of a worker, on one core, for each hour of video that is divided, at ``dividing_lines``."""
    dividing_lines: int
    driver_ms: float
    """Of the driver, for each job: all it does to take, hand out and settle it."""
    publishing_seconds: float
    """On the clock, for a finished job to get its name, one after another."""
    store_bytes: float
    """Of the store's file, for each job."""
    transactions_per_second: float
    """That one store takes."""

    def at_speed(self, speed: float) -> Measured:
        """Return the same for cores that are so many times as fast; disks stay as they are."""
        return replace(
            self,
            stages={
                lines: StageTimes(one.decode / speed, one.analyse / speed, one.prepare / speed,
                                  one.encode / speed, one.plain / speed)
                for lines, one in self.stages.items()
            },
            job_seconds=self.job_seconds / speed, planning_ms=self.planning_ms / speed,
            dividing_seconds_per_hour=self.dividing_seconds_per_hour / speed,
            driver_ms=self.driver_ms / speed,
            transactions_per_second=self.transactions_per_second * speed,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Prices:
    """In one currency."""

    core_hour: float
    gigabyte: float
    """Read or written, by whatever the disk or the network asks."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What it comes to."""

    processor_hours: float
    """Of work in all workers."""
    core_hours: float
    """That are paid: all cores of all workers until the end, busy or not."""
    worker_hours_on_the_clock: float
    """Of work, by the number of workers."""
    driver_hours: float
    """That the driver takes in all, one thing after another."""
    hours: float
    """On the clock: the longer of both, after planning."""
    planning_hours: float
    """Before the first job."""
    gb_read: float
    gb_written: float
    num_files: int
    num_jobs: int
    num_transactions: int
    store_bytes: float
    transaction_load: float
    """Transactions a second by those that one store takes."""
    price: float

    @property
    def gb_moved(self) -> float:
        """Read and written, which all goes over the network if disks are shared."""
        return self.gb_read + self.gb_written

    @property
    def is_bound_by_driver(self) -> bool:
        """Whether workers wait for the driver."""
        return self.driver_hours > self.worker_hours_on_the_clock


def stages_at(stages: Mapping[int, StageTimes], lines: int) -> StageTimes:
    """Return the times at a size: between sizes that were measured each follows a power of the lines.

    Beyond the last the power of the two nearest goes on.
    """
    known = sorted(stages)
    if lines in stages:
        return stages[lines]
    place = min(max(bisect(known, lines), 1), len(known) - 1)
    low, high = known[place - 1], known[place]
    share = math.log(lines / low) / math.log(high / low)

    def between(name: str) -> float:
        a, b = getattr(stages[low], name), getattr(stages[high], name)
        return float(a * (b / a) ** share)

    return StageTimes(**{name: between(name) for name in ("decode", "analyse", "prepare", "encode", "plain")})


def times_of(library: Library, measured: Measured) -> StageTimes:
    """Return the milliseconds of a frame of a library.

    Raises:
        ValueError: The codec and preset were not measured.
    """
    at_size = stages_at(measured.stages, library.lines)
    name = f"{library.codec} {library.preset}"
    if name not in measured.encoders:
        raise ValueError(f"{name} was not measured; choose one of {', '.join(measured.encoders)}")
    ratio = measured.encoders[name] / measured.encoders["x264 medium"]
    return StageTimes(
        at_size.decode, at_size.analyse, at_size.prepare, at_size.encode * ratio, at_size.plain * ratio
    )


def estimate(library: Library, workers: Workers, measured: Measured, prices: Prices) -> Cost:
    """Work out what a library costs."""
    times = times_of(library, measured)
    is_divided = library.num_parts > 1
    # What is looked at before a part is decoded and analysed, and not encoded.
    warm_up = WARM_UP_SECONDS / library.part_seconds * (1 - 1 / library.num_parts) if is_divided else 0.0
    frame = times.all + warm_up * (times.decode + times.analyse)
    size = (library.lines / measured.dividing_lines) ** 2
    dividing = library.hours * measured.dividing_seconds_per_hour * size if is_divided else 0.0
    fixed = library.num_jobs * measured.job_seconds + dividing
    processor = library.frames * frame / 1000 + fixed
    on_the_clock = frame_ms(times, workers.cores, used=workers.encoder_cores)
    on_the_clock += warm_up * max((times.decode + times.analyse) / workers.cores, times.analyse)
    busy = library.frames * on_the_clock / 1000 + fixed
    by_worker = busy / workers.count
    planning = library.num_files * measured.planning_ms / 1000
    per_job = measured.driver_ms / 1000 + measured.publishing_seconds
    driver = planning + library.num_jobs * per_job
    seconds = planning + max(by_worker, driver - planning)
    read, written = _traffic(library, warm_up)
    # To divide a film it is taken once more, and given back with its parts.
    transactions = library.num_jobs * sum(TRANSACTIONS.values()) + 2 * library.num_files * is_divided
    core_hours = seconds * workers.count * workers.cores / HOUR
    return Cost(
        processor / HOUR, core_hours, by_worker / HOUR, driver / HOUR, seconds / HOUR, planning / HOUR,
        read / GB, written / GB, library.num_files, library.num_jobs, transactions,
        library.num_jobs * measured.store_bytes,
        transactions / max(seconds - planning, 1e-9) / measured.transactions_per_second,
        core_hours * prices.core_hour + (read + written) / GB * prices.gigabyte,
    )  # fmt: skip


def _traffic(library: Library, warm_up: float) -> tuple[float, float]:
    """Return the bytes that are read and written, by workers and driver."""
    looked_at = library.num_files * min(LOOKED_AT_BYTES, library.source_bytes / library.num_files)
    read = library.source_bytes * (1 + warm_up) + looked_at
    written = library.output_bytes
    if library.num_parts > 1:
        # Dividing goes through all packets, and joining reads and writes all parts again.
        read += library.source_bytes + library.output_bytes
        written += library.output_bytes
    return read, written
