"""Puts right what processes left that were killed."""

from __future__ import annotations

import shutil
from pathlib import Path

from semvid.batch.film_jobs import PARTS
from semvid.batch.jobs.holders import may_live
from semvid.batch.jobs.identity import Identity, identify
from semvid.batch.jobs.records import State
from semvid.batch.jobs.store import JobStore
from semvid.batch.plan import made_of
from semvid.batch.publish import finish_replacing
from semvid.core.errors import SemvidError

_NEED_PARTS: tuple[State, ...] = ("waiting", "running", "failed", "cancelled")


def recover(store: JobStore) -> None:
    """Put right what processes of this machine left that were killed: at once, not when their time is up."""
    for holder in store.holders():
        if not may_live(holder):
            store.let_go(holder)
    for one in list(store.entries(["waiting"])):
        if one.result is not None and _is_made(one.output, made_of(one.result)):
            if one.result["replaces"]:
                finish_replacing(one.source, one.output, store.identity_of(one.output))
            store.settle_made(one.id)
    parts = store.path.parent / PARTS
    for folder in parts.iterdir() if parts.is_dir() else ():
        # Of a job that was killed after its last step, or forgotten, or of a source that has changed.
        if folder.name.isdigit() and not any(store.entries(_NEED_PARTS, [int(folder.name)])):
            shutil.rmtree(folder, ignore_errors=True)


def _is_made(output: Path, made: Identity) -> bool:
    try:
        return identify(output).is_content_of(made)
    except SemvidError:
        return False
