"""What there is to do and what was done, in one SQLite file that several processes share.

A job waits, runs, and ends done, skipped, failed or cancelled. Whoever takes one holds it until a time that
he moves on while he works: if he dies, the time passes and another takes the job. Nobody can settle a job
that he does not hold any more, so each is settled once, however many took it. Every change is one
transaction.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from semvid.batch.jobs.identity import Identity
from semvid.batch.jobs.records import STATES, Entry, NewJob, Settled, State, Taken, path_of
from semvid.core.errors import OutputError
from semvid.core.text import counted, reason

WORK_FOLDER, STORE = ".semvid", "jobs.sqlite"
"""A folder beside the outputs for what is unfinished, and the store in it."""
VERSION = 2
"""Of the tables; a store of another one is refused."""
LEASE_SECONDS = 60.0
"""How long a job is held without a sign of life."""
_BUSY_SECONDS = 60.0
_OWN = ("span", "part", "maps")
"""What differs in the tasks of a video's parts."""
_TABLES = """
CREATE TABLE tasks (
    id INTEGER PRIMARY KEY,
    task TEXT NOT NULL UNIQUE
);
CREATE TABLE jobs (
    id INTEGER PRIMARY KEY,
    source BLOB NOT NULL,
    output BLOB NOT NULL UNIQUE,
    task INTEGER NOT NULL REFERENCES tasks (id),
    span TEXT,
    identity TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    num_attempts INTEGER NOT NULL DEFAULT 0,
    holder TEXT,
    result TEXT,
    made TEXT,
    changed REAL NOT NULL,
    whole INTEGER REFERENCES jobs (id) ON DELETE CASCADE
);
CREATE INDEX jobs_by_whole ON jobs (whole) WHERE whole IS NOT NULL;
CREATE INDEX unfinished_parts ON jobs (whole) WHERE whole IS NOT NULL AND state != 'done';
CREATE INDEX parts_that_wait ON jobs (id) WHERE whole IS NOT NULL AND state = 'waiting';
CREATE INDEX jobs_by_state ON jobs (state, id);
CREATE INDEX jobs_by_holder ON jobs (holder) WHERE state = 'running';
CREATE TABLE holders (
    holder TEXT PRIMARY KEY,
    held_until REAL NOT NULL
);
CREATE TABLE attempts (
    job INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    holder TEXT NOT NULL,
    began REAL NOT NULL,
    ended REAL,
    outcome TEXT
);
CREATE INDEX attempts_by_job ON attempts (job);
"""
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
_UNFINISHED = "SELECT 1 FROM jobs WHERE state IN ('waiting', 'running')"
_AMONG = " AND jobs.id >= (SELECT min(id) FROM ours) AND coalesce(whole, jobs.id) IN (SELECT id FROM ours)"


