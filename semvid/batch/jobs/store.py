"""What there is to do and what was done, in one SQLite file that several processes share.

A job waits, runs, and ends done, skipped, failed or cancelled. Whoever takes one holds it until a time that
he moves on while he works: if he dies, the time passes and another takes the job. Nobody can settle a job
that he does not hold any more, so each is settled once, however many took it. Every change is one
transaction.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from semvid.batch.jobs.adding import add_job, find_job, insert_job
from semvid.batch.jobs.database import Database
from semvid.batch.jobs.identity import Identity
from semvid.batch.jobs.queries import AMONG, UNFINISHED_JOBS, listing, next_to_take, numbers_text
from semvid.batch.jobs.records import STATES, Entry, NewJob, Settled, State, Taken, path_of
from semvid.batch.jobs.row_texts import read_identity, read_task, text_of
from semvid.core.text import counted

WORK_FOLDER, STORE = ".semvid", "jobs.sqlite"
"""A folder beside the outputs for what is unfinished, and the store in it."""
LEASE_SECONDS = 60.0
"""How long a job is held without a sign of life."""


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
        """Which jobs are worked on, in SQL."""
        self._database = Database(path)

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
        with self._database.changing():
            for one in jobs:
                states.append(add_job(self._database, one, tasks, self._clock(), again=again))
        return states

    def state_of(self, job: NewJob, *, again: bool = False) -> State:
        """Return the state that a job would be in if it was added."""
        with self._database.told():
            return find_job(self._database, job, again=again)[1]

    def work_on(self, jobs: Iterable[int]) -> None:
        """Have ``take`` and ``is_any_left`` know only some jobs and their parts, until the store is closed.

        Args:
            jobs: Their numbers; there may be very many.
        """
        with self._database.told():
            self._database.execute("CREATE TEMP TABLE IF NOT EXISTS ours (id INTEGER PRIMARY KEY)")
            with self._database.changing():
                self._database.execute("DELETE FROM ours")
                self._database.executemany("INSERT INTO ours VALUES (?)", ((one,) for one in jobs))
        self._among = AMONG

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
            with self._database.changing():
                now = self._clock()
                # First: who asks is alive, however long he was silent, and is not handed his own jobs.
                self._renew(holder, now)
                row = next_to_take(self._database, self._among, now)
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
                    number, path_of(source), path_of(output), read_task(task, span), read_identity(identity),
                    num_attempts + 1, whole,
                )  # fmt: skip

    def beat(self, holder: str) -> set[int]:
        """Give a sign of life for all jobs of a holder; returns those that are still his."""
        with self._database.changing():
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
        with self._database.changing():
            return self._give_up(job, holder, state, why, result)

    def give_back(self, job: int, holder: str, *, why: str = "", counts: bool = False) -> bool:
        """Let a job wait again; returns whether it was still the holder's.

        Args:
            job: Its number.
            holder: Who worked on it.
            why: What went wrong, in one line.
            counts: Whether it was an attempt; else it was interrupted.
        """
        with self._database.changing():
            return self._give_up(job, holder, "waiting", why, None, counts=counts)

    def note(self, job: int, holder: str, result: Mapping[str, Any]) -> bool:
        """Note what a job will come to, before its output gets its name; returns whether it is the holder's.

        Whoever finds that output in its place later knows that only the last word is missing. It is a sign of
        life: nobody takes the job before the output has its name.
        """
        with self._database.changing():
            self._renew(holder, self._clock())
            changed = self._database.execute(
                "UPDATE jobs SET result = ? WHERE id = ? AND holder = ? AND state = 'running'",
                (text_of(result), job, holder),
            )
            return changed.rowcount == 1

    def holders(self) -> list[str]:
        """Return who holds jobs, those of parts included."""
        with self._database.told():
            rows = self._database.execute("SELECT DISTINCT holder FROM jobs WHERE state = 'running'")
            return [holder for (holder,) in rows if holder is not None]

    def let_go(self, holder: str) -> int:
        """Let the jobs of a holder wait again, who is known to be dead; returns how many there were.

        That is no attempt: what crashes on a file is the process that works on it, not who holds the job.
        """
        with self._database.changing():
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
        with self._database.changing():
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
            (state, why, None if result is None else text_of(result), now, job),
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
        now = self._clock()
        numbers = None if jobs is None else numbers_text(jobs)
        with self._database.changing():
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
        with self._database.changing():
            return self._database.execute(
                "DELETE FROM jobs WHERE whole IS NULL AND state IN (SELECT value FROM json_each(?))"
                " AND NOT (state = 'done' AND coalesce(json_extract(result, '$.replaces'), 0))",
                (json.dumps(kept),),
            ).rowcount

    def forget(self, job: int) -> bool:
        """Forget a job that neither waits nor runs, as by ``clean``; returns whether it was there."""
        with self._database.changing():
            return bool(
                self._database.execute(
                    "DELETE FROM jobs WHERE id = ? AND whole IS NULL AND state NOT IN ('waiting', 'running')"
                    " AND NOT (state = 'done' AND coalesce(json_extract(result, '$.replaces'), 0))",
                    (job,),
                ).rowcount
            )

    def task_of(self, job: int) -> dict[str, Any]:
        """Return what is to be done in a job, as JSON; empty = there is no such job."""
        with self._database.told():
            row = self._database.execute(
                "SELECT tasks.task, span FROM jobs JOIN tasks ON tasks.id = jobs.task WHERE jobs.id = ?",
                (job,),
            ).fetchone()
        return {} if row is None else read_task(*row)

    def numbers_of(self, owner: str) -> list[int]:
        """Return the numbers of jobs whose task has this ``owner``; no parts."""
        with self._database.told():
            rows = self._database.execute(
                "SELECT jobs.id FROM jobs JOIN tasks ON tasks.id = jobs.task WHERE whole IS NULL"
                " AND json_extract(tasks.task, '$.owner') = ? ORDER BY jobs.id",
                (owner,),
            ).fetchall()
        return [number for (number,) in rows]

    def counts(self) -> dict[State, int]:
        """Return how many jobs are in each state."""
        with self._database.told():
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
        with self._database.told():
            rows = self._database.execute(*listing(states, jobs, of_whole))
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
        with self._database.changing():
            # In one step, or somebody else might take it without parts, and divide it again.
            if not self._give_up(job, holder, "waiting", "", None, counts=False):
                return False
            tasks: dict[str, int] = {}
            for one in parts:
                insert_job(self._database, one, job, tasks, self._clock())
            if known is not None and result is not None:
                self._database.execute("UPDATE jobs SET result = ? WHERE id = ?", (text_of(result), known))
            return True

    def is_any_left(self) -> bool:
        """Whether some of the jobs that are worked on, or parts of them, wait or run."""
        with self._database.told():
            row = self._database.execute(f"{UNFINISHED_JOBS}{self._among} LIMIT 1").fetchone()
        return row is not None

    def identity_of(self, output: Path) -> Identity | None:
        """Return what the source of a job was when it was added; None = no job has this output."""
        with self._database.told():
            row = self._database.execute(
                "SELECT identity FROM jobs WHERE output = ?", (os.fsencode(output),)
            ).fetchone()
        return None if row is None else read_identity(row[0])
