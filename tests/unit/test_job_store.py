"""No job is lost or done twice, whoever dies when."""

import json
import os
import sqlite3
from collections import Counter
from pathlib import Path

import apart
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from semvid.batch.jobs.identity import Identity, identify
from semvid.batch.jobs.records import NewJob
from semvid.batch.jobs.store import LEASE_SECONDS, JobStore
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
        for number in range(3):
            assert store.take(f"process {number}", 3).id == 1
            now[0] += LEASE_SECONDS + 1
        assert store.take("the last", 3).id == 2
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
    store.work_on([3])
    assert store.is_any_left()
    assert store.take("me", 1).id == 3
    assert store.take("me", 1) is None
    store.settle(3, "me", "done")
    assert not store.is_any_left()
    store.work_on([1, 2])
    assert [store.take("me", 1).id, store.take("me", 1).id, store.take("me", 1)] == [1, 2, None]


def test_parts_of_what_is_worked_on_are_taken_and_forgotten_when_it_is_done(store):
    store.add([job(number) for number in range(3)])
    store.work_on([2])
    assert store.take("me", 1).id == 2
    assert store.divide(2, "me", [job(f"part{one}", task={"span": [one, one + 1]}) for one in range(2)])
    parts = [store.take("me", 1), store.take("you", 1)]
    assert [(one.whole, one.task) for one in parts] == [(2, {"span": [0, 1]}), (2, {"span": [1, 2]})]
    assert store.take("me", 1) is None, "it waits for its parts"
    assert store.settle(parts[0].id, "me", "done")
    assert store.take("me", 1) is None
    assert store.settle(parts[1].id, "you", "done")
    assert store.take("me", 1).id == 2
    assert len(list(store.entries(of_whole=2))) == 2
    assert store.settle(2, "me", "done")
    assert not list(store.entries(of_whole=2))
    assert not store.is_any_left()


def test_who_was_silent_for_long_is_not_handed_his_own_jobs(tmp_path):
    now = [0.0]
    with JobStore(tmp_path / "jobs.sqlite", lambda: now[0]) as store:
        store.add([job(1), job(2), job(3)])
        assert store.take("me", 3).id == 1
        now[0] += LEASE_SECONDS + 1
        assert store.take("me", 3).id == 2
        assert store.take("you", 3).id == 3, "who asked is alive"


def test_a_job_that_is_noted_is_not_taken_before_its_output_has_its_name(tmp_path):
    now = [0.0]
    with JobStore(tmp_path / "jobs.sqlite", lambda: now[0]) as store:
        store.add([job(1)])
        store.take("me", 3)
        now[0] += LEASE_SECONDS + 1
        assert store.note(1, "me", {"output_bytes": 5})
        assert store.take("you", 3) is None
        now[0] += LEASE_SECONDS + 1
        assert store.take("you", 3).id == 1
        assert not store.note(1, "me", {"output_bytes": 5})


def test_names_need_not_be_text(store):
    name = Path(os.fsdecode(b"/in/\xff.mp4"))
    store.add([NewJob(name, name, {"name": str(name)}, SEEN)])
    taken = store.take("me", 1)
    assert taken.source == taken.output == Path(taken.task["name"]) == name


@pytest.mark.parametrize(
    ("version", "remedy"), [(9, "install a newer one"), (1, "move it away to begin anew")]
)
def test_a_store_of_another_version_is_refused(tmp_path, version, remedy):
    path = tmp_path / "jobs.sqlite"
    with sqlite3.connect(path) as database:
        database.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(OutputError, match=f"has version {version}, and this semvid reads 2; {remedy}"):
        JobStore(path)


def test_what_is_no_store_is_refused(tmp_path):
    path = tmp_path / "jobs.sqlite"
    path.write_bytes(b"text" * 1000)
    with pytest.raises(OutputError, match="cannot be used: file is not a database"):
        JobStore(path)


