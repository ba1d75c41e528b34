"""Completion by Tab: set up in a home folder of the test, and asked by a real bash."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from program import PROGRAM

pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")


def in_bash(line, home, **more):
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "HOME": str(home), "PATH": programs, **more}
    # Something after it, else bash would become the program, and could not be found as its parent.
    command = ["bash", "--norc", "-c", f"{line}; exit $?"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, cwd=home)


def completed(home, *words):
    """What bash would offer for the last word."""
    quoted = " ".join(map(shlex.quote, words))
    line = f"COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; _semvid_completion semvid"
    done = in_bash(f'source .bashrc; {line}; printf "%s\\n" "${{COMPREPLY[@]}}"', home)
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_what_is_there(tmp_path):
    installed = in_bash(f"{shlex.join(PROGRAM)} --install-completion", tmp_path)
    assert installed.returncode == 0, installed.stderr
    assert installed.stdout.startswith("completion for bash is in ")
    assert completed(tmp_path, "semvid", "com") == ["compress", "compare"]
    assert completed(tmp_path, "semvid", "compress", "--target-s") == ["--target-size"]
    # Bash completes files then.
    assert completed(tmp_path, "semvid", "compress", "ta") == []
    # Looking for what comes next does nothing.
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / ".bash_completions" / "semvid.sh").touch()
    assert "semvid" not in completed(tmp_path, "semvid", "--version", "")
    assert "completion" not in completed(tmp_path, "semvid", "--install-completion", "")
    assert sorted(tmp_path.rglob("*")) == before


def test_the_script_alone(tmp_path):
    shown = in_bash(f"{shlex.join(PROGRAM)} --show-completion", tmp_path)
    assert "_SEMVID_COMPLETE=complete_bash" in shown.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_to_is_one_line(tmp_path):
    (tmp_path / ".bash_completions").write_text("a file")
    done = in_bash(f"{shlex.join(PROGRAM)} --install-completion", tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("semvid: completion cannot be set up for bash: ")
    assert done.stderr.count("\n") == 1
