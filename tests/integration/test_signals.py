"""Signals at fixed moments; ``examples/benchmark/kills.py`` sends them at random ones."""

import os
import signal
import subprocess
import sys
import time

import pytest
from clips import make_clip
from program import HEAR, PROGRAM

EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return make_clip(tmp_path_factory.mktemp("signals") / "in.mkv", width=192, height=96, num_frames=200)


def said(number):
    by = "" if number == "SIGINT" else f" by {number}"
    return f"semvid: interrupted{by}; nothing unfinished was left behind\n"


@pytest.mark.parametrize("number", EXIT_CODES)
@pytest.mark.parametrize("moment", ["before the commands are loaded", "after they ran"])
def test_start_and_end(number, moment, tmp_path):
    strike = f"os.kill(os.getpid(), signal.{number})"
    code = HEAR + "import os\nfrom semvid.cli import main, streams\n"
    if moment == "after they ran":
        code += f"before = main._remove_leftovers\nmain._remove_leftovers = lambda: ({strike}, before())\n"
    else:
        code += f"before = main._run_app\nmain._run_app = lambda: ({strike}, before())[1]\n"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code + "main.run()", "--version"],
        capture_output=True,
        text=True,
        check=False,
    )
    # At the end everything was done.
    wanted = (0, "") if moment == "after they ran" else (EXIT_CODES[number], said(number))
    assert (done.returncode, done.stderr) == wanted


@pytest.mark.parametrize("slow", ["main._interrupted", "interrupts.ignore"])
def test_a_signal_put_off_while_something_is_imported_comes_once(slow, tmp_path):
    """A check may find it earlier; then it must not come again while the program ends."""
    (tmp_path / "struck.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGHUP)\n")
    code = HEAR + (
        "import sys, time\nfrom semvid.cli import main\nfrom semvid.core import interrupts\n"
        "main._run_app = lambda: (__import__('struck'), interrupts.check())\n"
        f"before = {slow}\n{slow} = lambda: (time.sleep(0.3), before())[1]\nmain.run()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (129, said("SIGHUP"))


@pytest.mark.parametrize("number", EXIT_CODES)
def test_two_in_a_row_while_frames_are_decoded(number, source, tmp_path):
    process = subprocess.Popen(
        [*PROGRAM, "compress", str(source), "-o", str(tmp_path / "out.mkv"), "--json", "--model", "spectral",
         "--preset", "placebo", "--save-maps", str(tmp_path / "m.svmap"), "--report", str(tmp_path / "r.html")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    for line in process.stdout:
        if '"progress"' in line:
            break
    process.send_signal(getattr(signal, number))
    process.send_signal(signal.SIGTERM if number == "SIGINT" else signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    # Of two that wait the system delivers the lower number first.
    assert process.returncode in EXIT_CODES.values()
    assert stderr in map(said, EXIT_CODES)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("kind", ["maps", "compare", "overlay"])
def test_every_product_ends_in_order(kind, source, tmp_path):
    arguments = {
        "maps": ["maps", str(source), "-o", str(tmp_path / "folder")],
        "overlay": ["overlay", str(source), "-o", str(tmp_path / "out.gif")],
        "compare": ["compare", str(source), str(source), "--csv", str(tmp_path / "out.csv")],
    }[kind]
    process = subprocess.Popen(
        [*PROGRAM, *arguments, "--model", "spectral"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and not os.listdir(tmp_path):
        time.sleep(0.002)
    process.send_signal(signal.SIGTERM)
    _, stderr = process.communicate(timeout=60)
    if process.returncode != 0:
        assert (process.returncode, stderr) == (143, said("SIGTERM"))
        assert os.listdir(tmp_path) == []


def test_an_ignored_hangup_stays_ignored(source, tmp_path):
    code = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\nimport os\nfrom semvid.cli import main\n"
    code += "before = main._run_app\nmain._run_app = lambda: (os.kill(os.getpid(), signal.SIGHUP), before())[1]\nmain.run()"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code, "--version"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
