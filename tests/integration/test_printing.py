"""A job that is done does not fail because something could not be printed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from clips import make_clip
from terminal import run_in_terminal

PROGRAM = [sys.executable, "-P", "-c", "from semvid.cli.main import run; run()"]
FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("printing")
    make_clip(folder / "Zürich \u2603.mkv", width=192, height=96, num_frames=6)
    return folder


SOURCE = "Zürich \u2603.mkv"
QUICK = ["--model", "spectral", "--preset", "superfast", "-y"]


def run(arguments, folder, **options):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run([*PROGRAM, *arguments], cwd=folder, check=False, timeout=120, **options)


def test_terminals_of_ascii(folder):
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    done = run(["compress", SOURCE, "-o", "a\u2603.mkv", *QUICK], folder, env=ascii_only)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.startswith(rb"a\u2603.mkv: ")
    shown = run(["compare", SOURCE, "a\u2603.mkv", "--metrics", "psnr"], folder, env=ascii_only)
    assert shown.returncode == 0
    assert b"psnr (dB)" in shown.stdout
    assert run(["compress", "--help"], folder, env=ascii_only).returncode == 0


@needs_full
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["compress", SOURCE, "-o", "full.mkv", *QUICK], 0),
        (["compress", SOURCE, "-o", "full.mkv", "--json", *QUICK], 4),
        (["compare", SOURCE, SOURCE, "--metrics", "psnr"], 4),
    ],
)
def test_full_disks(arguments, code, folder):
    (folder / "full.mkv").unlink(missing_ok=True)
    with FULL.open("wb") as full:
        done = run(arguments, folder, stdout=full)
        assert done.returncode == code
        assert (b"standard output cannot be written: no space left" in done.stderr) == (code == 4)
        assert done.stderr.count(b"\n") == (code == 4)
        if "full.mkv" in arguments:
            assert (folder / "full.mkv").stat().st_size
            assert run(arguments, folder, stderr=full).returncode == 0


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_pipes_that_nobody_reads(more, folder):
    reads, writes = os.pipe()
    os.close(reads)
    (folder / "pipe.mkv").unlink(missing_ok=True)
    try:
        done = run(["compress", SOURCE, "-o", "pipe.mkv", *QUICK, *more], folder, stdout=writes)
    finally:
        os.close(writes)
    assert (done.returncode, done.stderr) == (0, b"")
    assert (folder / "pipe.mkv").stat().st_size


@pytest.mark.skipif(sys.platform == "win32", reason="closes descriptors by number")
def test_closed_streams_and_their_numbers_are_not_taken_by_files(folder):
    (folder / "closed.mkv").unlink(missing_ok=True)
    code = f"import os, sys\nfor n in (0, 1, 2): os.close(n)\nos.execv(sys.executable, [sys.executable] + {PROGRAM[1:]!r} + sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, "compress", SOURCE, "-o", "closed.mkv", "--codec", "x265", *QUICK[:2]],
        cwd=folder, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0
    # The encoder talks to number 2: it would have been in the file.
    assert run(["compare", SOURCE, "closed.mkv", "--metrics", "psnr", "--json"], folder).returncode == 0


def test_a_terminal_of_no_size(folder):
    written, code = run_in_terminal(["compress", SOURCE, "-o", "none.mkv", *QUICK], folder, size=(0, 0))
    assert code == 0, written
    assert "none.mkv: " in written


def test_compare_takes_nothing_from_standard_input(folder):
    """FFmpeg obeys a "q" it reads: it would end early, and the scores would be of the first frames."""
    arguments = ["compare", SOURCE, SOURCE, "--metrics", "psnr,ssim", "--json"]
    done = run(arguments, folder, input=b"q" * 4096)
    assert len(json.loads(done.stdout)["scores"]["psnr"]) == 6
