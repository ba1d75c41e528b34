"""Carries out jobs on the nodes of a Ray cluster, with the files that a node does not see carried to it.

Files go through Ray's object store in pieces, a few at a time, so neither the driver nor the store ever holds
a whole one. A keeper on the node writes them to its disk, once for all workers there, and sends outputs back
likewise, to the unnamed file that a worker with shared folders would have written itself.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from semvid.batch.cluster.faults import last_line
from semvid.batch.cluster.node import LACKS, NeededFile, RayOrder
from semvid.batch.jobs.identity import Identity, identify
from semvid.batch.tasks.pool import Way
from semvid.batch.tasks.task import Task
from semvid.core.config import MODELS, CompressConfig
from semvid.core.errors import ConfigError, OutputError, SemvidError
from semvid.core.rate import AsGoodAs
from semvid.core.records import dataclass
from semvid.core.text import reason

PIECE_BYTES = 16 << 20
PIECES, TRANSFERS = 2, 2
"""Pieces of a file that are on their way at a time, and files: 64 MiB in all."""
MOST_IDLE = 4
"""Films that a node keeps though nobody uses them, for parts that may come; the one used longest ago goes."""

Steps = Generator[Any, Any, dict[str, Any]]
"""A job: yields what Ray is to answer next and is sent the answer, or None while other jobs have to go on
first; returns the last ``record`` of ``Told``."""


class NodeDiskError(Exception):
    """A node's disk is too full, or fails."""


@dataclass(slots=True)
class _Kept:
    """A file on a node."""

    place: str | None = None
    """None = it is on its way."""
    size: int = 0
    num_users: int = 0


@dataclass(slots=True)
class _Node:
    """What the driver knows of a node that does not see all files."""

    id: str
    """Its number in the cluster."""
    name: str
    keeper: Any
    kept: dict[tuple[str, Identity], _Kept] = field(default_factory=dict)
    """By path on the driver's machine; the one used longest ago comes first."""


