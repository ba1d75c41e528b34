"""Results of the scripts here, and the way to the modules of ``examples/benchmark``: import it first."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmark"))

from common import environment

RESULTS = Path(__file__).resolve().parent / "results"


def load(name: str) -> dict[str, Any]:
    """Read ``results/NAME.json``; empty if it was never written."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def keep(name: str, key: str, record: Any) -> None:
    """Put a record into ``results/NAME.json``, with the environment it was made in."""
    RESULTS.mkdir(exist_ok=True)
    record = {"environment": environment(), **record}
    text = json.dumps({**load(name), key: record}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")
