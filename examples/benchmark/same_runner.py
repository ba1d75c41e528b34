"""Runs the cases of ``same.py`` with the interpreter it is started by, which is that of the code under test.

    PYTHON same_runner.py WORK

Reads ``WORK/cases.json``; the steps of a case run one after the other, each in a process of its own, in
``WORK/cases/NAME``. Writes ``WORK/outcomes.json``.
"""

from __future__ import annotations

import json
import platform
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import av
import same_api
from commands import Command, run_all

import semvid

_LIMIT_SECONDS = 120.0


def main() -> None:
    """Run everything."""
    work = Path(sys.argv[1])
    asked = json.loads((work / "cases.json").read_text())
    outcomes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    cases = asked["cases"]
    for number in range(max(len(one["steps"]) for one in cases)):
        commands = []
        for one in cases:
            folder = work / "cases" / one["name"]
            if number < len(one["steps"]):
                step = one["steps"][number]
                call = same_api.run if isinstance(step, dict) else None
                words = [json.dumps(step)] if call else step
                commands.append(Command(words, folder, one["name"], call, one["on_one_core"]))
        for command, outcome in run_all(commands, workers=asked["workers"], limit_seconds=_LIMIT_SECONDS):
            outcomes[command.key].append({
                "exit": "no end" if outcome.timed_out else outcome.code,
                "out": outcome.out, "err": outcome.err, "seconds": outcome.seconds,
            })  # fmt: skip
            print(f"\r{sum(map(len, outcomes.values()))} commands", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    environment = {
        "python": platform.python_version(), "semvid": str(Path(semvid.__file__).parent),
        "av": av.__version__, "libraries": {k: list(v) for k, v in av.library_versions.items()},
    }  # fmt: skip
    (work / "outcomes.json").write_text(json.dumps({"environment": environment, "outcomes": outcomes}))


if __name__ == "__main__":
    main()
