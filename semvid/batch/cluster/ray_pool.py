"""Runs tasks on a Ray cluster: one actor for each job that runs at once, wherever there is room.

Nodes read and write files of this machine by path where they see them, and else have them sent. What an actor
writes has no name yet, and only the driver gives it one: a job that a lost node may have done is done again,
and its output appears once.
"""

from __future__ import annotations

import logging
import socket
import time
from collections import Counter, deque
from collections.abc import Collection, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

from semvid.batch.cluster.carry import Carrier, Steps, failed, named_by, needed_files, new_proof
from semvid.batch.cluster.faults import last_line, why_lost
from semvid.batch.cluster.node import Keeper, RayOrder, Worker, versions
from semvid.batch.cluster.places import Place, places_in, threads_for, why_none
from semvid.batch.jobs.records import Taken
from semvid.batch.tasks.pool import Told, order_of
from semvid.core.errors import ConfigError, SemvidError
from semvid.core.interrupts import finished_step, listen_again
from semvid.core.records import dataclass
from semvid.core.text import setting

_START_SECONDS = 120.0
_OTHERS_SECONDS = 20.0
"""To wait for the others once a worker has come: they get jobs when they come."""
_KNOCK_SECONDS = 5.0
_GROW_SECONDS = 10.0
_CLOSE_SECONDS = 10.0
_NODES_POLL_SECONDS = 0.1


@dataclass(slots=True)
class _Hired:
    """An actor."""

    actor: Any
    place: Place
    node: str = ""
    """Its node's number in the cluster; empty = it has not come yet."""
    name: str = ""
    """That node's name."""


@dataclass(slots=True)
class _Running:
    """A job in hand."""

    job: int
    worker: _Hired
    steps: Steps
    output: Path


