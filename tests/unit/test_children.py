"""Programs we run end when we do, and tell how they ended."""

import os
import signal
import subprocess
import sys
import time

import pytest

from semvid.core.children import run_child, start_child

ONLY_POSIX = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")


def python(code):
    return [sys.executable, "-I", "-S", "-c", code]


def test_code_and_words_come_back_and_there_is_no_input(tmp_path):
    code = "import sys; print('no'); sys.stderr.write(repr(sys.stdin.read())); sys.exit(234)"
    assert run_child(python(code), tmp_path) == (234, "''")


@ONLY_POSIX
def test_a_crash_is_told_by_its_signal(tmp_path):
    assert run_child(python("import os; os.kill(os.getpid(), 11)"), tmp_path) == (-11, "")


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@ONLY_POSIX
def test_a_program_dies_with_us_even_if_we_are_killed(tmp_path):
    sleeper = "import os, time; open('pid', 'w').write(str(os.getpid()) + '.'); time.sleep(600)"
    code = f"from pathlib import Path; from semvid.core.children import run_child; run_child({python(sleeper)!r}, Path())"
    ours = subprocess.Popen([sys.executable, "-P", "-c", code], cwd=tmp_path)
    note = tmp_path / "pid"
    while not (note.exists() and note.read_text().endswith(".")):
        assert ours.poll() is None
        time.sleep(0.01)
    pid = int(note.read_text()[:-1])
    assert is_alive(pid)
    ours.send_signal(signal.SIGKILL)
    ours.wait()
    for _ in range(1000):
        if not is_alive(pid):
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    pytest.fail("the program outlived us")


@ONLY_POSIX
def test_ctrl_c_is_kept_from_a_child_from_its_first_moment_on():
    code = "import signal; print(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    with start_child(["-c", code], stderr=subprocess.PIPE) as child:
        told, _ = child.communicate()
    assert told == b"True\n"
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
