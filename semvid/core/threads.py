"""How many threads a run may use: one number for the pools of all libraries, and for our own threads."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from math import ceil
from pathlib import Path
from typing import ParamSpec, TypeVar

from semvid.core.prefetch import step_back
from semvid.core.records import dataclass

Given = ParamSpec("Given")
Made = TypeVar("Made")

_FEWEST_BESIDE = 2
"""Threads that an encoder has beside those of ours, even if that is one more than was asked for: seldom all
have work, and ``Pace`` keeps the run to its cores. On two cores, one less is slower where the encoder has
most to do, and none of ours is where it has little."""
_PER_NETWORK_THREAD = 4
"""A network on all cores takes more time from an encoder than it saves."""
_CGROUPS = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


@dataclass(frozen=True, slots=True)
class ThreadBudget:
    """What each pool of a run may have. In all of them 0 lets the library choose, as it does by default."""

    cores: int
    """To keep busy, at least 1."""
    is_limited: bool
    """Fewer than a library would choose by itself."""
    is_whole_machine: bool = True
    """The process may use all cores of the machine; libraries that do not ask have to be told otherwise."""

    @property
    def has_stage_threads(self) -> bool:
        """Whether what comes before the encoder has threads of its own."""
        return not self.is_limited or self.cores > 1

    @property
    def encoder(self) -> int:
        """Threads of an encoder."""
        if not self.is_limited:
            return 0
        return max(self.cores - 1, min(self.cores, _FEWEST_BESIDE))

    @property
    def unasked_encoder(self) -> int:
        """The same, of one that counts the cores of the machine, not those of the process."""
        return self.encoder if self.is_limited or self.is_whole_machine else self.cores

    @property
    def helper(self) -> int:
        """Threads of a decoder or of a graph of filters, which have little to do beside an encoder."""
        return max(self.cores // _PER_NETWORK_THREAD, 1) if self.is_limited else 0

    @property
    def network_beside_encoder(self) -> int:
        """Threads of a network that makes maps while an encoder runs."""
        return max(self.cores // _PER_NETWORK_THREAD, 1)

    @property
    def network(self) -> int:
        """Threads of a network that has the cores to itself."""
        return self.cores if self.is_limited or not self.is_whole_machine else 0

    @property
    def beside(self) -> int:
        """Workers beside a thread that is busy too."""
        return max(self.cores - 1, 1) if self.is_limited else self.cores

    def pool(self, name: str, num_workers: int | None = None, *, steps_back: bool = False) -> Executor:
        """Return a pool of threads.

        Args:
            name: Of the threads, for debuggers.
            num_workers: At least 1; None = ``cores``. The only worker of a run on one core is who hands it
                work: everything is done by the time it is handed in.
            steps_back: Its threads have a low priority.
        """
        if self.is_limited and self.cores == 1:
            return InTurn()
        return ThreadPoolExecutor(num_workers or self.cores, name, step_back if steps_back else None)


class InTurn(Executor):
    """Does work when it is handed in, in the calling thread."""

    def submit(
        self, work: Callable[Given, Made], /, *args: Given.args, **kwargs: Given.kwargs
    ) -> Future[Made]:
        """See ``Executor``."""
        future: Future[Made] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - raised where the result is asked for
            future.set_exception(error)
        return future


def budget_of(threads: int) -> ThreadBudget:
    """Return the budget of a run.

    Args:
        threads: What was asked for, 0..256. The same number makes the same file on any machine. 0 = all cores
            that the process may use.
    """
    if threads:
        return ThreadBudget(threads, is_limited=True)
    cores, quota = available_cores(), cores_of_quota()
    if quota is not None and quota < cores:
        # No library knows of it: each would start threads for cores that it then has to wait for.
        return ThreadBudget(quota, is_limited=True)
    return ThreadBudget(cores, is_limited=False, is_whole_machine=cores == os.cpu_count())


def available_cores() -> int:
    """Return the number of cores that this process may run on."""
    if sys.platform == "linux":
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def cores_of_quota() -> int | None:
    """Return how many cores the time that containers have is worth, rounded up; None = there is no limit."""
    return read_quota(_OWN_CGROUPS, _CGROUPS)


def read_quota(own: Path, root: Path) -> int | None:
    """Read the lowest limit of processor time of this process, as ``cores_of_quota`` tells it.

    Args:
        own: Names its control groups, as in cgroups(7).
        root: Where they are.
    """
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return None
    found: list[float] = []
    for line in lines:
        _, kinds, place = line.split(":", 2)
        if kinds and "cpu" not in kinds.split(","):
            continue
        folder = root / "cpu" if kinds else root
        here = folder / place.lstrip("/")
        # A limit counts for all that is below.
        for one in (here, *here.parents):
            if one == folder or folder in one.parents:
                found += _limits_in(one, is_old=bool(kinds))
    return max(ceil(min(found)), 1) if found else None


def _limits_in(folder: Path, *, is_old: bool) -> Iterator[float]:
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us") if is_old else ("cpu.max",)
    with suppress(OSError, ValueError):
        quota, period = " ".join((folder / name).read_text() for name in names).split()
        if quota not in {"max", "-1"}:
            yield int(quota) / int(period)


class _InForce:
    lock = threading.Lock()
    limits: list[int] = []  # noqa: RUF012 - of all runs


@contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Keep the whole process to so many threads while a run lasts; of several runs the lowest number counts.

    Args:
        threads: 0..256; 0 = no limit of its own.
    """
    if not threads:
        yield
        return
    with _InForce.lock:
        _InForce.limits.append(threads)
    try:
        yield
    finally:
        with _InForce.lock:
            _InForce.limits.remove(threads)


def thread_budget() -> ThreadBudget:
    """Return the budget in force; ask when a pool is made."""
    with _InForce.lock:
        threads = min(_InForce.limits, default=0)
    return budget_of(threads)
