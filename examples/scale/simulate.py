"""Run many jobs on many workers that exist only in numbers, through semvid's own scheduling, with faults.

    python examples/scale/simulate.py --jobs 10000 --workers 1000 --seconds 60 [--faults] [--name NAME]

The decisions are those of ``semvid.batch``: ``Batch`` takes, hands out, tries again and settles, and
``JobStore`` keeps the jobs in SQLite. See ``cluster.py`` for what is simulated. While the driver works,
virtual time passes by what this takes here, so a driver that is too slow shows as workers without work. With
``--step-ms`` each step takes a fixed time instead.

What it checks: every job is settled exactly once; what kills its workers is given up after the allowed
attempts, and nothing else is; each output is there, once, and is that of its job. ``--limit-steps`` ends
early, to tell only what a job costs where there are so many.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from benchmarks import keep
from cluster import Clock, Faults, Load, SimulatedPool

from semvid.batch.events import JobEnded
from semvid.batch.jobs.identity import Identity
from semvid.batch.jobs.records import NewJob
from semvid.batch.jobs.store import STORE, JobStore
from semvid.batch.run import Batch
from semvid.batch.tasks.task import Task
from semvid.core.config import BatchConfig

PER_FOLDER = 1000
FAULTY_LOAD = Load(straggling=0.01, poisoned=0.0005, broken=0.005)
GIVEN_UP = "the process that worked on it died"
"""What the store says of a job whose drivers were killed."""
FAULTS = Faults(deaths_per_worker_hour=0.02, losses_per_node_hour=0.01)
"""A worker dies every 50 hours, and a node of 16 every 100: far more than is usual."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is simulated."""

    num_jobs: int
    num_workers: int
    load: Load = field(default_factory=Load)
    faults: Faults = field(default_factory=Faults)
    per_node: int = 16
    attempts: int = 3
    seed: int = 0
    step_seconds: float | None = None
    """Of the driver; None = what it takes here."""
    transaction_seconds: float = 0.0
    """What each call of the store takes longer, as on a network drive."""
    settling_seconds: float = 0.0
    """What giving an output its name takes longer: the disk is asked to keep it."""
    crashes: tuple[float, ...] = ()
    """When drivers are killed, in virtual seconds; another goes on after ``takeover_seconds``."""
    takeover_seconds: float = 30.0


class WatchedStore:
    """A store that counts its calls and their time, and that may be slow."""

    def __init__(self, store: JobStore, clock: Clock, scenario: Scenario) -> None:
        self._store, self._clock, self._scenario = store, clock, scenario
        self.num_calls: Counter[str] = Counter()
        self.seconds: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._store, name)
        slow = self._scenario.transaction_seconds
        slow += self._scenario.settling_seconds if name == "settle" else 0.0

        def call(*given: Any, **named: Any) -> Any:
            began = time.process_time()
            found = method(*given, **named)
            if isinstance(found, Iterator):
                found = iter(list(found))
            self.num_calls[name] += 1
            self.seconds[name] += time.process_time() - began
            if slow:
                self._clock.pass_by(slow)
            return found

        setattr(self, name, call)
        return call


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    store: WatchedStore
    pools: list[SimulatedPool] = field(default_factory=list)
    """Of each driver, the workers."""
    states: Counter[str] = field(default_factory=Counter)
    failed: dict[int, str] = field(default_factory=dict)
    """By job, why."""
    attempts: dict[int, int] = field(default_factory=dict)
    """By job."""
    settled: Counter[int] = field(default_factory=Counter)
    """By job, how often it was told that it was settled."""
    num_wrong: int = 0
    """Outputs that are missing, or another job's."""
    num_steps: int = 0
    """Events of the batch."""
    makespan: float = 0.0
    """Virtual seconds from the beginning to the end."""
    driver_seconds: float = 0.0
    """Of this machine's processor."""

    def sum(self, name: str) -> float:
        """Add up what all drivers' workers saw."""
        return sum(getattr(one.seen, name) for one in self.pools)


def add_jobs(store: JobStore, source: Path, folder: Path, num_jobs: int, part_seconds: float = 0) -> None:
    """Fill a store with jobs as a folder of videos makes them, all of one source."""
    task = {**Task(source, BatchConfig().video).to_plain(), "least_saving": None, "replace": False,
            "part_seconds": part_seconds}  # fmt: skip
    seen = Identity(30_000_000, 1_700_000_000_000_000_000, "0" * 64)
    store.add(
        NewJob(source, folder / f"{number // PER_FOLDER:04}" / f"{number:07}.mp4", task, seen)
        for number in range(num_jobs)
    )


