"""No job is lost or done twice, whoever dies when."""

import json
import multiprocessing
import os
import sqlite3
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from semvid.batch.identity import Identity, identify
from semvid.batch.job_records import NewJob
from semvid.batch.store import LEASE_SECONDS, JobStore
from semvid.core.errors import InputMissingError, OutputError

SEEN = Identity(10, 1, "aa")


def job(number, *, task=None, identity=SEEN):
    return NewJob(Path(f"/in/{number}.mp4"), Path(f"/out/{number}.mp4"), task or {"crf": 23}, identity)


@pytest.fixture
def store(tmp_path):
    with JobStore(tmp_path / "jobs.sqlite") as opened:
        yield opened


def test_a_job_goes_from_waiting_to_done(store):
    assert store.add([job(1), job(2)]) == ["waiting", "waiting"]
    taken = store.take("me", 3)
    assert (taken.source, taken.task, taken.num_attempts) == (Path("/in/1.mp4"), {"crf": 23}, 1)
    assert store.settle(taken.id, "me", "done", result={"output_bytes": 5})
    first, second = store.entries()
    assert (first.state, first.result, second.state) == ("done", {"output_bytes": 5}, "waiting")
    assert store.counts() == {
        "waiting": 1,
        "running": 0,
        "done": 1,
        "skipped": 0,
        "failed": 0,
        "cancelled": 0,
    }


def test_what_was_done_is_done_again_only_if_something_changed(store):
    store.add([job(1)])
    store.settle(store.take("me", 3).id, "me", "done")
    assert store.add([job(1)]) == ["done"]
    assert store.add([job(1, identity=Identity(10, 999, "aa"))]) == ["done"], "touched, and the same"
    assert store.add([job(1, task={"crf": 30})]) == ["waiting"]
    store.settle(store.take("me", 3).id, "me", "failed", "no video")
    assert store.add([job(1, task={"crf": 30})]) == ["failed"]
    assert store.add([job(1, task={"crf": 30}, identity=Identity(10, 2, "bb"))]) == ["waiting"]


def test_who_lost_a_job_cannot_settle_it(tmp_path):
    now = [0.0]
    with JobStore(tmp_path / "jobs.sqlite", lambda: now[0]) as store:
        store.add([job(1)])
        number = store.take("first", 3).id
        now[0] += LEASE_SECONDS - 1
        assert store.take("second", 3) is None
        assert store.beat("first") == {number}
        now[0] += LEASE_SECONDS + 1
        again = store.take("second", 3)
        assert (again.id, again.num_attempts) == (number, 2)
        assert not store.settle(number, "first", "done")
        assert store.beat("first") == set()
        assert store.settle(number, "second", "done")
        assert [one.state for one in store.entries()] == ["done"]


def test_what_kills_its_process_again_and_again_fails(tmp_path):
    now = [0.0]
    with JobStore(tmp_path / "jobs.sqlite", lambda: now[0]) as store:
        store.add([job(1), job(2)])
        for _ in range(3):
            assert store.take("me", 3).id == 1
            now[0] += LEASE_SECONDS + 1
        assert store.take("me", 3).id == 2
        failed = next(store.entries(["failed"]))
        assert failed.reason == "the process that worked on it died 3 times"


def test_an_interruption_is_no_attempt(store):
    store.add([job(1)])
    for _ in range(5):
        assert store.give_back(store.take("me", 1).id, "me")
    assert store.give_back(store.take("me", 2).id, "me", why="out of memory", counts=True)
    assert store.take("me", 2).num_attempts == 2


def test_retry_cancel_and_clean(store):
    store.add([job(number) for number in range(4)])
    store.settle(store.take("me", 1).id, "me", "failed", "no video")
    running = store.take("me", 1)
    assert store.cancel() == 2
    assert store.retry() == 1
    assert store.retry([4]) == 1
    assert store.retry([running.id]) == 0
    assert [one.state for one in store.entries()] == ["waiting", "running", "cancelled", "waiting"]
    assert store.clean(["cancelled", "waiting", "running"]) == 3
    assert [one.state for one in store.entries()] == ["running"]


def test_only_some_can_be_taken(store):
    store.add([job(number) for number in range(3)])
    assert store.take("me", 1, [3]).id == 3
    assert store.take("me", 1, [3]) is None


def test_names_need_not_be_text(store):
    name = Path(os.fsdecode(b"/in/\xff.mp4"))
    store.add([NewJob(name, name, {"name": str(name)}, SEEN)])
    taken = store.take("me", 1)
    assert taken.source == taken.output == Path(taken.task["name"]) == name


def test_a_store_of_a_later_version_is_refused(tmp_path):
    path = tmp_path / "jobs.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 9")
    with pytest.raises(OutputError, match="has version 9, and this semvid reads 1; install a newer one"):
        JobStore(path)


def test_what_is_no_store_is_refused(tmp_path):
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"text" * 1000)
    with pytest.raises(OutputError, match="cannot be used: file is not a database"):
        JobStore(path)


