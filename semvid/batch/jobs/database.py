"""The file of a store of jobs: its tables, their version, and changes made together or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from semvid.core.errors import OutputError
from semvid.core.text import reason

VERSION = 2
"""Of the tables; a store of another one is refused."""
_BUSY_SECONDS = 60.0
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


class Database(sqlite3.Connection):
    """A connection to the file.

    Args:
        path: The file; it is made if it is missing.

    Raises:
        OutputError: It cannot be opened or written, or is of another semvid.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self.told():
            super().__init__(path, timeout=_BUSY_SECONDS, isolation_level=None)
            # Readers do not wait for writers; where that is not to be had, as on network drives, they do.
            self.execute("PRAGMA journal_mode = WAL")
            self.execute("PRAGMA synchronous = NORMAL")
            self.execute("PRAGMA foreign_keys = ON")
            with self.changing():
                found = self.execute("PRAGMA user_version").fetchone()[0]
                if not found:
                    for statement in _TABLES.split(";\n"):
                        self.execute(statement)
                    self.execute(f"PRAGMA user_version = {VERSION}")
        if found not in {0, VERSION}:
            self.close()
            remedy = "install a newer one" if found > VERSION else "move it away to begin anew"
            raise OutputError(f"{path} has version {found}, and this semvid reads {VERSION}; {remedy}")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Make all changes in the block, or none."""
        with self.told():
            self.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self.execute("ROLLBACK")
                raise
            self.execute("COMMIT")

    @contextmanager
    def told(self) -> Iterator[None]:
        """Have errors of the block say which file cannot be used."""
        try:
            yield
        except sqlite3.Error as error:
            raise OutputError(
                f"the list of jobs {self.path} cannot be used: {reason(error)}; check its folder"
            ) from error