class Carrier:
    """Knows what is on which node.

    Args:
        errors: Ray's module of these.
        make_keeper: Makes an actor of ``Keeper`` on the node of a number.
        tell: Called with records of ``Told`` of a job.
    """

    def __init__(
        self, errors: Any, make_keeper: Callable[[str], Any], tell: Callable[[int, dict[str, Any]], None]
    ) -> None:
        self._errors, self._make_keeper, self._tell = errors, make_keeper, tell
        self._nodes: dict[str, _Node] = {}
        self._given_up: list[Any] = []
        self._num_transfers = 0
        self._too_full: dict[str, int] = {}
        """By node: the smallest file that it had no room for, in bytes."""

    def rank(self, node: str, files: Sequence[NeededFile]) -> tuple[bool, int]:
        """Say how well a node suits a job, the lower the better: does it have room, and the files?"""
        known = self._nodes.get(node)
        size = sum(one.identity.size for one in files)
        is_full = size >= self._too_full.get(node, size + 1)
        if known is None:
            return is_full, 0
        return is_full, sum((one.path, one.identity) not in known.kept for one in files)

    def steps(self, worker: Any, node: str, name: str, job: int, what: RayOrder) -> Steps:
        """Do a job.

        Args:
            worker: The actor that is to do it.
            node: The number of its node.
            name: The name of that, for people.
            job: The number of the job.
            what: The job. Its output becomes the proof first.

        Raises:
            RayError: The worker or its node was lost.
            OSError: A file of this machine cannot be read or written.
        """
        output = Path(what.order["output"])
        if what.proof:
            output.write_bytes(what.proof)
        answer = yield worker.run.remote(what)
        if answer["event"] != LACKS:
            self._tell(job, _placed(name, "shared", "shared"))
            return self._heard(job, answer)
        if what.uncarried:
            raise ConfigError(
                f"node {name} does not see the files of this machine, and {what.uncarried[0]} cannot be sent "
                "to it; share its folder, or leave it out"
            )
        known = self._nodes.get(node) or self._meet(node, name)
        with ExitStack() as stack:
            try:
                what = yield from self._carry(known, job, what, answer, stack)
                answer = yield worker.run.remote(what)
                if self._nodes.get(node) is not known:
                    return {"event": "died", "message": f"node {name} lost the files that it was sent"}
                if what.output_place is not None and "result" in answer:
                    self._tell(job, {"event": "stage", "name": f"fetching it from {name}"})
                    yield from self._fetch(known, what.output_place, output)
            except NodeDiskError as error:
                return {"event": "died", "message": str(error)}
            return self._heard(job, answer)

    def _heard(self, job: int, answer: dict[str, Any]) -> dict[str, Any]:
        """Pass on what nobody asked the worker for meanwhile."""
        for record in answer.pop("told", ()):
            if record["event"] == "notice":
                self._tell(job, record)
        return answer

    def _carry(
        self, node: _Node, job: int, what: RayOrder, lacks: dict[str, Any], stack: ExitStack
    ) -> Generator[Any, Any, RayOrder]:
        """Have on a node what it lacks, until the stack is closed; returns the job with where that is."""
        place = None
        if not lacks["sees_output"]:
            # About as large: an output is seldom larger, and then there is room more often than not.
            size = sum(one.identity.size for one in what.files)
            place = yield from self._room(node, Path(what.order["output"]).name, size)
            stack.callback(self._drop, node, place)
        files = []
        ways: set[Way] = set()
        task = what.order["task"]
        # Parts of a film may come after each of these: those of one that was joined too, if it missed a size.
        is_of_film = task["span"] is not None or "solves" in task or bool(what.order["parts"])
        for one in what.files:
            if one.path not in lacks["files"]:
                files.append(one)
                continue
            here, way = yield from self._bring(node, job, one)
            stays = is_of_film and one.name == what.order["source"]
            stack.callback(self._release, node, one, stays=stays)
            ways.add(way)
            files.append(replace(one, place=here))
        source: Way = "streamed" if "streamed" in ways else "kept" if ways else "shared"
        self._tell(job, _placed(node.name, source, "shared" if place is None else "streamed"))
        return replace(what, files=files, output_place=place)

    @property
    def keepers(self) -> list[Any]:
        """The actors that keep files."""
        return [*(one.keeper for one in self._nodes.values()), *self._given_up]

    def _meet(self, node: str, name: str) -> _Node:
        self._nodes[node] = _Node(node, name, self._make_keeper(node))
        return self._nodes[node]

    def _ask(self, node: _Node, asked: Any) -> Generator[Any, Any, Any]:
        """Wait for what a keeper answers.

        Raises:
            NodeDiskError: It cannot write or read.
            RayError: It was lost, and nothing that it kept is there any more.
        """
        try:
            return (yield asked)
        except self._errors.RayTaskError as error:
            raise NodeDiskError(
                f"node {node.name} cannot keep files ({last_line(error)}); check its disk"
            ) from error
        except self._errors.RayError:
            if self._nodes.get(node.id) is node:
                # It may live, if but a piece was lost: it ends with the others.
                self._given_up.append(self._nodes.pop(node.id).keeper)
            raise

    def _room(self, node: _Node, name: str, size: int) -> Generator[Any, Any, str]:
        """Make room for a file of so many bytes on a node; returns its path there.

        Raises:
            NodeDiskError: There is too little.
        """
        while True:
            found = yield from self._ask(node, node.keeper.begin.remote(name, size))
            if "place" in found:
                place: str = found["place"]
                return place
            if not self._drop_idle(node):
                self._too_full[node.id] = min(size, self._too_full.get(node.id, size))
                raise NodeDiskError(
                    f"node {node.name} has {found['free'] >> 20} MiB free in {found['folder']}, and {name} "
                    f"takes {size >> 20}; free some, or set TMPDIR there before 'ray start'"
                )

    def _bring(self, node: _Node, job: int, file: NeededFile) -> Generator[Any, Any, tuple[str, Way]]:
        """Have a file on a node; whoever called releases it."""
        key = file.path, file.identity
        while True:
            kept = node.kept.get(key)
            if kept is None:
                break
            if kept.place is not None:
                kept.num_users += 1
                return kept.place, "kept"
            yield None
        coming = node.kept[key] = _Kept(size=file.identity.size, num_users=1)
        try:
            self._tell(job, {"event": "stage", "name": f"sending it to {node.name}"})
            with (yield from self._turn()):
                place = yield from self._send(node, file)
        except BaseException:
            del node.kept[key]
            raise
        coming.place = place
        return place, "streamed"

    def _send(self, node: _Node, file: NeededFile) -> Generator[Any, Any, str]:
        size = file.identity.size
        place = yield from self._room(node, Path(file.path).name, size)
        try:
            on_way: deque[Any] = deque()
            with Path(file.path).open("rb") as source:
                while piece := source.read(PIECE_BYTES):
                    on_way.append(node.keeper.add.remote(place, piece))
                    if len(on_way) == PIECES:
                        yield from self._ask(node, on_way.popleft())
            while on_way:
                yield from self._ask(node, on_way.popleft())
            arrived = yield from self._ask(node, node.keeper.identify.remote(place))
            if not file.identity.is_content_of(arrived):
                raise OutputError(f"{file.path} changed while it was sent to a node; run the batch again")
        except BaseException:
            self._drop(node, place)
            raise
        return place

    def _fetch(self, node: _Node, place: str, output: Path) -> Generator[Any, Any, None]:
        with (yield from self._turn()):
            made = yield from self._ask(node, node.keeper.identify.remote(place))
            starts = deque(range(0, made.size, PIECE_BYTES))
            on_way: deque[Any] = deque()
            with output.open("wb") as file:
                while starts or on_way:
                    while starts and len(on_way) < PIECES:
                        on_way.append(node.keeper.read.remote(place, starts.popleft(), PIECE_BYTES))
                    file.write((yield from self._ask(node, on_way.popleft())))
            if not made.is_content_of(identify(output)):
                raise OutputError(f"{output} is not what node {node.name} wrote; check this machine's disk")

    def _turn(self) -> Generator[None, None, Any]:
        while self._num_transfers >= TRANSFERS:
            yield None
        self._num_transfers += 1
        return self._until_sent()

    @contextmanager
    def _until_sent(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._num_transfers -= 1

    def _release(self, node: _Node, file: NeededFile, *, stays: bool) -> None:
        key = file.path, file.identity
        kept = node.kept.pop(key)
        kept.num_users -= 1
        # Used just now: it goes to the end.
        node.kept[key] = kept
        if kept.num_users:
            return
        if not stays:
            self._drop(node, node.kept.pop(key).place)
        while sum(not one.num_users for one in node.kept.values()) > MOST_IDLE:
            self._drop_idle(node)

    def _drop_idle(self, node: _Node) -> bool:
        """Remove the file that was used longest ago; returns whether there was one that nobody uses."""
        for key, one in node.kept.items():
            if not one.num_users:
                del node.kept[key]
                self._drop(node, one.place)
                return True
        return False

    def _drop(self, node: _Node, place: str | None) -> None:
        # Nobody waits for it: a keeper that was lost has removed it, or the next one does.
        node.keeper.drop.remote(place)


def named_by(order: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """Return the files that the options of a job name, and what cannot be sent: folders and outputs.

    Raises:
        ConfigError: The options are wrong.
    """
    config = Task.from_plain(order["task"], Path(order["source"])).config
    outputs = [str(config.save_maps)] if isinstance(config, CompressConfig) and config.save_maps else []
    maps = config.maps
    given = [maps.path, maps.boxes, *(one.path for one in maps.track)]
    if isinstance(config.rate, AsGoodAs):
        given.append(config.rate.reference)
    if maps.chosen_model not in MODELS:
        given.append(Path(maps.chosen_model))
    names = [one for one in given if one is not None]
    files = [str(one) for one in names if not one.is_dir()]
    return files, [str(one) for one in names if one.is_dir()] + outputs


def needed_files(order: Mapping[str, Any], named: Sequence[str], known: Identity) -> list[NeededFile]:
    """Look at the files that a job reads.

    Args:
        order: See ``order_of``.
        named: Those that its options name.
        known: What the source was when the job was added.

    Raises:
        SemvidError: One cannot be read.
    """
    source = order["source"]
    seen = [(source, identify(Path(source), known))]
    seen += [(one, identify(Path(one))) for one in (*order["parts"], *named)]
    return [NeededFile(one, str(Path(one).absolute()), identity) for one, identity in seen]


def new_proof() -> bytes:
    """Return what nobody else writes."""
    return secrets.token_hex(16).encode()


def failed(error: OSError | SemvidError, output: Path) -> dict[str, Any]:
    """Return the record of a job whose files cannot be read or written on the driver's machine."""
    if isinstance(error, SemvidError):
        return {"event": "ended", "exit_code": error.exit_code, "message": str(error)}
    message = f"{output} cannot be carried: {reason(error)}; check the disk of this machine"
    return {"event": "ended", "exit_code": OutputError.exit_code, "message": message}


def _placed(node: str, source: Way, output: Way) -> dict[str, Any]:
    return {"event": "placed", "node": node, "source": source, "output": output}
