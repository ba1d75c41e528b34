"""The program within this process, and what a busy machine changes."""

from __future__ import annotations

import math
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from semvid.cli import main
from semvid.codecs.vpx.vp8 import VP8
from semvid.core.text import for_people
from semvid.streaming import governor


@pytest.fixture
def semvid_here(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run ``semvid`` as its entry point does, but without 0.6 s for another interpreter."""

    def run(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
        words = ["semvid", *map(str, arguments)]
        with monkeypatch.context() as patch:
            patch.setattr("sys.argv", words)
            if cwd is not None:
                patch.chdir(cwd)
            capsys.readouterr()
            code, message = main._run_app()
        shown = capsys.readouterr()
        last = f"semvid: {for_people(message)}\n" if message else ""
        return subprocess.CompletedProcess(words, code, shown.out, shown.err + last)

    return run


@pytest.fixture(autouse=True)
def _a_busy_machine_changes_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no live stream cut its load, and tell so, because the machine is busy with something else."""
    monkeypatch.setattr(governor, "_OVERLOAD_SECONDS", math.inf)


@pytest.fixture(autouse=True)
def _vp8_in_one_thread(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let VP8 code in one thread, except in tests marked ``all_threads``.

    Its threads wait for each other by spinning: with as many as cores, two tests at a time need four times the
    processor time.
    """
    if request.node.get_closest_marker("all_threads") is None:
        monkeypatch.setitem(VP8.fixed_options, "threads", "1")