class JobStore:
    """A store, opened; a context manager. Each thread and each process has its own.

    Args:
        path: The file; it is made if it is missing.
        clock: Seconds of Unix time.

    Raises:
        OutputError: It cannot be opened or written, or is of another semvid.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self.path, self._clock = path, clock
        self._among = ""
        """Which jobs are worked on, in SQL; parts have higher numbers than what they are parts of."""
        with self._told():
            self._database = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
            # Readers do not wait for writers; where that is not to be had, as on network drives, they do.
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("PRAGMA foreign_keys = ON")
            with self._changing():
                found = self._database.execute("PRAGMA user_version").fetchone()[0]
                if not found:
                    for statement in _TABLES.split(";\n"):
                        self._database.execute(statement)
                    self._database.execute(f"PRAGMA user_version = {VERSION}")
        if found not in {0, VERSION}:
            self.close()
            remedy = "install a newer one" if found > VERSION else "move it away to begin anew"
            raise OutputError(f"{path} has version {found}, and this semvid reads {VERSION}; {remedy}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def add(self, jobs: Iterable[NewJob], *, again: bool = False) -> list[State]:
        """Add jobs, and return in which state each is then.

        One that is known by its output keeps its state, unless its source or what is to be done has changed,
        or it was cancelled, or ``again`` is true: then it waits again. What is running stays so.
        """
        states: list[State] = []
        tasks: dict[str, int] = {}
        with self._changing():
            for one in jobs:
                states.append(self._add(one, tasks, again=again))
        return states

    def state_of(self, job: NewJob, *, again: bool = False) -> State:
        """Return the state that a job would be in if it was added."""
        with self._told():
            return self._found(job, again=again)[1]

    def _add(self, job: NewJob, tasks: dict[str, int], *, again: bool) -> State:
        number, state, is_kept = self._found(job, again=again)
        if not is_kept:
            row = self._database.execute("SELECT made FROM jobs WHERE id = ?", (number,)).fetchone()
            # With its parts, which were of what there was before.
            self._database.execute("DELETE FROM jobs WHERE id = ?", (number,))
            self._insert(job, None, tasks)
            if row is not None:
                # The output stays ours until there is another.
                self._database.execute(
                    "UPDATE jobs SET made = ? WHERE output = ?", (row[0], os.fsencode(job.output))
                )
        return state

    def _found(self, job: NewJob, *, again: bool) -> tuple[int | None, State, bool]:
        """Return the number of a job that is known, the state it keeps or gets, and whether it is kept."""
        known = self._database.execute(
            "SELECT jobs.id, tasks.task, span, identity, state FROM jobs JOIN tasks ON tasks.id = jobs.task"
            " WHERE output = ?",
            (os.fsencode(job.output),),
        ).fetchone()
        if known is None:
            return None, "waiting", False
        number, old_task, old_span, old_identity, state = known
        is_same = (old_task, old_span) == _task_texts(job.task)
        if state in {"done", "skipped"}:
            is_same = is_same and _identity(old_identity).is_content_of(job.identity)
        else:
            # What is still to be done is to be done with the file as it is: its middle may have changed.
            is_same = is_same and _identity(old_identity) == job.identity
        is_same = is_same and not again and not (state == "done" and job.is_lost)
        is_same = is_same and not (state == "failed" and job.is_freed)
        if state == "running" or job.is_made or (is_same and state != "cancelled"):
            return number, state, True
        return number, "waiting", False

    def _insert(self, job: NewJob, whole: int | None, tasks: dict[str, int]) -> None:
        """Add a job; ``tasks`` has the numbers of those that were met before in this transaction."""
        task, span = _task_texts(job.task)
        if task not in tasks:
            self._database.execute("INSERT OR IGNORE INTO tasks (task) VALUES (?)", (task,))
            row = self._database.execute("SELECT id FROM tasks WHERE task = ?", (task,)).fetchone()
            tasks[task] = row[0]
        values = (
            os.fsencode(job.source), os.fsencode(job.output), tasks[task], span,
            _text(_plain(job.identity)), self._clock(), whole,
        )  # fmt: skip
        self._database.execute(
            "INSERT INTO jobs (source, output, task, span, identity, state, changed, whole)"
            " VALUES (?, ?, ?, ?, ?, 'waiting', ?, ?)",
            values,
        )

    def work_on(self, jobs: Iterable[int]) -> None:
        """Have ``take`` and ``is_any_left`` know only some jobs and their parts, until the store is closed.

        Args:
            jobs: Their numbers; there may be very many.
        """
        with self._told():
            self._database.execute("CREATE TEMP TABLE IF NOT EXISTS ours (id INTEGER PRIMARY KEY)")
            with self._changing():
                self._database.execute("DELETE FROM ours")
                self._database.executemany("INSERT INTO ours VALUES (?)", ((one,) for one in jobs))
        self._among = _AMONG

    def take(self, holder: str, most_attempts: int) -> Taken | None:
        """Take the next job that waits, or whose holder has died; it is a sign of life, too.

        A job whose holders died ``most_attempts`` times is failed on the way, and not taken.

        Args:
            holder: Who works on it.
            most_attempts: At least 1.

        Returns:
            The job; None = there is none.
        """
        while True:
            with self._changing():
                now = self._clock()
                # First: who asks is alive, however long he was silent, and is not handed his own jobs.
                self._renew(holder, now)
                row = self._next(now)
                if row is None:
                    return None
                number, source, output, task, span, identity, num_attempts, state, whole = row
                if state == "running":
                    self._end_attempt(number, "died", now)
                if num_attempts >= most_attempts:
                    times = counted(num_attempts, "time")
                    self._set(number, "failed", f"the process that worked on it died {times}", None, now)
                    continue
                self._database.execute(
                    "UPDATE jobs SET state = 'running', holder = ?, reason = '',"
                    " num_attempts = num_attempts + 1, changed = ? WHERE id = ?",
                    (holder, now, number),
                )
                self._database.execute(
                    "INSERT INTO attempts (job, holder, began) VALUES (?, ?, ?)", (number, holder, now)
                )
                return Taken(
                    number, path_of(source), path_of(output), _task(task, span), _identity(identity),
                    num_attempts + 1, whole,
                )  # fmt: skip

    def _next(self, now: float) -> Any:
        """Return what is to be taken next: what the dead held, then parts, then the rest."""
        dead = self._database.execute("SELECT holder FROM holders WHERE held_until < ?", (now,)).fetchall()
        for query, values in [*((_HELD_BY, one) for one in dead), (_PART, ()), (_WAITING, ())]:
            row = self._database.execute(f"{query}{self._among} ORDER BY jobs.id LIMIT 1", values).fetchone()
            if row is not None:
                return row
        return None

    def beat(self, holder: str) -> set[int]:
        """Give a sign of life for all jobs of a holder; returns those that are still his."""
        with self._changing():
            self._renew(holder, self._clock())
            rows = self._database.execute(
                "SELECT id FROM jobs WHERE holder = ? AND state = 'running'", (holder,)
            )
            return {number for (number,) in rows}

    def _renew(self, holder: str, now: float) -> None:
        """Move on the time until which a holder's jobs are his: one row, however many he has."""
        until = now + LEASE_SECONDS
        known = self._database.execute(
            "UPDATE holders SET held_until = ? WHERE holder = ?", (until, holder)
        ).rowcount
        if not known:
            self._database.execute(
                "DELETE FROM holders WHERE held_until < ? AND NOT EXISTS"
                " (SELECT 1 FROM jobs WHERE state = 'running' AND jobs.holder = holders.holder)",
                (now,),
            )
            self._database.execute("INSERT INTO holders VALUES (?, ?)", (holder, until))

    def settle(
        self, job: int, holder: str, state: Settled, why: str = "", result: Mapping[str, Any] | None = None
    ) -> bool:
        """End a job; returns whether it was still the holder's, else nothing is changed.

        Args:
            job: Its number.
            holder: Who works on it.
            state: What became of it.
            why: In one line, unless it is done.
            result: What came of it, as JSON.
        """
        with self._changing():
            return self._give_up(job, holder, state, why, result)

    def give_back(self, job: int, holder: str, *, why: str = "", counts: bool = False) -> bool:
        """Let a job wait again; returns whether it was still the holder's.

        Args:
            job: Its number.
            holder: Who worked on it.
            why: What went wrong, in one line.
            counts: Whether it was an attempt; else it was interrupted.
        """
        with self._changing():
            return self._give_up(job, holder, "waiting", why, None, counts=counts)

    def note(self, job: int, holder: str, result: Mapping[str, Any]) -> bool:
        """Note what a job will come to, before its output gets its name; returns whether it is the holder's.

        Whoever finds that output in its place later knows that only the last word is missing. It is a sign of
        life: nobody takes the job before the output has its name.
        """
        with self._changing():
            self._renew(holder, self._clock())
            changed = self._database.execute(
                "UPDATE jobs SET result = ? WHERE id = ? AND holder = ? AND state = 'running'",
                (_text(result), job, holder),
            )
            return changed.rowcount == 1

    def holders(self) -> list[str]:
        """Return who holds jobs, those of parts included."""
        with self._told():
            rows = self._database.execute("SELECT DISTINCT holder FROM jobs WHERE state = 'running'")
            return [holder for (holder,) in rows if holder is not None]

    def let_go(self, holder: str) -> int:
        """Let the jobs of a holder wait again, who is known to be dead; returns how many there were.

        That is no attempt: what crashes on a file is the process that works on it, not who holds the job.
        """
        with self._changing():
            now = self._clock()
            rows = self._database.execute(
                "SELECT id FROM jobs WHERE holder = ? AND state = 'running'", (holder,)
            ).fetchall()
            for (number,) in rows:
                self._end_attempt(number, "died", now)
                self._database.execute(
                    "UPDATE jobs SET state = 'waiting', holder = NULL, changed = ?,"
                    " num_attempts = num_attempts - 1 WHERE id = ?",
                    (now, number),
                )
            return len(rows)

    def settle_made(self, job: int) -> None:
        """End a job that waits, and whose output was found in its place, as it was noted."""
        with self._changing():
            self._database.execute(
                "UPDATE jobs SET state = 'done', reason = '', changed = ? WHERE id = ? AND state = 'waiting'"
                " AND result IS NOT NULL",
                (self._clock(), job),
            )
            self._note_made(job)
            self._forget_parts(job)

    def _give_up(
        self,
        job: int,
        holder: str,
        state: State,
        why: str,
        result: Mapping[str, Any] | None,
        *,
        counts: bool = True,
    ) -> bool:
        """See ``settle`` and ``give_back``; within a transaction."""
        row = self._database.execute(
            "SELECT result FROM jobs WHERE id = ? AND holder = ? AND state = 'running'", (job, holder)
        ).fetchone()
        if row is None:
            return False
        now = self._clock()
        self._end_attempt(job, why or state, now)
        if state == "waiting":
            # What was noted stays: the output may have got its name.
            result = None if row[0] is None else json.loads(row[0])
        if not counts:
            self._database.execute("UPDATE jobs SET num_attempts = num_attempts - 1 WHERE id = ?", (job,))
        self._set(job, state, why, result, now)
        return True

    def _end_attempt(self, job: int, outcome: str, now: float) -> None:
        self._database.execute(
            "UPDATE attempts SET ended = ?, outcome = ? WHERE job = ? AND ended IS NULL", (now, outcome, job)
        )

    def _set(self, job: int, state: State, why: str, result: Mapping[str, Any] | None, now: float) -> None:
        self._database.execute(
            "UPDATE jobs SET state = ?, reason = ?, result = ?, holder = NULL, changed = ? WHERE id = ?",
            (state, why, None if result is None else _text(result), now, job),
        )
        if state == "failed":
            self._fail_whole(job, why, now)
        if state == "done":
            self._note_made(job)
            self._forget_parts(job)

    def _note_made(self, job: int) -> None:
        """Remember what the output is, beyond what becomes of the job later."""
        self._database.execute(
            "UPDATE jobs SET made = json_extract(result, '$.output') WHERE id = ? AND result IS NOT NULL",
            (job,),
        )

    def _forget_parts(self, whole: int) -> None:
        self._database.execute("DELETE FROM jobs WHERE whole = ?", (whole,))

    def _fail_whole(self, part: int, why: str, now: float) -> None:
        """Fail what cannot be put together any more, and leave the parts that wait undone."""
        row = self._database.execute(
            "SELECT whole, json_type(tasks.task, '$.solves') IS NOT NULL"
            " FROM jobs JOIN tasks ON tasks.id = jobs.task WHERE jobs.id = ?",
            (part,),
        ).fetchone()
        if row is None or row[0] is None:
            return
        self._database.execute(
            "UPDATE jobs SET state = 'failed', reason = ?, changed = ? WHERE id = ? AND state = 'waiting'",
            (why if row[1] else f"a part of it failed: {why}", now, row[0]),
        )
        self._database.execute(
            "UPDATE jobs SET state = 'cancelled', changed = ? WHERE whole = ? AND state = 'waiting'",
            (now, row[0]),
        )

    def retry(self, jobs: Sequence[int] | None = None) -> int:
        """Let jobs that failed or were cancelled wait again; returns how many.

        Args:
            jobs: Their numbers; None = all that failed.
        """
        return self._move(jobs, ("failed",) if jobs is None else ("failed", "cancelled"), "waiting")

    def cancel(self, jobs: Sequence[int] | None = None) -> int:
        """Cancel jobs that wait; returns how many. What runs is left to end.

        Args:
            jobs: Their numbers; None = all.
        """
        return self._move(jobs, ("waiting",), "cancelled")

    def _move(self, jobs: Sequence[int] | None, states: Sequence[State], state: State) -> int:
        numbers, now = _numbers(jobs), self._clock()
        with self._changing():
            moved = self._database.execute(
                "UPDATE jobs SET state = ?, reason = '', num_attempts = 0, result = NULL, changed = ?"
                " WHERE state IN (SELECT value FROM json_each(?)) AND whole IS NULL"
                " AND (? IS NULL OR id IN (SELECT value FROM json_each(?)))",
                (state, now, json.dumps(states), numbers, numbers),
            ).rowcount
            self._database.execute(
                "UPDATE jobs SET state = ?, reason = '', num_attempts = 0, changed = ?"
                " WHERE state IN ('waiting', 'failed', 'cancelled')"
                " AND whole IN (SELECT id FROM jobs WHERE state = ?)",
                (state, now, state),
            )
            return moved

    def clean(self, states: Sequence[State]) -> int:
        """Forget jobs in these states, which must not run; returns how many.

        Those whose outputs have the places of their sources stay: else these would be compressed again.
        """
        kept = [one for one in states if one != "running"]
        with self._changing():
            return self._database.execute(
                "DELETE FROM jobs WHERE whole IS NULL AND state IN (SELECT value FROM json_each(?))"
                " AND NOT (state = 'done' AND coalesce(json_extract(result, '$.replaces'), 0))",
                (json.dumps(kept),),
            ).rowcount

    def counts(self) -> dict[State, int]:
        """Return how many jobs are in each state."""
        with self._told():
            rows = self._database.execute(
                "SELECT state, count(*) FROM jobs WHERE whole IS NULL GROUP BY state"
            ).fetchall()
        return {one: dict(rows).get(one, 0) for one in STATES}

    def entries(
        self,
        states: Sequence[State] = STATES,
        jobs: Sequence[int] | None = None,
        *,
        of_whole: int | None = None,
    ) -> Iterator[Entry]:
        """Yield jobs by number, as they are now; those that are parts only where they are asked for.

        Args:
            states: Those they may be in.
            jobs: Their numbers; None = all.
            of_whole: The number of the job whose parts are wanted; None = no parts.
        """
        # Only what is asked: by number alone, all is read in its order, and sorted no more.
        conditions, values = ["whole IS NULL"], []
        if of_whole is not None:
            conditions, values = ["whole = ?"], [str(of_whole)]
        if set(states) != set(STATES):
            conditions.append("state IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(states))
        if jobs is not None:
            conditions.append("id IN (SELECT value FROM json_each(?))")
            values.append(json.dumps([int(one) for one in jobs]))
        with self._told():
            rows = self._database.execute(f"{_LISTED}{' AND '.join(conditions)} ORDER BY id", values)
            yield from map(Entry._make, rows)

    def divide(
        self,
        job: int,
        holder: str,
        parts: Sequence[NewJob],
        known: int | None = None,
        result: Mapping[str, Any] | None = None,
    ) -> bool:
        """Let a job wait for parts of it to be done; returns whether it was still the holder's.

        Args:
            job: Its number.
            holder: Who works on it.
            parts: Those that are to be done; others may be done already.
            known: The number of a part that is done, whose result changes with it; None = there is none.
            result: That result, as JSON.
        """
        with self._changing():
            # In one step, or somebody else might take it without parts, and divide it again.
            if not self._give_up(job, holder, "waiting", "", None, counts=False):
                return False
            tasks: dict[str, int] = {}
            for one in parts:
                self._insert(one, job, tasks)
            if known is not None and result is not None:
                self._database.execute("UPDATE jobs SET result = ? WHERE id = ?", (_text(result), known))
            return True

    def is_any_left(self) -> bool:
        """Whether some of the jobs that are worked on, or parts of them, wait or run."""
        with self._told():
            row = self._database.execute(f"{_UNFINISHED}{self._among} LIMIT 1").fetchone()
        return row is not None

    def identity_of(self, output: Path) -> Identity | None:
        """Return what the source of a job was when it was added; None = no job has this output."""
        with self._told():
            row = self._database.execute(
                "SELECT identity FROM jobs WHERE output = ?", (os.fsencode(output),)
            ).fetchone()
        return None if row is None else _identity(row[0])

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Make all changes in the block, or none."""
        with self._told():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"the list of jobs {self.path} cannot be used: {reason(error)}; check its folder"
            ) from error


def _numbers(jobs: Sequence[int] | None) -> str | None:
    return None if jobs is None else json.dumps([int(one) for one in jobs])


def _task_texts(task: Mapping[str, Any]) -> tuple[str, str | None]:
    """Write a task as JSON, and apart from it what differs among the parts of a video."""
    if not task.get("span"):
        return _text(task), None
    own = {name: task[name] for name in _OWN if name in task}
    return _text({**task, **dict.fromkeys(own)}), _text(own)


def _task(task: str, span: str | None) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(task)
    return read if span is None else {**read, **json.loads(span)}


def _plain(identity: Identity) -> dict[str, Any]:
    return {"size": identity.size, "mtime_ns": identity.mtime_ns, "digest": identity.digest}


def _identity(text: str) -> Identity:
    return Identity(**json.loads(text))


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, separators=(",", ":"), sort_keys=True, allow_nan=False)
