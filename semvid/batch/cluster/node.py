"""What runs on the nodes of a Ray cluster: workers, and keepers of the files that were sent there.

A node is believed to see a file if one of the same path has the same size and ends, and to see where an
output goes if it reads there what the driver has just written.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import semvid
from semvid.batch.jobs.identity import Identity, identify
from semvid.batch.tasks.orders import carry_out
from semvid.core.errors import SemvidError
from semvid.core.records import dataclass
from semvid.media.writing.output import scratch_folder
from semvid.models.weights_file import WEIGHTS_FOLDER

LACKS = "lacks"
"""The event that says what a node does not see; nothing was done yet."""


def versions() -> dict[str, str]:
    """Return what has to be the same on all nodes, for their outputs to be the same."""
    digest = hashlib.sha256()
    for path in sorted(WEIGHTS_FOLDER.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return {"semvid": semvid.__version__, "weights": digest.hexdigest()[:16]}


@dataclass(frozen=True, slots=True)
class NeededFile:
    """A file that a job reads."""

    name: str
    """As the order has it."""
    path: str
    """On the driver's machine, in full."""
    identity: Identity
    place: str | None = None
    """Where a keeper put it on the node; None = it is looked for at ``path``."""


@dataclass(frozen=True, slots=True)
class RayOrder:
    """What a worker has to do."""

    order: Mapping[str, Any]
    """See ``order_of``."""
    files: Sequence[NeededFile]
    """All that it reads."""
    proof: bytes
    """What the driver wrote to where the output goes; empty = the worker is to have a folder of its own."""
    uncarried: Sequence[str] = ()
    """Folders, and outputs beside the one: what its options name, and only nodes with shared folders have."""
    output_place: str | None = None
    """Where to write instead."""


class Worker:
    """Does jobs on a node; Ray makes an actor of it.

    Args:
        has_gpu: Whether a share of one is its own; else it is to see none, as Ray itself does not see to.
    """

    def __init__(self, *, has_gpu: bool = False) -> None:
        if not has_gpu:
            os.environ["CUDA_VISIBLE_DEVICES"] = ""
        self._told: deque[dict[str, Any]] = deque(maxlen=100)

    def look(self) -> dict[str, Any]:
        """Tell about the node: its versions, its name, and its number in the cluster."""
        import platform
        from importlib import import_module

        # What runs that died left in the node's temporary folder goes now.
        with scratch_folder():
            pass
        context: Any = import_module("ray").get_runtime_context()
        return {**versions(), "node": platform.node(), "id": context.get_node_id()}

    def run(self, what: RayOrder) -> dict[str, Any]:
        """See ``carry_out``; ``told`` is what nobody asked for. Or say what the node does not see."""
        self._told.clear()
        lacking = [one.path for one in what.files if not _is_there(one)]
        output = Path(what.output_place or what.order["output"])
        sees_output = what.output_place is not None or not what.proof or _reads(output, what.proof)
        if lacking or not sees_output:
            return {"event": LACKS, "files": lacking, "sees_output": sees_output}
        with ExitStack() as stack:
            if what.proof:
                output.unlink(missing_ok=True)
            else:
                output = stack.enter_context(scratch_folder())
            names = {one.name: one.place or one.path for one in what.files}
            order = {**_renamed(what.order, names), "output": str(output)}
            told = {one.place: one.path for one in what.files if one.place}
            told[str(output)] = what.order["output"]
            ended = carry_out(order, lambda record: self._told.append(_with_names(record, told)))
            return {**_with_names(ended, told), "told": self.told()}

    def told(self) -> list[dict[str, Any]]:
        """Return what happened since the last call."""
        found = []
        while self._told:
            found.append(self._told.popleft())
        return found


def _is_there(file: NeededFile) -> bool:
    if file.place is not None:
        return True
    try:
        return identify(Path(file.path)).is_content_of(file.identity)
    except SemvidError:
        return False


def _reads(path: Path, proof: bytes) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(proof) + 1) == proof
    except OSError:
        return False


def _renamed(record: Any, names: Mapping[str, str]) -> Any:
    """Return JSON in which the names of files are others."""
    match record:
        case str():
            return names.get(record, record)
        case Mapping():
            return {key: _renamed(value, names) for key, value in record.items()}
        case list() | tuple():
            return [_renamed(value, names) for value in record]
    return record


def _with_names(record: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Have a message name files as the user knows them."""
    message = record.get("message")
    if not message:
        return record
    for place, name in names.items():
        message = message.replace(place, name)
    return {**record, "message": message}


class Keeper:
    """Keeps files on a node, in a folder that goes when it ends; Ray makes an actor of it.

    What one that was killed left is removed by the next on that node.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._folder = self._stack.enter_context(scratch_folder())
        self._promised: dict[Path, int] = {}
        """Bytes that files will take."""
        self._count = 0

    def begin(self, name: str, size: int) -> dict[str, Any]:
        """Make room for a file.

        Args:
            name: Its name.
            size: Bytes it will take, or about as many.

        Returns:
            ``place``, its path; or, if there is too little room, the bytes that are ``free``, and in which
            ``folder``.
        """
        written = {one: one.stat().st_size if one.exists() else 0 for one in self._promised}
        to_come = sum(max(self._promised[one] - written[one], 0) for one in self._promised)
        free = shutil.disk_usage(self._folder).free - to_come
        if free < size:
            return {"free": max(free, 0), "folder": str(self._folder.parent)}
        # A folder for each: some have the same name, and all keep it.
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        self._promised[folder / name] = size
        return {"place": str(folder / name)}

    def add(self, place: str, piece: bytes) -> None:
        """Write the next piece of a file."""
        with Path(place).open("ab") as file:
            file.write(piece)

    def identify(self, place: str) -> Identity:
        """Say what a file is."""
        path = Path(place)
        path.touch()
        self._promised[path] = path.stat().st_size
        return identify(path)

    def read(self, place: str, start: int, size: int) -> bytes:
        """Return a piece of a file."""
        with Path(place).open("rb") as file:
            file.seek(start)
            return file.read(size)

    def drop(self, place: str) -> None:
        """Remove a file, and what is beside it."""
        self._promised.pop(Path(place), None)
        shutil.rmtree(Path(place).parent, ignore_errors=True)

    def close(self) -> None:
        """Remove all."""
        self._stack.close()
