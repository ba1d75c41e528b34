"""A cluster that exists only in numbers: workers, nodes and faults in virtual time, behind ``Pool``.

What takes decisions is semvid's own code (``semvid.batch.run.Batch`` and ``JobStore``); what is simulated
is time, and what workers do in it. While the driver waits, time passes from one event of the cluster to the
next. While it works, it passes by the processor time that this takes here, or by a fixed time a step, which
makes a run the same each time.
"""

from __future__ import annotations

import heapq
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from semvid.batch.jobs.records import Taken
from semvid.batch.tasks.pool import Told

HOUR = 3600.0


class Clock:
    """Virtual seconds. While the driver works they pass as it works, and else as they are told to.

    Args:
        step_seconds: What each of the driver's steps takes; None = its processor time on this machine.
        start: Where it starts: nowhere near real time, so that nothing can depend on that.
    """

    def __init__(self, step_seconds: float | None = None, start: float = 1e6) -> None:
        self.step_seconds = step_seconds
        self.driver_seconds = 0.0
        """Of this machine's processor, that the driver has taken until it was last stopped."""
        self._now, self._left = start, time.process_time()
        self._is_stopped = False

    def __call__(self) -> float:
        """Return the time."""
        if self.step_seconds is None and not self._is_stopped:
            return self._now + time.process_time() - self._left
        return self._now

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Keep what the simulation itself takes from passing as the driver's."""
        self.driver_seconds += time.process_time() - self._left
        self._now, self._is_stopped = self(), True
        yield
        self._left, self._is_stopped = time.process_time(), False

    def pass_by(self, seconds: float) -> None:
        """Let time pass without work."""
        self._now += seconds


@dataclass(frozen=True, slots=True)
class Load:
    """What the jobs are like. All shares are of jobs, 0..1."""

    mean_seconds: float = 60.0
    """Of a job on a worker."""
    spread: float = 0.5
    """Standard deviation of the logarithm of that; lengths of videos are about log-normal."""
    straggling: float = 0.0
    straggler_factor: float = 10.0
    """So many times as long takes a job that straggles."""
    poisoned: float = 0.0
    """Kill whatever works on them."""
    broken: float = 0.0
    """Fail with a message."""
    num_parts: int = 0
    """Into so many a worker divides each; 0 = they stay in one piece."""
    film_seconds: float = 20.0
    """To divide one, and to join one."""

    def seconds_of(self, seed: int, job: int, attempt: int) -> float:
        """Return how long an attempt takes."""
        rng = random.Random(f"{seed} {job}")
        # The mean of a log-normal distribution is exp(mu + sigma^2 / 2).
        seconds = self.mean_seconds * rng.lognormvariate(-(self.spread**2) / 2, self.spread)
        if random.Random(f"{seed} {job} {attempt} slow").random() < self.straggling:
            seconds *= self.straggler_factor
        return seconds

    def fate_of(self, seed: int, job: int) -> str:
        """Return ``poisoned``, ``broken``, or ``sound``."""
        drawn = random.Random(f"{seed} {job} fate").random()
        if drawn < self.poisoned:
            return "poisoned"
        return "broken" if drawn < self.poisoned + self.broken else "sound"


@dataclass(frozen=True, slots=True)
class Faults:
    """How often what breaks, and how long it takes until it works again."""

    deaths_per_worker_hour: float = 0.0
    restart_seconds: float = 5.0
    """Until a worker is replaced that died."""
    losses_per_node_hour: float = 0.0
    notice_seconds: float = 30.0
    """Until it is known that a node is lost."""
    repair_seconds: float = 600.0
    """Until a lost node is back."""

    def __post_init__(self) -> None:
        if self.repair_seconds < max(self.notice_seconds, self.restart_seconds):
            raise ValueError("a node cannot be back before it is missed, and its workers are replaced")


@dataclass(slots=True)
class Seen:
    """What happened in the cluster; seconds are of workers."""

    num_begun: int = 0
    num_ended: int = 0
    num_died: int = 0
    num_nodes_lost: int = 0
    useful_seconds: float = 0.0
    lost_seconds: float = 0.0
    """Of attempts that came to nothing."""
    away_seconds: float = 0.0
    """In which workers were not there."""
    last_begun: float = 0.0
    """When a job was last begun for the first time: from then on there is less to do every moment."""
    busy_seconds_until_then: float = 0.0
    num_doubled: int = 0
    """Jobs that were begun while they ran already; it should be none."""
    deaths: dict[int, int] = field(default_factory=dict)
    """By job: how often its worker died or was lost."""