class RayPool:
    """Actors that work on jobs, at most one each. A context manager: at its end all are broken off.

    Args:
        num_workers: How many; None = as many as the cluster has room for.
        threads: Cores that each keeps busy; None = four, or as many as the smallest node has.
        address: Of a running cluster, as in ``ray://head:10001`` or ``auto``; None = Ray is started here, and
            ended.
        has_gpu: Whether each needs a share of a GPU.

    Raises:
        ConfigError: Ray is not installed, the cluster is not there or too small, or a node has another
            semvid.
    """

    def __init__(
        self, num_workers: int | None, threads: int | None, address: str | None, *, has_gpu: bool = False
    ) -> None:
        if find_spec("ray") is None:
            raise ConfigError("`engine=ray` needs the extra ray; run 'pip install semvid[ray]'")
        # Its types know neither actors nor how many arguments they take.
        ray: Any = import_module("ray")
        self._ray, self._has_gpu, self._num_workers = ray, has_gpu, num_workers
        self._hired: list[_Hired] = []
        self._asked: dict[Any, _Running] = {}
        """By what Ray is to answer."""
        self._held_up: list[_Running] = []
        """Those that other jobs have to make way for."""
        self._waiting: deque[Told] = deque()
        self._free: list[_Hired] = []
        self._coming: dict[Any, _Hired] = {}
        """By what workers that were hired will tell of themselves; they get jobs when they have."""
        self._unwelcome: list[str] = []
        """Why workers that came late were sent away: to be told with the next job in hand."""
        self._told_why: set[str] = set()
        self._alone_since: float | None = None
        self._grown = time.monotonic()
        self._carrier = Carrier(
            ray.exceptions,
            self._make_keeper,
            lambda job, record: self._waiting.append(Told(job, record)),
        )
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            self._start(address)
        try:
            nodes = self._nodes()
            self._threads = threads or threads_for(nodes)
            if not places_in(nodes, self._threads, has_gpu=has_gpu):
                raise ConfigError(why_none(nodes, self._threads, has_gpu=has_gpu))
            self._grow()
            self._welcome_all()
        except BaseException:
            self._close()
            raise

    def _start(self, address: str | None) -> None:
        if address is not None and address != "auto":
            _knock(address)
        # Ray prints what happens to nodes to standard output, where our lines go, and has no switch for it.
        private: Any = import_module("ray._private.worker")
        private.print_to_stdstream = _keep_quiet
        # A dashboard is for clusters that last.
        more = {"include_dashboard": False} if address is None else {}
        # Without an address Ray would join whatever cluster was last started on this machine.
        where = address or "local"
        try:
            self._ray.init(address=where, log_to_driver=False, logging_level=logging.ERROR, **more)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise _unanswered(address) from error
        finally:
            # Ray has SIGTERM end the program without any clean-up.
            listen_again()
        # A cluster that has just been started may not know its nodes yet.
        deadline = time.monotonic() + _KNOCK_SECONDS
        while not any(one.get("CPU") for one in self._nodes()):
            if time.monotonic() > deadline:
                break
            time.sleep(_NODES_POLL_SECONDS)

    def _nodes(self) -> list[dict[str, float]]:
        return [one["Resources"] for one in self._ray.nodes() if one["Alive"]]

    def _grow(self) -> None:
        """Hire as many as there are places for: nodes may have come."""
        self._grown = time.monotonic()
        places = places_in(self._nodes(), self._threads, has_gpu=self._has_gpu)[: self._num_workers]
        there = Counter(one.place for one in self._hired)
        for place, count in (Counter(places) - there).items():
            for _ in range(min(count, len(places) - len(self._hired))):
                self._hire(place)

    def _hire(self, place: Place) -> None:
        # Two calls at a time: one works, and one tells how far it is.
        kind = self._ray.remote(max_concurrency=2, max_restarts=0, **place.options())(Worker)
        hired = _Hired(kind.remote(has_gpu=place.num_gpus > 0), place)
        self._hired.append(hired)
        self._coming[hired.actor.look.remote()] = hired

    def _make_keeper(self, node: str) -> Any:
        affinity: Any = import_module("ray.util.scheduling_strategies").NodeAffinitySchedulingStrategy
        there = affinity(node, soft=False)
        return self._ray.remote(num_cpus=0, max_restarts=0, scheduling_strategy=there)(Keeper).remote()

    def _welcome_all(self) -> None:
        """Wait for all, or for one, if the others take too long.

        Raises:
            ConfigError: None came, or one has another semvid.
        """
        coming = list(self._coming)
        ready, _ = self._ray.wait(coming, num_returns=1, timeout=_START_SECONDS)
        if not ready:
            raise ConfigError(
                f"the cluster gave none of {len(coming)} workers with {self._threads} cores each in "
                f"{_START_SECONDS:g} s: others may use it; wait for them, or give fewer `threads`"
            )
        ready, _ = self._ray.wait(coming, num_returns=len(coming), timeout=_OTHERS_SECONDS)
        for one in ready:
            self._welcome(one)

    def _welcome(self, answer: Any) -> None:
        """Let a worker that has come do jobs.

        Raises:
            ConfigError: It has another semvid.
        """
        worker = self._coming.pop(answer)
        try:
            seen = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            raise ConfigError(
                f"a node of the cluster cannot start semvid ({last_line(error)}); install it on all"
            ) from error
        for name, version in versions().items():
            theirs = seen.get(name)
            if theirs != version:
                raise ConfigError(
                    f"node {seen['node']} has {name} {theirs}, and this machine has {version}; install the "
                    "same on all"
                )
        worker.node, worker.name = seen["id"], seen["node"]
        self._free.append(worker)

    def _welcome_late(self, answer: Any) -> None:
        """Let a worker that has come do jobs, or send it away: what others do goes on."""
        worker = self._coming[answer]
        try:
            self._welcome(answer)
        except ConfigError as error:
            # Another is hired when the pool grows: its node may be gone, or have been put right, by then.
            self._ray.kill(worker.actor)
            self._hired.remove(worker)
            # What Ray says has numbers of its own each time.
            kind = type(error.__cause__).__name__ if error.__cause__ else str(error)
            if kind not in self._told_why:
                self._told_why.add(kind)
                self._unwelcome.append(f"{error}; it gets no jobs")

    def _tell_unwelcome(self) -> None:
        if self._asked:
            job = next(iter(self._asked.values())).job
            self._waiting.extend(Told(job, {"event": "notice", "message": one}) for one in self._unwelcome)
            self._unwelcome = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        finished_step(self._close)

    def _close(self) -> None:
        for running in (*self._asked.values(), *self._held_up):
            running.steps.close()
        self._asked, self._held_up = {}, []
        for one in self._hired:
            self._ray.kill(one.actor)
        self._hired = []
        # They remove what they keep, now that nobody reads it.
        keepers = self._carrier.keepers
        closing = [one.close.remote() for one in keepers]
        if closing:
            self._ray.wait(closing, num_returns=len(closing), timeout=_CLOSE_SECONDS)
        for one in keepers:
            self._ray.kill(one)
        if self._is_ours:
            self._ray.shutdown()

    @property
    def num_free(self) -> int:
        """Actors without a job."""
        return len(self._free)

    def begin(self, taken: Taken, output: Path, parts: Sequence[Path]) -> None:
        """See ``Pool``."""
        order = order_of(taken, output.absolute(), [one.absolute() for one in parts], self._threads)
        try:
            named, uncarried = named_by(order)
            files = needed_files(order, named, taken.identity)
        except (SemvidError, OSError) as error:
            self._waiting.append(Told(taken.id, failed(error, output)))
            return
        worker = min(self._free, key=lambda one: self._carrier.rank(one.node, files))
        self._free.remove(worker)
        what = RayOrder(order, files, b"" if order["is_trial"] else new_proof(), uncarried)
        steps = self._carrier.steps(worker.actor, worker.node, worker.name, taken.id, what)
        self._go_on(_Running(taken.id, worker, steps, output))

    def _go_on(self, running: _Running, answer: Any = None, error: Exception | None = None) -> None:
        """Take the next step of a job.

        Args:
            running: The job.
            answer: What Ray answered.
            error: What it raised instead.
        """
        try:
            asked = running.steps.send(answer) if error is None else running.steps.throw(error)
        except StopIteration as end:
            record = end.value
            self._free.append(running.worker)
        except self._ray.exceptions.RayError as lost:
            record = {"event": "died", "message": why_lost(lost)}
            self._replace(running.worker)
        except (SemvidError, OSError) as fault:
            record = failed(fault, running.output)
            self._free.append(running.worker)
        else:
            if asked is None:
                self._held_up.append(running)
            else:
                self._asked[asked] = running
            return
        self._waiting.append(Told(running.job, record))

    def _replace(self, worker: _Hired) -> None:
        # It may live: what it raised was not foreseen.
        self._ray.kill(worker.actor)
        self._hired.remove(worker)
        # Where its node is lost, no other may come for long; the others go on.
        self._hire(worker.place)

    def break_off(self, jobs: Collection[int]) -> None:
        """See ``Pool``."""
        running = [one for one in (*self._asked.values(), *self._held_up) if one.job in jobs]
        self._asked = {asked: one for asked, one in self._asked.items() if one.job not in jobs}
        self._held_up = [one for one in self._held_up if one.job not in jobs]
        for one in running:
            one.steps.close()
            self._ray.kill(one.worker.actor)
            self._hired.remove(one.worker)

    def next(self, seconds: float) -> Told | None:
        """See ``Pool``."""
        if self._waiting:
            return self._waiting.popleft()
        if time.monotonic() - self._grown > _GROW_SECONDS:
            self._grow()
        if not self._asked and not self._coming:
            # Others hold what is left.
            time.sleep(seconds)
            return None
        asked = [*self._asked, *self._coming]
        ended, _ = self._ray.wait(asked, num_returns=1, timeout=seconds)
        if ended:
            # All others that have, too: to look at ten thousand takes 2 ms, and each of them ends once.
            ended, _ = self._ray.wait(asked, num_returns=len(asked), timeout=0)
        for one in ended:
            if one in self._coming:
                self._welcome_late(one)
                continue
            running = self._asked.pop(one)
            try:
                answer = self._ray.get(one)
            except self._ray.exceptions.RayError as error:
                self._go_on(running, error=error)
            else:
                self._go_on(running, answer)
        held_up, self._held_up = self._held_up, []
        for running in held_up:
            self._go_on(running)
        self._mind_being_alone()
        self._tell_unwelcome()
        if not ended:
            self._look_around()
        return self._waiting.popleft() if self._waiting else None

    def _mind_being_alone(self) -> None:
        """Give up where nothing works and nobody comes.

        Raises:
            ConfigError: It has been so for long.
        """
        if self._asked or self._free:
            self._alone_since = None
            return
        self._alone_since = self._alone_since or time.monotonic()
        if time.monotonic() - self._alone_since > _START_SECONDS:
            raise ConfigError(
                f"all workers of the cluster were lost, and none came in {_START_SECONDS:g} s; add nodes, "
                f"and run it again{''.join(f'; {one}' for one in self._unwelcome)}"
            )

    def _look_around(self) -> None:
        """Ask those that work how far they are."""
        asked = {one.worker.actor.told.remote(): one.job for one in self._asked.values()}
        if not asked:
            return
        ready, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=1.0)
        for one in ready:
            try:
                self._waiting.extend(Told(asked[one], record) for record in _news(self._ray.get(one)))
            except self._ray.exceptions.RayError:
                # Its job tells.
                continue


def _news(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out signs of progress that are old."""
    return [one for one in records[:-1] if one["event"] != "progress"] + records[-1:]


def _keep_quiet(*given: object, **more: object) -> None:
    """Take the place of what prints."""


def _knock(address: str) -> None:
    """Find out whether anything answers: Ray itself tries for minutes.

    Raises:
        ConfigError: Nothing does.
    """
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host, int(port)), _KNOCK_SECONDS).close()
    except (OSError, ValueError) as error:
        raise _unanswered(address) from error


def _unanswered(address: str | None) -> ConfigError:
    start = "start one with 'ray start --head'"
    if address is not None and address.startswith("ray://"):
        start += ", where 'ray[client]' is installed, as it has to be here"
    return ConfigError(f"no Ray cluster answers at {setting('ray_address', address)}; {start}")
