"""What is asked of a store again and again: by an index each time, as there may be very many jobs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from semvid.batch.jobs.database import Database
from semvid.batch.jobs.records import STATES, State

_ASKED = (
    "SELECT jobs.id, source, output, tasks.task, span, identity, num_attempts, state, whole"
    " FROM jobs INDEXED BY {} JOIN tasks ON tasks.id = jobs.task WHERE "
)
_IS_WHOLE = (
    " AND NOT EXISTS (SELECT 1 FROM jobs AS part INDEXED BY unfinished_parts"
    " WHERE part.whole = jobs.id AND part.state != 'done')"
)
_LISTED = (
    "SELECT id, source, output, state, reason, num_attempts, holder, result, changed, made FROM jobs WHERE "
)
# Indices are named: left to choose, SQLite looks at all that wait to find no part among them.
_HELD_BY = _ASKED.format("jobs_by_holder") + "state = 'running' AND holder = ?"
_PART = _ASKED.format("parts_that_wait") + "whole IS NOT NULL AND state = 'waiting'"
_WAITING = _ASKED.format("jobs_by_state") + "state = 'waiting'" + _IS_WHOLE
UNFINISHED_JOBS = "SELECT 1 FROM jobs WHERE state IN ('waiting', 'running')"
AMONG = " AND jobs.id >= (SELECT min(id) FROM ours) AND coalesce(whole, jobs.id) IN (SELECT id FROM ours)"
"""Those among ``ours`` and their parts, which have higher numbers than what they are parts of."""


def next_to_take(database: Database, among: str, now: float) -> Any:
    """Return the row of what is to be taken next: what the dead held, then parts, then the rest.

    Args:
        database: The store's.
        among: ``AMONG``, or nothing for all jobs.
        now: Seconds of Unix time.
    """
    dead = database.execute("SELECT holder FROM holders WHERE held_until < ?", (now,)).fetchall()
    for query, values in [*((_HELD_BY, one) for one in dead), (_PART, ()), (_WAITING, ())]:
        row = database.execute(f"{query}{among} ORDER BY jobs.id LIMIT 1", values).fetchone()
        if row is not None:
            return row
    return None


def listing(
    states: Sequence[State], jobs: Sequence[int] | None, of_whole: int | None
) -> tuple[str, list[str]]:
    """Return the query for rows of ``Entry``, and its values; see ``JobStore.entries``."""
    # Only what is asked: by number alone, all is read in its order, and sorted no more.
    conditions, values = ["whole IS NULL"], []
    if of_whole is not None:
        conditions, values = ["whole = ?"], [str(of_whole)]
    if set(states) != set(STATES):
        conditions.append("state IN (SELECT value FROM json_each(?))")
        values.append(json.dumps(states))
    if jobs is not None:
        conditions.append("id IN (SELECT value FROM json_each(?))")
        values.append(numbers_text(jobs))
    return f"{_LISTED}{' AND '.join(conditions)} ORDER BY id", values


def numbers_text(jobs: Sequence[int]) -> str:
    """Write numbers of jobs as a value for ``json_each``."""
    return json.dumps([int(one) for one in jobs])
