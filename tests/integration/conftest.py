"""What a busy machine changes."""

from __future__ import annotations

import math

import pytest

from semvid.streaming import governor


@pytest.fixture(autouse=True)
def _a_busy_machine_changes_no_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no live stream cut its load, and tell so, because the machine is busy with something else."""
    monkeypatch.setattr(governor, "_OVERLOAD_SECONDS", math.inf)