def simulate(scenario: Scenario, work: Path, limit_steps: int | None = None) -> Outcome:
    """Run a scenario.

    Args:
        scenario: What to run.
        work: An empty folder on a quick disk.
        limit_steps: Stop after so many events; None = at the end.
    """
    clock = Clock(scenario.step_seconds)
    source, folder = work / "source.mp4", work / "out"
    source.touch()
    with JobStore(work / STORE, clock) as opened:
        if not any(opened.counts().values()):
            add_jobs(opened, source, folder, scenario.num_jobs, 30 if scenario.load.num_parts else 0)
        opened.work_on([one.id for one in opened.entries()])
        store = WatchedStore(opened, clock, scenario)
        outcome = Outcome(store)
        with clock.stopped():
            clock.driver_seconds = 0.0
        started = clock()
        crashes = [started + one for one in scenario.crashes]
        abandoned = []
        while True:
            pool = SimulatedPool(
                clock, scenario.num_workers, per_node=scenario.per_node, load=scenario.load,
                faults=scenario.faults, seed=scenario.seed,
            )  # fmt: skip
            outcome.pools.append(pool)
            config = BatchConfig(retry=scenario.attempts - 1)
            events = Batch(store, config, {}, work, pool, clock).run()
            abandoned.append(events)
            for event in events:
                outcome.num_steps += 1
                if isinstance(event, JobEnded):
                    with clock.stopped():
                        _check(event, outcome)
                if crashes and clock() >= crashes[0]:
                    break
                if limit_steps is not None and outcome.num_steps >= limit_steps:
                    crashes = []
                    break
            else:
                break
            if not crashes:
                break
            # A driver that is killed gives nothing back: its jobs are free when their time is up.
            del crashes[0]
            clock.pass_by(scenario.takeover_seconds)
        outcome.makespan = clock() - started
        with clock.stopped():
            outcome.driver_seconds = clock.driver_seconds
        if limit_steps is None:
            outcome.attempts = {one.id: one.num_attempts for one in opened.entries()}
            outcome.states = Counter(one.state for one in opened.entries())
            outcome.failed = {one.id: one.reason for one in opened.entries(["failed"])}
        for one in abandoned:
            one.close()
    return outcome


def _check(event: JobEnded, outcome: Outcome) -> None:
    if event.state in {"waiting", "running"}:
        return
    outcome.settled[event.job] += 1
    if event.state == "done":
        # What was checked goes, or a million files would be kept.
        if event.output.exists() and event.output.read_text() == f"{event.job}":
            event.output.unlink()
        else:
            outcome.num_wrong += 1


def faults_of(scenario: Scenario, outcome: Outcome) -> list[str]:
    """Return what is wrong with an outcome, in one line each; none = all invariants hold."""
    found = []
    numbers = range(1, scenario.num_jobs + 1)
    # A driver that is killed between noting an end and telling it tells it to nobody; and nobody is told of
    # what failed since the drivers that held it were killed too often.
    untold = {one for one, why in outcome.failed.items() if scenario.crashes and GIVEN_UP in why}
    not_once = [one for one in numbers if outcome.settled[one] != 1 and one not in untold]
    if len(not_once) > len(scenario.crashes):
        found.append(f"{len(not_once)} jobs were not settled once, as {not_once[:3]}")
    if sum(outcome.states[one] for one in ("done", "skipped", "failed")) != scenario.num_jobs:
        found.append(f"some jobs did not end: {dict(outcome.states)}")
    if outcome.num_wrong:
        found.append(f"{outcome.num_wrong} outputs are missing, or another job's")
    if outcome.sum("num_doubled"):
        found.append(f"{outcome.sum('num_doubled'):.0f} jobs were begun while they ran")
    died: Counter[int] = Counter()
    for pool in outcome.pools:
        died.update(pool.seen.deaths)
    fates = {one: scenario.load.fate_of(scenario.seed, one) for one in numbers}
    right = {one for one in numbers if fates[one] == "broken" or died[one] >= scenario.attempts}
    # With a part its whole fails, and those of its parts that wait.
    is_plain = not scenario.crashes and not scenario.load.num_parts
    if is_plain and outcome.failed.keys() != right:
        found.append(f"{len(outcome.failed.keys() ^ right)} jobs failed, or did not, against the rules")
    wrong = [
        one for one in numbers if fates[one] == "poisoned" and outcome.attempts[one] != scenario.attempts
    ]
    if wrong:
        found.append(f"{len(wrong)} jobs that kill were not given up after {scenario.attempts} attempts")
    return found


