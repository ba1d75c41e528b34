"""Events of a batch. The library yields them; only the command line draws them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from semvid.batch.jobs.records import UNFINISHED, State
from semvid.batch.tasks.pool import Way
from semvid.core.events import Reported
from semvid.core.records import dataclass


@dataclass(frozen=True, slots=True)
class Planned:
    """It is known what there is to do."""

    num_jobs: int
    num_waiting: int
    """Of them, what is still to be done."""
    source_bytes: int
    """Of what is still to be done."""
    passed_over: Mapping[str, int]
    """Files in folders that are neither videos nor pictures by name: how many, by suffix."""


@dataclass(frozen=True, slots=True)
class JobBegan:
    """A process works on a job."""

    job: int
    source: Path
    output: Path
    attempt: int
    part: int | None = None
    """Which part of a long video it is, from 1; None = all of a file."""
    num_parts: int = 0
    """So many parts the video has; 0 = it is in one piece, and else they are put together last."""
    source_bytes: int = 0
    """Of the whole source."""


@dataclass(frozen=True, slots=True)
class JobProgress:
    """A sign of life of a job: see ``Progress`` and ``Stage``."""

    job: int
    stage: str
    num_frames: int
    num_frames_from_header: int | None


@dataclass(frozen=True, slots=True)
class JobNotice:
    """Something the user should know of a job."""

    job: int
    source: Path
    message: str


@dataclass(frozen=True, slots=True)
class JobPlaced:
    """A node of a cluster works on a job; or has, if it sees all files itself."""

    job: int
    source: Path
    node: str
    """Its name."""
    source_way: Way
    """How it comes by what it reads."""
    output_way: Way
    """How what it writes comes to this machine."""


@dataclass(frozen=True, slots=True)
class JobEnded:
    """A job was settled, or waits for another attempt."""

    job: int
    source: Path
    output: Path
    state: State
    reason: str
    """Why it was skipped, failed, or waits again, in one line."""
    result: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class PartEnded:
    """A part of a long video was settled, or waits for another attempt; its video is not done yet."""

    job: int
    source: Path
    part: int
    """Which, from 1; 0 = it was found out how to encode all of them."""
    num_parts: int
    state: State
    reason: str


@dataclass(frozen=True, slots=True)
class Estimated:
    """It was tried what a file would come to."""

    job: int
    source: Path
    output: Path
    source_bytes: int
    output_bytes: int | None
    """About as many; None = it would fail."""
    seconds: float | None
    """About as long."""
    reason: str
    """Why it would fail, in one line."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """The user wants the batch to end: nothing new is begun."""

    num_finishing: int
    """Jobs that are finished: parts of long videos, and files that will be done soon."""
    num_given_back: int
    """Jobs that are not: the next run begins them again."""
    seconds: float
    """What *soon* is; files that are not done by then are given back after all."""


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """All that can be done was done."""

    counts: Mapping[State, int]
    """Jobs of this batch by state."""
    source_bytes: int
    """Of what is done."""
    output_bytes: int
    elapsed_seconds: float
    is_stopped: bool = False
    """The user wanted it to end (see ``Stopping``); what is left waits for the same call."""

    @property
    def num_left(self) -> int:
        """Jobs that are not settled."""
        return sum(self.counts.get(one, 0) for one in UNFINISHED)


BatchEvent = (
    Planned
    | JobBegan
    | JobProgress
    | JobNotice
    | JobPlaced
    | JobEnded
    | PartEnded
    | Stopping
    | Reported
    | BatchEnded
)
