"""Ctrl-C once ends a batch where it is best ended, twice at once, and the next run goes on to the same bytes."""

import contextlib
import importlib.util
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import ClassVar

import pytest
from batch_clips import make_film
from held_parts import HeldPart
from program import PROGRAM

from semvid.batch.films.borders import divide
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
PART_SECONDS = 10
OPTIONS = ["--preset", "superfast", "--probe", "none", "--model", "spectral", "--part-seconds", str(PART_SECONDS),
           "--threads", "1"]  # fmt: skip
ENGINES = ["local", pytest.param("ray", marks=pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray is not installed"
))]  # fmt: skip


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    """44 seconds, for four parts."""
    return make_film(tmp_path_factory.mktemp("film") / "film.mp4", num_frames=220, cut_at=59, rate=5)


@pytest.fixture(scope="module")
def order(film):
    """The numbers of its parts, from 1, in the order in which they are begun."""
    parts = divide(film, PART_SECONDS)
    return sorted(range(1, len(parts) + 1), key=lambda number: -parts[number - 1].seconds)


def command(film, output, *more):
    return [*PROGRAM, "batch", str(film), "-o", str(output), *OPTIONS, *more]


def outputs(folder):
    found = (one for one in folder.rglob("*") if one.is_file() and WORK_FOLDER not in one.parts)
    return {one.name: one.read_bytes() for one in found}


@pytest.fixture(scope="module")
def undisturbed(film, tmp_path_factory):
    output = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(command(film, output), check=True, stdout=subprocess.DEVNULL, cwd=output)
    return outputs(output)


@pytest.fixture(autouse=True)
def _nothing_stays_behind():
    """A test that fails leaves its batch, whose part may be held."""
    yield
    while Run.all:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(Run.all.pop().process.pid, signal.SIGKILL)


class Run:
    """A batch in a process group of its own, as a terminal has it; Ctrl-C goes to the whole group."""

    all: ClassVar[list["Run"]] = []

    def __init__(self, arguments, folder, environment):
        self.all.append(self)
        self.process = subprocess.Popen(
            [*arguments, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder,
            process_group=0, env=environment,
        )  # fmt: skip
        self.events, self.seen = queue.Queue(), []
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for line in self.process.stdout:
            self.events.put(json.loads(line))
        self.events.put(None)

    def until(self, kind, **wanted):
        while (event := self.events.get(timeout=120)) is not None:
            self.seen.append(event)
            if event["event"] == kind and all(event[key] == value for key, value in wanted.items()):
                return event
        raise AssertionError((self.process.wait(), self.process.stderr.read(), self.seen))

    def strike(self):
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self):
        code = self.process.wait(timeout=120)
        while (event := self.events.get(timeout=10)) is not None:
            self.seen.append(event)
        with self.process.stdout, self.process.stderr as stderr:
            return code, stderr.read()

    def kinds(self):
        return [one["event"] for one in self.seen]


def parts_done(output):
    with JobStore(output / WORK_FOLDER / STORE) as store:
        (whole,) = store.entries()
        assert whole.state == "waiting"
        return [one.state for one in store.entries(of_whole=whole.id)]


@pytest.mark.parametrize("engine", ENGINES)
def test_ctrl_c_once_finishes_parts_in_hand_and_begins_nothing(engine, film, order, undisturbed, tmp_path):
    output = tmp_path / "out"
    output.mkdir()
    page = tmp_path / "page.html"
    arguments = command(film, output, "--engine", engine, "--jobs", "1", "--report", str(page))
    # Without an address a batch starts Ray itself, whatever clusters are told of.
    held = HeldPart(tmp_path, order[0])
    run = Run(arguments, tmp_path, {**held.environment, "RAY_ADDRESS": "127.0.0.1:1"})
    held.wait_for()
    run.strike()
    run.until("stopping")
    held.let_go()
    code, stderr = run.end()
    assert code == 130, stderr
    assert "semvid: interrupted; 1 file waits; run the same command again to go on" in stderr
    assert run.seen[-1]["event"] == "batchended"
    assert run.seen[-1]["is_stopped"]
    assert '"is_stopped":true' in page.read_text()
    assert ',"waiting",' in page.read_text()
    began = [one["part"] for one in run.seen if one["event"] == "jobbegan"]
    assert began == [None, order[0]], "the film, to be divided, and the part that was in hand"
    assert run.kinds().count("partended") == 1
    assert parts_done(output) == ["done", *["waiting"] * 3]
    assert list((output / WORK_FOLDER).glob(".semvid-*")) == []
    again = subprocess.run(command(film, output), check=False, capture_output=True, text=True, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert outputs(output) == undisturbed


def test_ctrl_c_twice_stops_at_once(film, order, undisturbed, tmp_path):
    output = tmp_path / "out"
    page = tmp_path / "page.html"
    held = HeldPart(tmp_path, order[1])
    run = Run(command(film, output, "--jobs", "1", "--report", str(page)), tmp_path, held.environment)
    held.wait_for()
    run.strike()
    run.until("stopping")
    run.strike()
    code, stderr = run.end()
    assert code == 130, stderr
    assert ',"waiting",' in page.read_text(), "it is written all the same"
    assert stderr.endswith(
        "semvid: interrupted; what is finished is kept; run the same command again to go on\n"
    )
    assert parts_done(output) == ["done", *["waiting"] * 3]
    assert list((output / WORK_FOLDER).glob(".semvid-*")) == []
    again = subprocess.run(command(film, output), check=False, capture_output=True, text=True, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert outputs(output) == undisturbed


def test_people_are_told_what_ctrl_c_brings(film, order, tmp_path):
    held = HeldPart(tmp_path, order[0])
    process = subprocess.Popen(
        command(film, tmp_path / "out", "--jobs", "1"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path, env=held.environment,
    )  # fmt: skip
    held.wait_for()
    process.send_signal(signal.SIGINT)
    held.let_go()
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stderr
    assert "Ctrl-C again stops at once" in stderr
