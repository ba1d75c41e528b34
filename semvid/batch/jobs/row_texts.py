"""Jobs as the tables of a store have them: JSON, and what is the same for many apart from what is not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from semvid.batch.jobs.identity import Identity

_OWN = ("span", "part", "maps")
"""What differs in the tasks of a video's parts."""


def task_texts(task: Mapping[str, Any]) -> tuple[str, str | None]:
    """Write a task as JSON, and apart from it what differs among the parts of a video."""
    if not task.get("span"):
        return text_of(task), None
    own = {name: task[name] for name in _OWN if name in task}
    return text_of({**task, **dict.fromkeys(own)}), text_of(own)


def read_task(task: str, span: str | None) -> dict[str, Any]:
    """Return the task that ``task_texts`` wrote."""
    read: dict[str, Any] = json.loads(task)
    return read if span is None else {**read, **json.loads(span)}


def identity_text(identity: Identity) -> str:
    """Write what a file was."""
    return text_of({"size": identity.size, "mtime_ns": identity.mtime_ns, "digest": identity.digest})


def read_identity(text: str) -> Identity:
    """Return what ``identity_text`` wrote."""
    return Identity(**json.loads(text))


def text_of(record: Mapping[str, Any]) -> str:
    """Write a record in one way only, so that equal ones have equal texts."""
    return json.dumps(record, separators=(",", ":"), sort_keys=True, allow_nan=False)
