"""Workers of this machine that die, wherever in their words, and who is taken for dead."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import time

import pytest

from semvid.batch.jobs import holders
from semvid.batch.tasks import local

HALF = 'import os, signal, sys; sys.stdin.readline(); os.write(1, b\'{"event": "prog\'); '
LIVES_ON = "sys.stdin.read(); print('cleaned up', file=sys.stderr); sys.exit(3)"
FLOOD = "[os.write(1, b'x' * 2**20 + b'\\n') for _ in range(8)]; " + LIVES_ON


@pytest.fixture
def worker(monkeypatch):
    """Make a worker that runs other Python, and what it tells."""
    made = []

    def make(code):
        def start_child(arguments, *, stderr):
            command = [sys.executable, "-c", code]
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr)

        monkeypatch.setattr(local, "start_child", start_child)
        told = queue.Queue()
        made.append(local._Worker(told))
        return made[-1], told

    yield make
    for one in made:
        one.close()


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (HALF + "os.kill(os.getpid(), signal.SIGKILL)", "its process ended with signal 9"),
        (HALF + "os.write(1, b'\\n'); " + LIVES_ON, "its process ended with exit code 3: cleaned up"),
        (HALF + "os.write(1, b'\\n'); " + FLOOD, "its process ended with exit code 3: cleaned up"),
    ],
    ids=["killed", "lives", "floods"],
)
def test_a_worker_that_ends_within_a_line_has_died(code, message, worker):
    made, told = worker(code)
    began = time.monotonic()
    assert made.begin(7, {})
    last = told.get(timeout=30)
    assert time.monotonic() - began < 8
    assert last.job == 7
    assert last.record["event"] == "died"
    assert last.record["message"].startswith(message)
    assert not made.begin(8, {}), "it takes no more"
    assert told.empty()


def test_only_processes_of_the_same_numbering_are_taken_for_dead(monkeypatch):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    ours = holders.new_holder()
    place, number, token = ours.rsplit(":", 2)
    assert int(number) == os.getpid()
    assert holders.may_live(ours)
    gone = f"{place}:{ended.pid}:{token}"
    assert not holders.may_live(gone)
    host = place.split(" ")[0]
    assert holders.may_live(f"{host}:{ended.pid}:{token}"), "of an earlier release"
    if " " in place:
        assert holders.may_live(f"{place[:-2]}0]:{ended.pid}:{token}"), "of another container"
        assert holders.may_live(f"{host} another-start {place.split(' ')[-1]}:{ended.pid}:{token}")


def test_without_what_linux_tells_the_name_has_to_do(monkeypatch):
    def is_missing(*given, **more):
        raise FileNotFoundError

    monkeypatch.setattr(holders.Path, "read_text", is_missing)
    monkeypatch.setattr(holders.os, "readlink", is_missing)
    monkeypatch.setattr(holders.socket, "gethostname", lambda: "mac")
    assert holders.new_holder().rsplit(":", 2)[0] == "mac"