def test_no_question_goes_through_all_jobs(store):
    """Each search is by an index, whatever waits and runs; only lists read all, in their order."""
    store.add([job(number) for number in range(20)])
    store.work_on(range(1, 20))
    asked = []
    store._database.set_trace_callback(asked.append)
    taken = store.take("me", 3)
    store.divide(taken.id, "me", [job("part", task={"span": [0, None]})])
    part = store.take("me", 3)
    store.beat("me")
    store.note(part.id, "me", {"output_bytes": 1})
    store.settle(part.id, "me", "done")
    list(store.entries(of_whole=taken.id))
    store.is_any_left()
    store._database.set_trace_callback(None)
    searches = [one for one in asked if one.startswith(("SELECT", "UPDATE", "DELETE")) and "jobs" in one]
    assert len(searches) > 10
    for one in searches:
        plan = store._database.execute(f"EXPLAIN QUERY PLAN {one}").fetchall()
        assert not [step for *_, step in plan if step.startswith(("SCAN jobs", "SCAN part"))], (one, plan)
    everything = []
    store._database.set_trace_callback(everything.append)
    list(store.entries())
    store._database.set_trace_callback(None)
    (plan,) = store._database.execute(f"EXPLAIN QUERY PLAN {everything[0]}").fetchall()
    assert plan[-1] == "SCAN jobs", "in the order of the numbers, with nothing to sort"


def test_what_is_the_same_in_many_jobs_is_kept_once(store):
    store.add([job(number, task={"crf": 20 + number % 2, "span": None}) for number in range(50)])
    assert store._database.execute("SELECT count(*) FROM tasks").fetchone() == (2,)
    taken = store.take("me", 1)
    parts = [job(f"part{one}", task={"crf": 20, "span": [one, None]}) for one in range(5)]
    store.divide(taken.id, "me", parts)
    assert store._database.execute("SELECT count(*) FROM tasks").fetchone() == (2,)
    assert store.take("me", 1).task == {"crf": 20, "span": [0, None]}


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
            who, until = self.held.get(taken.id, ("", -1.0))
            assert until < self.now, "held by someone alive"
            assert who != holder, "his own"
            assert not self.settled[taken.id], "settled already"
            self.held[taken.id] = holder, self.now + LEASE_SECONDS
        self.renew(holder)

    def renew(self, holder):
        mine = {number for number, (who, _) in self.held.items() if who == holder}
        self.held.update(dict.fromkeys(mine, (holder, self.now + LEASE_SECONDS)))
        return mine

    @rule(holder=st.sampled_from("abc"))
    def beat(self, holder):
        assert self.store.beat(holder) == self.renew(holder)

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


def test_eight_processes_lose_none_and_double_none(tmp_path):
    path, log = tmp_path / "jobs.sqlite", tmp_path / "log"
    num_jobs = 60
    with JobStore(path) as store:
        store.add([job(number) for number in range(num_jobs)])
    started = [apart.begin(apart.take_all, path, log, 5 if one % 2 else 0) for one in range(8)]
    for one in started:
        one.join()
    assert {one.exitcode for one in started} <= {0, apart.KILLED}
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
    monkeypatch.setattr("semvid.batch.jobs.identity._digest", None)
    assert identify(path, known) is known


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InputMissingError, match="does not exist; check the path"):
        identify(tmp_path / "none.mp4")


def test_tasks_are_kept_as_they_are(store):
    task = {"schema": "semvid-job", "config": {"rate": {"kind": "crf", "value": 23.5}, "drop": ["audio"]}}
    store.add([job(1, task=task)])
    assert json.dumps(store.take("me", 1).task, sort_keys=True) == json.dumps(task, sort_keys=True)


def test_who_held_but_parts_is_known_too(store):
    store.add([job(1), job(2)])
    taken = store.take("me", 3)
    store.divide(taken.id, "me", [job("part", task={"span": [0, None]})])
    assert store.holders() == []
    part = store.take("killed", 3)
    assert part.whole == taken.id
    assert store.holders() == ["killed"]
    assert store.let_go("killed") == 1
    again = store.take("me", 3)
    assert (again.id, again.num_attempts) == (part.id, 1), "at once, and it was no attempt"
