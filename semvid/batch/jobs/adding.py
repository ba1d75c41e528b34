"""Adds jobs to a store, where those that are known keep what became of them unless something changed."""

from __future__ import annotations

import os

from semvid.batch.jobs.database import Database
from semvid.batch.jobs.records import NewJob, State
from semvid.batch.jobs.row_texts import identity_text, read_identity, task_texts


def add_job(database: Database, job: NewJob, tasks: dict[str, int], now: float, *, again: bool) -> State:
    """Add a job unless it is known and stays as it is; returns its state then. Within a transaction.

    Args:
        database: The store's.
        job: What is to be done.
        tasks: The numbers of those that were met before in this transaction.
        now: Seconds of Unix time.
        again: Whether it waits again whatever became of it.
    """
    number, state, is_kept = find_job(database, job, again=again)
    if not is_kept:
        row = database.execute("SELECT made FROM jobs WHERE id = ?", (number,)).fetchone()
        # With its parts, which were of what there was before.
        database.execute("DELETE FROM jobs WHERE id = ?", (number,))
        insert_job(database, job, None, tasks, now)
        if row is not None:
            # The output stays ours until there is another.
            database.execute("UPDATE jobs SET made = ? WHERE output = ?", (row[0], os.fsencode(job.output)))
    return state


def find_job(database: Database, job: NewJob, *, again: bool) -> tuple[int | None, State, bool]:
    """Return the number of a job that is known, the state it keeps or gets, and whether it is kept."""
    known = database.execute(
        "SELECT jobs.id, tasks.task, span, identity, state FROM jobs JOIN tasks ON tasks.id = jobs.task"
        " WHERE output = ?",
        (os.fsencode(job.output),),
    ).fetchone()
    if known is None:
        return None, "waiting", False
    number, old_task, old_span, old_identity, state = known
    is_same = (old_task, old_span) == task_texts(job.task)
    if state in {"done", "skipped"}:
        is_same = is_same and read_identity(old_identity).is_content_of(job.identity)
    else:
        # What is still to be done is to be done with the file as it is: its middle may have changed.
        is_same = is_same and read_identity(old_identity) == job.identity
    is_same = is_same and not again and not (state == "done" and job.is_lost)
    is_same = is_same and not (state == "failed" and job.is_freed)
    if state == "running" or job.is_made or (is_same and state != "cancelled"):
        return number, state, True
    return number, "waiting", False


def insert_job(database: Database, job: NewJob, whole: int | None, tasks: dict[str, int], now: float) -> None:
    """Add a job that is not known, as a part of another if ``whole`` is its number; see ``add_job``."""
    task, span = task_texts(job.task)
    if task not in tasks:
        database.execute("INSERT OR IGNORE INTO tasks (task) VALUES (?)", (task,))
        row = database.execute("SELECT id FROM tasks WHERE task = ?", (task,)).fetchone()
        tasks[task] = row[0]
    values = (
        os.fsencode(job.source), os.fsencode(job.output), tasks[task], span,
        identity_text(job.identity), now, whole,
    )  # fmt: skip
    database.execute(
        "INSERT INTO jobs (source, output, task, span, identity, state, changed, whole)"
        " VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?)",
        values,
    )