def record_of(scenario: Scenario, outcome: Outcome) -> dict[str, Any]:
    """Return what is kept of a run, as JSON."""
    num_settled = max(sum(outcome.settled.values()), 1)
    capacity = scenario.num_workers * outcome.makespan
    store = outcome.store
    return {
        "scenario": asdict(scenario),
        "states": dict(outcome.states), "settled": sum(outcome.settled.values()),
        "makespan": outcome.makespan,
        "busy": outcome.sum("useful_seconds") / capacity,
        "lost": outcome.sum("lost_seconds") / capacity,
        "away": outcome.sum("away_seconds") / capacity,
        "busy_to_last_begun": _busy_to_last_begun(scenario, outcome),
        "best_makespan": outcome.sum("useful_seconds") / scenario.num_workers,
        "begun": outcome.sum("num_begun"), "died": outcome.sum("num_died"),
        "nodes_lost": outcome.sum("num_nodes_lost"), "doubled": outcome.sum("num_doubled"),
        "driver_seconds": outcome.driver_seconds,
        "driver_ms_per_job": 1000 * outcome.driver_seconds / num_settled,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "store": {
            name: {"calls": calls, "ms": 1000 * store.seconds[name] / calls}
            for name, calls in store.num_calls.most_common()
        },
    }  # fmt: skip


def _busy_to_last_begun(scenario: Scenario, outcome: Outcome) -> float:
    """Return the busy share while there was something to hand out: without the end, when workers run dry."""
    seconds = sum(one.seen.last_begun - one.began for one in outcome.pools)
    return outcome.sum("busy_seconds_until_then") / max(seconds, 1e-9) / scenario.num_workers


def main() -> None:
    """Run what is asked for, and write it to ``results/NAME.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0, help="mean time of a job on a worker")
    parser.add_argument("--film-parts", type=int, default=0, help="parts of each; 0 = all in one piece")
    parser.add_argument("--faults", action="store_true", help="with FAULTY_LOAD and FAULTS")
    parser.add_argument("--step-ms", type=float, help="fixed time of each of the driver's steps")
    parser.add_argument("--transaction-ms", type=float, default=0.0, help="added to each call of the store")
    parser.add_argument("--settling-ms", type=float, default=0.0, help="added to each output's last step")
    parser.add_argument("--crashes", type=float, nargs="*", default=[], help="seconds at which drivers die")
    parser.add_argument("--limit-steps", type=int, help="end after so many events")
    parser.add_argument("--profile", action="store_true", help="tell where the time goes, and keep nothing")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("/dev/shm"), help="on a quick disk")  # noqa: S108
    parser.add_argument("--name", help="keep it in results/simulate.json, by this name")
    given = parser.parse_args()
    load = replace(
        FAULTY_LOAD if given.faults else Load(), mean_seconds=given.seconds, num_parts=given.film_parts
    )
    scenario = Scenario(
        given.jobs, given.workers, load, FAULTS if given.faults else Faults(), seed=given.seed,
        step_seconds=None if given.step_ms is None else given.step_ms / 1000,
        transaction_seconds=given.transaction_ms / 1000, settling_seconds=given.settling_ms / 1000,
        crashes=tuple(given.crashes),
    )  # fmt: skip
    profile = cProfile.Profile()
    with tempfile.TemporaryDirectory(dir=given.folder if given.folder.is_dir() else None) as work:
        if given.profile:
            profile.enable()
        outcome = simulate(scenario, Path(work), given.limit_steps)
        profile.disable()
    record = record_of(scenario, outcome)
    if given.limit_steps is None:
        record["wrong"] = faults_of(scenario, outcome)
    print(json.dumps({key: one for key, one in record.items() if key != "scenario"}, indent=1))
    if given.profile:
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
    elif given.name:
        keep("simulate", given.name, record)


if __name__ == "__main__":
    main()