def test_a_hundred_thousand_jobs_are_counted_and_taken_without_a_scan(store):
    store.add(job(number) for number in range(2000))
    plans = [
        store._database.execute(f"EXPLAIN QUERY PLAN {query}", values).fetchall()
        for query, values in (
            ("SELECT id FROM jobs WHERE state = 'waiting' ORDER BY id LIMIT 1", ()),
            ("SELECT id FROM jobs WHERE state = 'running' AND held_until < ?", (0,)),
        )
    ]
    assert all("jobs_by_state" in str(plan) and "SCAN" not in str(plan) for plan in plans)


class Machine(RuleBasedStateMachine):
    """Holders take, beat, settle and die in any order; a model says what may be."""

    @initialize()
    def begin(self):
        self.now = 0.0
        self.store = JobStore(Path(":memory:"), lambda: self.now)
        self.store.add([job(number) for number in range(4)])
        self.held = {}
        self.settled = Counter()

    @rule(holder=st.sampled_from("abc"))
    def take(self, holder):
        taken = self.store.take(holder, 100)
        if taken is not None:
            _, until = self.held.get(taken.id, ("", -1.0))
            assert until < self.now, "held by someone alive"
            assert not self.settled[taken.id], "settled already"
            self.held[taken.id] = holder, self.now + LEASE_SECONDS

    @rule(holder=st.sampled_from("abc"))
    def beat(self, holder):
        mine = {number for number, (who, _) in self.held.items() if who == holder}
        assert self.store.beat(holder) == mine
        self.held.update(dict.fromkeys(mine, (holder, self.now + LEASE_SECONDS)))

    @rule(holder=st.sampled_from("abc"), number=st.integers(1, 4))
    def settle(self, holder, number):
        is_mine = self.held.get(number, ("", 0))[0] == holder
        assert self.store.settle(number, holder, "done") == is_mine
        if is_mine:
            self.settled[number] += 1
            del self.held[number]

    @rule(seconds=st.sampled_from([1.0, LEASE_SECONDS / 2, LEASE_SECONDS + 1]))
    def wait(self, seconds):
        self.now += seconds

    @invariant()
    def none_is_lost_or_done_twice(self):
        if hasattr(self, "store"):
            counts = self.store.counts()
            assert sum(counts.values()) == 4
            assert counts["done"] == len(self.settled)
            assert all(count == 1 for count in self.settled.values())

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()


TestMachine = Machine.TestCase


def _work(path, log, crash_every):
    """Do jobs until there are none; die on every so many without a word."""
    done = 0
    with JobStore(path, clock=lambda: time.time() * 600) as store:
        holder = f"{os.getpid()}"
        idle = 0
        while idle < 40:
            taken = store.take(holder, 1000)
            if taken is None:
                idle += 1
                time.sleep(0.01)
                continue
            idle = 0
            done += 1
            if crash_every and done % crash_every == 0:
                os._exit(1)
            if store.settle(taken.id, holder, "done"):
                with log.open("a") as file:
                    file.write(f"{taken.id}\n")


def test_eight_processes_lose_none_and_double_none(tmp_path):
    path, log = tmp_path / "jobs.sqlite", tmp_path / "log"
    num_jobs = 60
    with JobStore(path) as store:
        store.add([job(number) for number in range(num_jobs)])
    context = multiprocessing.get_context("fork")
    started = [context.Process(target=_work, args=(path, log, 5 if one % 2 else 0)) for one in range(8)]
    for one in started:
        one.start()
    for one in started:
        one.join()
    assert {one.exitcode for one in started} <= {0, 1}
    numbers = [int(one) for one in log.read_text().split()]
    assert sorted(numbers) == list(range(1, num_jobs + 1))
    with JobStore(path) as store:
        assert store.counts()["done"] == num_jobs


@settings(max_examples=30)
@given(st.binary(max_size=50), st.binary(max_size=50))
def test_files_are_told_apart_by_their_ends(tmp_path_factory, a, b):
    folder = tmp_path_factory.mktemp("files")
    first, second = folder / "a", folder / "b"
    first.write_bytes(a)
    second.write_bytes(b)
    assert identify(first).is_content_of(identify(second)) == (a == b)


def test_a_large_file_is_read_at_both_ends_alone(tmp_path, monkeypatch):
    path = tmp_path / "film"
    path.write_bytes(b"a" * (1 << 20) + b"-" * 100 + b"b" * (1 << 20))
    seen = identify(path)
    with path.open("r+b") as file:
        file.seek((1 << 20) + 50)
        file.write(b"+")
    assert identify(path).is_content_of(seen), "told by its time alone"
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"+")
    assert not identify(path).is_content_of(seen)
    known = identify(path)
    monkeypatch.setattr("semvid.batch.identity._digest", None)
    assert identify(path, known) is known


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputMissingError, match="does not exist; check the path"):
        identify(tmp_path / "none.mp4")


def test_tasks_are_kept_as_they_are(store):
    task = {"schema": "semvid-job", "config": {"rate": {"kind": "crf", "value": 23.5}, "drop": ["audio"]}}
    store.add([job(1, task=task)])
    assert json.dumps(store.take("me", 1).task, sort_keys=True) == json.dumps(task, sort_keys=True)
