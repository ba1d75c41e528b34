"""A job of the queue as the page shows it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from semvid.batch.jobs.records import Entry
from semvid.core.records import dataclass
from semvid.core.text import visible
from semvid.products.still_sources import JPEG_SUFFIXES
from semvid.studio.job_progress import Progress


@dataclass(frozen=True, slots=True)
class JobView:
    """A job as it is now."""

    id: int
    name: str
    """Of the source, without its folder."""
    source: str
    """From the folder of the queue."""
    output: str
    """From the folder of the queue."""
    state: str
    """``waiting``, ``running``, ``done``, ``skipped``, ``failed`` or ``cancelled``."""
    reason: str
    """Why it was skipped or failed."""
    is_picture: bool
    is_ours: bool
    """The queue does it; else ``semvid batch`` does, when it is run again."""
    source_bytes: int | None
    output_bytes: int | None
    saving: float | None
    """The share that the map saved of the plain encode at the same quality; None = not known."""
    seconds: float | None
    """That it took."""
    is_there: bool
    """The output exists."""
    progress: Progress | None
    """Of what runs."""
    changed: float
    """When it last changed, in seconds of Unix time."""

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain JSON values."""
        return asdict(self)


def is_picture(entry: Entry) -> bool:
    """Return whether a job makes a picture, by the name of what it makes."""
    return entry.output.suffix.lower() in JPEG_SUFFIXES


def view_of(entry: Entry, told: Progress, folder: Path, *, is_running: bool, is_ours: bool) -> JobView:
    """Return a job as the page shows it.

    Args:
        entry: Of the store.
        told: How far it is.
        folder: Names are told from there.
        is_running: Our batch holds it, or parts of it.
        is_ours: See ``JobView``.
    """
    result: Mapping[str, Any] = (entry.result or {}) if entry.state == "done" else {}
    # Between its parts a long video waits, as the store sees it.
    state = "running" if is_running and entry.state == "waiting" else entry.state
    return JobView(
        entry.id, visible(entry.source.name), visible(os.path.relpath(entry.source, folder)),
        visible(os.path.relpath(entry.output, folder)), state, visible(entry.reason), is_picture(entry),
        is_ours, result.get("source_bytes"), result.get("output_bytes"), result.get("saving"),
        result.get("seconds"), entry.output.exists(), told if state in {"waiting", "running"} else None,
        entry.changed,
    )  # fmt: skip
