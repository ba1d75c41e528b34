"""Runs tasks on a Ray cluster: one actor for each job that runs at once, wherever there are cores free.

Sources and outputs are read and written by path, so all nodes have to see the same folders. What an actor
writes has no name yet, and only the driver gives it one: a job that a lost node may have done is done again,
and its output appears once.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import time
from collections import deque
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import semvid
from semvid.batch.job_records import Taken
from semvid.batch.orders import carry_out
from semvid.batch.pool import CORES_PER_FILE, Told, order_of
from semvid.core.errors import ConfigError, OutputError
from semvid.core.text import setting
from semvid.models.weights_file import WEIGHTS_FOLDER

_MARK = ".semvid-shared"
_START_SECONDS = 120.0
_KNOCK_SECONDS = 5.0


def versions() -> dict[str, str]:
    """Return what has to be the same on all nodes, for their outputs to be the same."""
    digest = hashlib.sha256()
    for path in sorted(WEIGHTS_FOLDER.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return {"semvid": semvid.__version__, "weights": digest.hexdigest()[:16]}


class Worker:
    """Does jobs on a node; Ray makes an actor of it."""

    def __init__(self) -> None:
        self._told: deque[dict[str, Any]] = deque(maxlen=100)

    def look(self, mark: str) -> dict[str, Any]:
        """Tell about the node: its versions, its name, and whether it sees a file."""
        import platform

        return {**versions(), "node": platform.node(), "sees": Path(mark).exists()}

    def run(self, order: dict[str, Any]) -> dict[str, Any]:
        """See ``carry_out``."""
        self._told.clear()
        return carry_out(order, self._told.append)

    def told(self) -> list[dict[str, Any]]:
        """Return what happened since the last call."""
        found = []
        while self._told:
            found.append(self._told.popleft())
        return found


class RayPool:
    """Actors that work on jobs, at most one each. A context manager: at its end all are broken off.

    Args:
        num_workers: How many; None = as many as the cluster has cores for.
        threads: Cores that each keeps busy; None = four, or as many as the smallest node has.
        address: Of a running cluster, as in ``ray://head:10001`` or ``auto``; None = Ray is started here, and
            ended.
        folder: Where outputs are written; all nodes have to see it.

    Raises:
        ConfigError: Ray is not installed, the cluster is not there or too small, or a node has another
            semvid.
        OutputError: A node does not see the folder.
    """

    def __init__(
        self, num_workers: int | None, threads: int | None, address: str | None, folder: Path
    ) -> None:
        if find_spec("ray") is None:
            raise ConfigError("`engine=ray` needs the extra ray; run 'pip install semvid[ray]'")
        # Its types know neither actors nor how many arguments they take.
        ray: Any = import_module("ray")
        self._ray, self._folder = ray, folder
        self._actors: list[Any] = []
        self._is_ours = not ray.is_initialized()
        if self._is_ours:
            self._start(address)
        nodes = [int(one["Resources"].get("CPU", 0)) for one in ray.nodes() if one["Alive"]]
        threads = threads or min([CORES_PER_FILE, *filter(None, nodes)])
        self._threads = threads
        most = sum(one // threads for one in nodes)
        if not most:
            self._close()
            raise ConfigError(
                f"no node of the cluster has the {threads} cores that a file needs; give fewer `threads`, or "
                "add nodes"
            )
        self._running: dict[Any, tuple[Any, int]] = {}
        self._waiting: deque[Told] = deque()
        self._free: list[Any] = []
        self._coming: dict[Any, Any] = {}
        """What workers that were hired will tell of themselves; they get jobs when they have."""
        self._alone_since: float | None = None
        self._mark = folder / _MARK
        self._mark.touch()
        try:
            for _ in range(min(num_workers or most, most)):
                self._hire()
            self._welcome_all()
        except BaseException:
            self._close()
            raise

    def _start(self, address: str | None) -> None:
        if address is not None and address != "auto":
            _knock(address)
        # A dashboard is for clusters that last.
        more = {"include_dashboard": False} if address is None else {}
        try:
            self._ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **more)
        except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
            raise _unanswered(address) from error

    def _hire(self) -> None:
        # Two calls at a time: one works, and one tells how far it is.
        kind = self._ray.remote(num_cpus=self._threads, max_concurrency=2, max_restarts=0)(Worker)
        actor = kind.remote()
        self._actors.append(actor)
        self._coming[actor.look.remote(str(self._mark))] = actor

    def _welcome_all(self) -> None:
        ready, missing = self._ray.wait(
            list(self._coming), num_returns=len(self._coming), timeout=_START_SECONDS
        )
        if missing:
            raise ConfigError(
                f"the cluster gave {len(ready)} of {len(self._actors)} workers with {self._threads} cores "
                f"each in {_START_SECONDS:g} s; give fewer `workers`"
            )
        for one in ready:
            self._welcome(one)

    def _welcome(self, answer: Any) -> None:
        """Let a worker that has come do jobs.

        Raises:
            ConfigError: It has another semvid.
            OutputError: It does not see the folder.
        """
        actor = self._coming.pop(answer)
        try:
            seen = self._ray.get(answer)
        except self._ray.exceptions.RayError as error:
            raise ConfigError(
                f"a node of the cluster cannot start semvid ({_last_line(error)}); install it on all"
            ) from error
        for name, version in versions().items():
            if seen[name] != version:
                raise ConfigError(
                    f"node {seen['node']} has {name} {seen[name]}, and this machine has {version}; install "
                    "the same on all"
                )
        if not seen["sees"]:
            raise OutputError(
                f"node {seen['node']} does not see {self._folder}; give an `output` that all nodes share"
            )
        self._free.append(actor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def _close(self) -> None:
        for one in self._actors:
            self._ray.kill(one)
        self._actors = []
        if self._is_ours:
            self._ray.shutdown()
        mark = getattr(self, "_mark", None)
        if mark is not None:
            mark.unlink(missing_ok=True)

    @property
    def num_free(self) -> int:
        """Actors without a job."""
        return len(self._free)

    def begin(self, taken: Taken, output: Path, parts: Sequence[Path]) -> None:
        """See ``Pool``."""
        actor = self._free.pop()
        self._running[actor.run.remote(order_of(taken, output, parts, self._threads))] = actor, taken.id

    def next(self, seconds: float) -> Told | None:
        """See ``Pool``."""
        if self._waiting:
            return self._waiting.popleft()
        asked = [*self._running, *self._coming]
        if not asked:
            return None
        ended, _ = self._ray.wait(asked, num_returns=1, timeout=seconds)
        for one in ended:
            if one in self._coming:
                self._welcome(one)
                continue
            actor, job = self._running.pop(one)
            try:
                record = self._ray.get(one)
                self._free.append(actor)
            except self._ray.exceptions.RayError as error:
                record = {"event": "died", "message": _why(error)}
                self._actors.remove(actor)
                # Where its node is lost, no other may come for long; the others go on.
                self._hire()
            self._waiting.append(Told(job, record))
        self._mind_being_alone()
        if not ended:
            self._look_around()
        return self._waiting.popleft() if self._waiting else None

    def _mind_being_alone(self) -> None:
        """Give up where nothing works and nobody comes.

        Raises:
            ConfigError: It has been so for long.
        """
        if self._running or self._free:
            self._alone_since = None
            return
        self._alone_since = self._alone_since or time.monotonic()
        if time.monotonic() - self._alone_since > _START_SECONDS:
            raise ConfigError(
                f"all workers of the cluster were lost, and none came in {_START_SECONDS:g} s; add nodes, "
                "and run it again"
            )

    def _look_around(self) -> None:
        """Ask those that work how far they are."""
        asked = {actor.told.remote(): job for actor, job in self._running.values()}
        if not asked:
            return
        ready, _ = self._ray.wait(list(asked), num_returns=len(asked), timeout=1.0)
        for one in ready:
            try:
                self._waiting.extend(Told(asked[one], record) for record in self._ray.get(one)[-1:])
            except self._ray.exceptions.RayError:
                # Its job tells.
                continue


def _why(error: Exception) -> str:
    lines = [one.strip() for one in str(error).splitlines() if one.strip()]
    return f"its worker was lost: {lines[0] if lines else type(error).__name__}"


def _last_line(error: Exception) -> str:
    return ([type(error).__name__] + [one.strip() for one in str(error).splitlines() if one.strip()])[-1]


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
    return ConfigError(
        f"no Ray cluster answers at {setting('ray_address', address)}; start one with 'ray start --head'"
    )
