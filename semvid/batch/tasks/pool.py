"""What a batch needs of whatever runs its jobs: processes of this machine, or a cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal, Protocol

from semvid.batch.jobs.records import Taken
from semvid.core.records import dataclass

CORES_PER_FILE = 4
"""That a file gets where there are more: one encode seldom uses more of them well."""
FEWEST_CORES = 2
"""That a file gets where there are more, and files for all of them: on 16 cores, eight at a time are done in
0.72 to 0.84 of the time of four (``examples/benchmark/many_cores.py``)."""

Way = Literal["shared", "streamed", "kept"]
"""How a file comes to a node or from it: by its path, in pieces, or it had come in pieces before."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told of a job."""

    job: int
    record: Mapping[str, Any]
    """``event`` is ``progress``, ``stage``, ``notice``, ``placed``, ``ended``, or ``died`` with a
    ``message``."""


class Pool(AbstractContextManager["Pool"], Protocol):
    """Workers that do one job at a time. At the end of its context all work is broken off."""

    @property
    def num_free(self) -> int:
        """Workers without a job."""

    def begin(self, taken: Taken, output: Path, parts: Sequence[Path]) -> None:
        """Give a job to a worker that has none; ``parts`` as for ``Task.from_plain``."""

    def break_off(self, jobs: Collection[int]) -> None:
        """Have the workers on these jobs stop, and tell no more of them."""

    def next(self, seconds: float) -> Told | None:
        """Wait for what is told next; None = nothing was for so long."""


def order_of(taken: Taken, output: Path, parts: Sequence[Path], threads: int) -> dict[str, Any]:
    """Write down for a worker what it has to do, as JSON; a task with ``is_trial`` is only estimated."""
    return {
        "task": taken.task, "source": str(taken.source), "output": str(output),
        "parts": list(map(str, parts)), "threads": threads,
        "is_trial": taken.task.get("is_trial", False),
    }  # fmt: skip