class Busy:
    """Adds up the seconds that workers are busy: until they end, not until that is heard."""

    def __init__(self) -> None:
        self._began: dict[int, float] = {}
        self._sum_began = self._over = 0.0
        self._ends: list[tuple[float, int]] = []

    def begin(self, order: int, now: float, end: float) -> None:
        """A worker is busy from now on, and to an end that is planned."""
        self._began[order] = now
        self._sum_began += now
        heapq.heappush(self._ends, (end, order))

    def end(self, order: int, now: float) -> None:
        """It is not any more; what has ended before is left as it is."""
        began = self._began.pop(order, None)
        if began is not None:
            self._sum_began -= began
            self._over += now - began

    def seconds(self, now: float) -> float:
        """Return how many there were until now."""
        while self._ends and self._ends[0][0] <= now:
            end, order = heapq.heappop(self._ends)
            self.end(order, end)
        return self._over + now * len(self._began) - self._sum_began


@dataclass(slots=True)
class _Worker:
    node: int
    job: int | None = None
    output: Path | None = None
    order: int = 0
    """Of what it does; what was planned for an earlier one is void."""
    began: float = 0.0


class SimulatedPool:
    """Workers that take virtual time. See ``Pool``.

    Args:
        clock: Of driver, store and cluster alike.
        num_workers: How many.
        per_node: Of them on a node, which is lost as a whole.
        load: Of the jobs.
        faults: Of workers and nodes.
        seed: With the same seed and a fixed time a step a run is the same each time.
        result_bytes: Source and output bytes that each job tells of.
    """

    def __init__(
        self,
        clock: Clock,
        num_workers: int,
        *,
        per_node: int = 16,
        load: Load | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        result_bytes: tuple[int, int] = (30_000_000, 10_000_000),
    ) -> None:
        self._clock, self._seed, self._result_bytes = clock, seed, result_bytes
        self._load, self._faults = load or Load(), faults or Faults()
        self._workers = [_Worker(number // per_node) for number in range(num_workers)]
        self._per_node = per_node
        self._free = dict.fromkeys(range(num_workers))
        self._away: set[int] = set()
        """Nodes that are lost."""
        self._running: Counter[int] = Counter()
        self._busy = Busy()
        self._agenda: list[tuple[float, int, Callable[..., Told | None], tuple[Any, ...]]] = []
        self._num_planned = 0
        self.began = clock()
        self.seen = Seen()
        if self._faults.losses_per_node_hour:
            for node in range(-(-num_workers // per_node)):
                self._plan_loss(node, 0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    @property
    def num_free(self) -> int:
        """Workers that are there and have no job."""
        return len(self._free)

    def begin(self, taken: Taken, output: Path, parts: Sequence[Path]) -> None:
        """See ``Pool``."""
        with self._clock.stopped():
            self._clock.pass_by(self._clock.step_seconds or 0.0)
            missing = [one for one in parts if not one.exists()]
            assert not missing, f"job {taken.id} began before its parts were there: {missing[:3]}"
            number, _ = self._free.popitem()
            worker, now = self._workers[number], self._clock()
            self.seen.num_begun += 1
            self.seen.num_doubled += self._running[taken.id] > 0
            self._running[taken.id] += 1
            worker.job, worker.output, worker.began = taken.id, output, now
            worker.order = self.seen.num_begun
            fate = self._load.fate_of(self._seed, taken.id)
            seconds = self._load.seconds_of(self._seed, taken.id, taken.num_attempts)
            if taken.task["part_seconds"]:
                seconds = self._load.film_seconds
                fate = "divided" if fate == "sound" and not parts else fate
            death = self._death_of(taken, seconds)
            self._busy.begin(worker.order, now, now + min(death, seconds))
            if taken.num_attempts == 1:
                self.seen.last_begun, self.seen.busy_seconds_until_then = now, self._busy.seconds(now)
            if death < seconds:
                self._plan(now + death, self._dies, number, worker.order, now + death)
            else:
                self._plan(now + seconds, self._ends, number, worker.order, now + seconds, fate)

    def _death_of(self, taken: Taken, seconds: float) -> float:
        """Return after how long a worker would die of a job, or by itself."""
        rng = random.Random(f"{self._seed} {taken.id} {taken.num_attempts} death")
        if self._load.fate_of(self._seed, taken.id) == "poisoned":
            return rng.uniform(0, seconds)
        rate = self._faults.deaths_per_worker_hour / HOUR
        return rng.expovariate(rate) if rate else math.inf

    def break_off(self, jobs: Collection[int]) -> None:
        """See ``Pool``."""
        with self._clock.stopped():
            for number, worker in enumerate(self._workers):
                if worker.job in jobs:
                    self._busy.end(worker.order, self._clock())
                    self._let_go(number)
                    self._comes(number)

    def next(self, seconds: float) -> Told | None:
        """See ``Pool``."""
        with self._clock.stopped():
            self._clock.pass_by(self._clock.step_seconds or 0.0)
            until = self._clock() + seconds
            while self._agenda and self._agenda[0][0] <= until:
                when, _, happen, about = heapq.heappop(self._agenda)
                self._clock.pass_by(max(0.0, when - self._clock()))
                told = happen(*about)
                if told is not None:
                    return told
            self._clock.pass_by(max(0.0, until - self._clock()))
            return None

    def _plan(self, when: float, happen: Callable[..., Told | None], *about: Any) -> None:
        self._num_planned += 1
        heapq.heappush(self._agenda, (when, self._num_planned, happen, about))

    def _ends(self, number: int, order: int, when: float, fate: str) -> Told | None:
        worker = self._workers[number]
        if worker.order != order:
            return None
        self.seen.num_ended += 1
        self.seen.useful_seconds += when - worker.began
        job, output = self._let_go(number)
        self._free[number] = None
        if fate == "broken":
            return Told(job, {"event": "ended", "exit_code": 3, "message": f"{job} is no video"})
        if fate == "divided":
            spans = [{"span": [one, None, None], "seconds": 30.0} for one in range(self._load.num_parts)]
            return Told(job, {"event": "ended", "spans": spans})
        output.write_text(f"{job}")
        sizes = dict(zip(("source_bytes", "output_bytes"), self._result_bytes, strict=True))
        return Told(job, {"event": "ended", "result": {**sizes, "num_frames": 250, "quality": 40.0}})

    def _dies(self, number: int, order: int, when: float) -> Told | None:
        if self._workers[number].order != order:
            return None
        self._plan(self._clock() + self._faults.restart_seconds, self._comes, number)
        self.seen.away_seconds += self._faults.restart_seconds
        return self._is_missed(number, order, when)

    def _comes(self, number: int) -> None:
        if self._workers[number].node not in self._away:
            self._free[number] = None

    def _vanishes(self, node: int, times: int) -> None:
        self.seen.num_nodes_lost += 1
        self._away.add(node)
        for number in self._of(node):
            self._free.pop(number, None)
            self.seen.away_seconds += self._faults.repair_seconds
            worker = self._workers[number]
            if worker.job is not None:
                now = self._clock()
                self._busy.end(worker.order, now)
                worker.order = -worker.order
                self._plan(now + self._faults.notice_seconds, self._is_missed, number, worker.order, now)
        self._plan(self._clock() + self._faults.repair_seconds, self._is_back, node, times)

    def _is_missed(self, number: int, order: int, when: float) -> Told | None:
        worker = self._workers[number]
        if worker.order != order:
            return None
        self.seen.num_died += 1
        self.seen.lost_seconds += when - worker.began
        job, _ = self._let_go(number)
        self.seen.deaths[job] = self.seen.deaths.get(job, 0) + 1
        return Told(job, {"event": "died", "message": "its worker was lost"})

    def _is_back(self, node: int, times: int) -> None:
        self._away.remove(node)
        self._free.update(dict.fromkeys(self._of(node)))
        self._plan_loss(node, times + 1)

    def _plan_loss(self, node: int, times: int) -> None:
        rng = random.Random(f"{self._seed} node {node} {times}")
        when = self._clock() + rng.expovariate(self._faults.losses_per_node_hour / HOUR)
        self._plan(when, self._vanishes, node, times)

    def _of(self, node: int) -> range:
        first = node * self._per_node
        return range(first, min(first + self._per_node, len(self._workers)))

    def _let_go(self, number: int) -> tuple[int, Path]:
        worker = self._workers[number]
        job, output = worker.job, worker.output
        assert job is not None and output is not None  # noqa: PT018
        worker.job = worker.output = None
        worker.order = 0
        self._running[job] -= 1
        if not self._running[job]:
            del self._running[job]
        return job, output
