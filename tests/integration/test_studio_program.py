"""``semvid studio`` as a program: it ends by signals, and loses nothing of its queue."""

import re
import signal
import subprocess
import time
from types import SimpleNamespace

import pytest

pytest.importorskip("starlette", reason="the extra web is not installed")
pytest.importorskip("uvicorn", reason="the extra web is not installed")

from clips import make_clip
from program import PROGRAM
from studio_pages import PATIENCE, Client

from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore

CHOICES = {"model": "spectral", "preset": "superfast"}


@pytest.fixture
def program(tmp_path):
    """A studio of two clips, and somebody who has its page."""
    for name in ("a.mp4", "b.mp4"):
        make_clip(tmp_path / name, num_frames=100)
    command = [*PROGRAM, "studio", "--no-browser", str(tmp_path)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=tmp_path
    ) as child:
        link = re.search(r"http://\S+", child.stdout.readline())[0]
        yield SimpleNamespace(
            child=child, client=Client(SimpleNamespace(url=link, link=link)), folder=tmp_path
        )
        child.kill()


def put_into_queue(program, name):
    video = program.client.open(name)
    assert program.client.json("POST", f"/api/video/{video['id']}/queue", CHOICES)[0] == 200


def end(program, *signals):
    """Send signals; return the exit code and what was said."""
    for one in signals:
        program.child.send_signal(one)
    said, _ = program.child.communicate(timeout=PATIENCE)
    return program.child.returncode, said


def test_ctrl_c_finishes_what_is_in_hand_and_tells_what_waits(program):
    put_into_queue(program, "a.mp4")
    put_into_queue(program, "b.mp4")
    deadline = time.monotonic() + PATIENCE
    while not any(one["state"] == "running" for one in program.client.json("GET", "/api/queue")[1]["jobs"]):
        assert time.monotonic() < deadline
    code, said = end(program, signal.SIGINT)
    assert code == 0
    with JobStore(program.folder / WORK_FOLDER / STORE) as store:
        states = [one.state for one in store.entries()]
    assert set(states) <= {"done", "waiting"}
    # How much was done by then is the machine's.
    waiting = states.count("waiting")
    assert ("wait" in said.splitlines()[-1]) == bool(waiting)
    assert {path.name for path in program.folder.glob("*.semvid.mp4")} == {
        f"{name}.semvid.mp4" for name, state in zip("ab", states, strict=True) if state == "done"
    }


def test_other_signals_end_it_at_once(program):
    assert end(program, signal.SIGTERM)[0] == 143
