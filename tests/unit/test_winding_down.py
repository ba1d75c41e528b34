"""What a batch still finishes after the first Ctrl-C."""

from pathlib import Path

import pytest

from semvid.batch.jobs.heartbeat import beating
from semvid.batch.jobs.identity import Identity
from semvid.batch.jobs.records import NewJob
from semvid.batch.jobs.store import JobStore
from semvid.batch.run import Batch
from semvid.batch.tasks.pool import Told
from semvid.batch.winding_down import FINISH_SECONDS, Pace
from semvid.core import interrupts
from semvid.core.config import BatchConfig


def test_a_job_that_is_nearly_done_is_finished():
    pace = Pace(100.0)
    assert pace.is_done_by(160.0, 100.0), "nothing is known of it"
    pace.see(30, 40)
    assert pace.seconds_left(130.0) == pytest.approx(10)
    assert pace.is_done_by(160.0, 130.0)
    assert not pace.is_done_by(135.0, 130.0)
    pace.begin_stage("second pass", 130.0)
    assert pace.stage == "second pass"
    assert pace.seconds_left(131.0) is None
    assert pace.is_done_by(160.0, 131.0)
    assert not pace.is_done_by(160.0, 160.0), "it is late, whatever is known"
    pace.see(50, 40)
    assert pace.seconds_left(140.0) == 0


class FakePool:
    """Tells what a script says; ``None`` in it is a Ctrl-C."""

    def __init__(self, script, clock, num_workers=3):
        self.script, self.clock, self.broken_off, self.running, self.num_workers = (
            script,
            clock,
            set(),
            [],
            num_workers,
        )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    @property
    def num_free(self):
        return self.num_workers - len(self.running)

    def begin(self, taken, output, parts):
        self.running.append(taken.id)
        output.write_bytes(b"small")

    def break_off(self, jobs):
        self.broken_off |= set(jobs)
        self.running = [one for one in self.running if one not in jobs]

    def next(self, seconds):
        self.clock[0] += 10
        while self.script:
            number, record = self.script.pop(0)
            if number is None:
                interrupts._State.is_asked = True
                return None
            if number in self.running:
                if record["event"] == "ended":
                    self.running.remove(number)
                return Told(number, record)
        return None


DONE = {"event": "ended", "result": {"source_bytes": 9, "output_bytes": 5}}


def so_far(num_frames):
    return {"event": "progress", "num_frames": num_frames, "num_frames_from_header": 100}


@pytest.fixture
def run(tmp_path):
    source = tmp_path / "in.mkv"
    source.write_bytes(b"it is large")

    def run(num_files, script, num_parts=0):
        clock = [0.0]
        pool = FakePool(script, clock)
        with JobStore(tmp_path / "jobs.sqlite") as store:
            seen = Identity(9, 9, "")
            task = {"span": None, "part_seconds": 0}
            store.add([NewJob(source, tmp_path / f"{one}.mkv", task, seen) for one in range(num_files)])
            if num_parts:
                whole = store.take("me", 3)
                part = {"span": [0, 1], "part_seconds": 0}
                made = [NewJob(source, tmp_path / f"part{one}.mkv", part, seen) for one in range(num_parts)]
                assert store.divide(whole.id, "me", made)
            batch = Batch(store, BatchConfig(), {}, tmp_path, pool, clock=lambda: clock[0])
            events = list(batch.run())
            states = [one.state for one in store.entries()]
            parts = [one.state for one in store.entries(of_whole=1)] if num_parts else []
            attempts = [one.num_attempts for one in store.entries()]
        assert not list(Path(tmp_path).glob(".semvid-*"))
        return batch, pool, events, states, parts, attempts

    return run


def test_what_is_nearly_done_is_finished_and_the_rest_given_back(run):
    script = [(1, so_far(80)), (2, so_far(1)), (None, None), (1, DONE)]
    batch, pool, events, states, _, attempts = run(5, script)
    assert batch.is_stopped
    assert states == ["done", "waiting", "waiting", "waiting", "waiting"]
    assert attempts == [1, 0, 0, 0, 0], "what was given back was no attempt"
    assert pool.broken_off == {2, 3}
    stopping = next(one for one in events if type(one).__name__ == "Stopping")
    assert (stopping.num_finishing, stopping.num_given_back, stopping.seconds) == (2, 1, FINISH_SECONDS)
    given_back = [one.job for one in events if type(one).__name__ == "JobEnded" and one.state == "waiting"]
    assert given_back == [2, 3], "the third says nothing of itself until its time is up"


def test_parts_are_finished_however_long_they_take_and_nothing_is_begun(run):
    script = [
        (2, so_far(1)),
        (None, None),
        *[(2, so_far(one)) for one in range(2, 40)],
        (2, DONE),
        (3, DONE),
        (4, DONE),
    ]
    _, pool, events, states, parts, _ = run(1, script, num_parts=5)
    assert states == ["waiting"]
    assert parts == ["done", "done", "done", "waiting", "waiting"]
    assert not pool.broken_off
    assert [type(one).__name__ for one in events][-3:] == ["PartEnded"] * 3


def test_a_ctrl_c_after_the_last_file_changes_nothing(run):
    script = [(1, DONE), (None, None)]
    batch, _, events, states, _, _ = run(1, script)
    assert states == ["done"]
    assert not batch.is_stopped
    assert not any(type(one).__name__ == "Stopping" for one in events)


def test_a_job_is_held_through_a_step_that_takes_long(tmp_path, monkeypatch):
    monkeypatch.setattr("semvid.batch.jobs.heartbeat.LEASE_SECONDS", 0.04)
    path = tmp_path / "jobs.sqlite"
    with JobStore(path, clock=lambda: 0.0) as store:
        store.add([NewJob(Path("/in"), Path("/out"), {}, Identity(1, 1, ""))])
        store.take("me", 3)
        with beating(path, "me"):
            other = JobStore(path, clock=lambda: 1000.0)
            # By its own clock the time of whoever holds it is over, but for a sign of life.
            for _ in range(1000):
                taken = other.take("another", 3)
                if taken is None:
                    break
                assert other.give_back(taken.id, "another")
                store.take("me", 3)
            other.close()
        assert taken is None
