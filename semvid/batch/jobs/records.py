"""Jobs of a batch as values: to be done, held, and listed."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from semvid.batch.jobs.identity import Identity
from semvid.core.records import dataclass

State = Literal["waiting", "running", "done", "skipped", "failed", "cancelled"]
STATES: tuple[State, ...] = get_args(State)
UNFINISHED: tuple[State, ...] = ("waiting", "running")
Settled = Literal["done", "skipped", "failed"]


@dataclass(frozen=True, slots=True)
class NewJob:
    """What is to be done with one source."""

    source: Path
    output: Path
    """No two jobs of a store have the same."""
    task: Mapping[str, Any]
    """All of it, as JSON."""
    identity: Identity
    """Of the source."""
    is_lost: bool = False
    """It was done, and its output is not there any more."""
    is_made: bool = False
    """Its source is what a batch put in the place of one: that is never compressed again."""
    is_freed: bool = False
    """It was refused for a file that had its output's name, and that is in nobody's way any more."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A job that is held."""

    id: int
    source: Path
    output: Path
    task: Mapping[str, Any]
    identity: Identity
    """Of the source when the job was added."""
    num_attempts: int
    """This one included."""
    whole: int | None
    """The number of the job it is a part of; None = it is no part."""


class Entry(NamedTuple):
    """A job as it is listed. Names become paths and JSON is read when they are asked for: lists are long."""

    id: int
    source_name: bytes
    output_name: bytes
    state: State
    reason: str
    """Why it was skipped or failed, in one line."""
    num_attempts: int
    holder: str | None
    """Who works on it: host and process."""
    result_text: str | None
    changed: float
    """When it last changed, in seconds of Unix time."""
    made_text: str | None

    @property
    def source(self) -> Path:
        """What is compressed."""
        return path_of(self.source_name)

    @property
    def output(self) -> Path:
        """Where it goes."""
        return path_of(self.output_name)

    @property
    def result(self) -> dict[str, Any] | None:
        """What came of it, as JSON."""
        return None if self.result_text is None else json.loads(self.result_text)

    @property
    def made(self) -> Identity | None:
        """What a batch last gave the output's name, in whatever state the job is now."""
        return None if self.made_text is None else Identity(**json.loads(self.made_text))

    def to_plain(self) -> dict[str, Any]:
        """Return all of it as plain JSON values."""
        return {
            "id": self.id, "source": str(self.source), "output": str(self.output), "state": self.state,
            "reason": self.reason, "num_attempts": self.num_attempts, "holder": self.holder,
            "result": self.result, "changed": self.changed,
        }  # fmt: skip


def path_of(name: bytes) -> Path:
    """Return a file's name as a path; names need not be UTF-8."""
    return Path(os.fsdecode(name))
