"""Show that a change of semvid changed nothing it should not: record what it does, and compare two records.

    python examples/benchmark/same.py record FILE [--python PATH] [--only WORD]
    python examples/benchmark/same.py compare A B [--leave-out PATTERN]
    python examples/benchmark/same.py pair --before PATH --after PATH [--only WORD] [--leave-out PATTERN]

``record`` runs some three hundred cases (``same_cases``) with the semvid of the interpreter PATH: videos, odd
files, stills, maps, overlays, scores, reports and live streams, through the command line and through the
public Python names (``same_api``). Of each it keeps the exit code, the messages, the events, and of every
file that was written each packet and what the header says (``same_facts``). ``compare`` prints each
difference and ends with 1 if there is any. ``--leave-out`` names what was meant to change, by a regular
expression that is searched in ``CASE: PLACE``; such differences are only counted. ``pair`` records two
interpreters on the same inputs and compares them.

Records depend on the machine and on the libraries: compare only those that were made side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from same_cases import Case, all_cases
from same_facts import case_facts, differences, file_facts
from same_inputs import make_inputs

_RUNNER = Path(__file__).with_name("same_runner.py")


def record(python: Path, only: str, workers: int, inputs: Path | None = None) -> dict[str, Any]:
    """Run the cases with an interpreter and return what they did.

    Args:
        python: Of the code under test.
        only: Regular expression of the names of the cases; empty = all.
        workers: Cases at a time.
        inputs: Where the inputs lie; None = they are made.
    """
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary).resolve()
        if inputs is None:
            make_inputs(work / "in")
        else:
            (work / "in").symlink_to(inputs)
        names = [path.name for path in sorted((work / "in").iterdir())]
        cases = [one for one in all_cases(names) if re.search(only, one.name)]
        if not cases:
            raise SystemExit(f"no case has {only!r} in its name")
        for one in cases:
            (work / "cases" / one.name).mkdir(parents=True)
        found = _run(python, work, cases, workers)
        facts = {
            one.name: case_facts(work / "cases" / one.name, found["outcomes"][one.name], loose=one.loose)
            for one in cases
        }
        used = [path for path in sorted((work / "in").iterdir()) if path.is_file()]
        return {
            "environment": found["environment"],
            "seconds": round(time.monotonic() - started),
            "inputs": {path.name: file_facts(path, loose=False) for path in used},
            "cases": facts,
        }


def _run(python: Path, work: Path, cases: Sequence[Case], workers: int) -> dict[str, Any]:
    asked = [{"name": one.name, "steps": one.steps, "on_one_core": one.on_one_core} for one in cases]
    (work / "cases.json").write_text(json.dumps({"cases": asked, "workers": workers}))
    fixed = {"NO_COLOR": "1", "COLUMNS": "100", "TZ": "UTC", "LC_ALL": "C.UTF-8"}
    environment = {key: value for key, value in os.environ.items() if not key.startswith("SEMVID_")}
    done = subprocess.run([python, _RUNNER, work], cwd=work, env=environment | fixed, check=False)
    if done.returncode:
        raise SystemExit(f"{python} cannot run the cases; see above (after new files, run make link there)")
    return json.loads((work / "outcomes.json").read_text())


def compare(before: dict[str, Any], after: dict[str, Any], leave_out: Sequence[str]) -> int:
    """Print each difference; the same one in several cases is printed once. Returns the exit code."""
    for key in ("python", "av", "libraries"):
        if before["environment"][key] != after["environment"][key]:
            print(f"note: made with another {key}; compare records of one environment")
    unlike = [name for name, one in before["inputs"].items() if one != after["inputs"].get(name)]
    if unlike:
        print(f"note: other inputs: {', '.join(unlike)}; cases that read them tell nothing")
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    num_left_out = 0
    for case in dict.fromkeys([*before["cases"], *after["cases"]]):
        for place, a, b in differences(before["cases"].get(case, {}), after["cases"].get(case, {})):
            if any(re.search(pattern, f"{case}: {place}") for pattern in leave_out):
                num_left_out += 1
            else:
                groups[place, a, b].append(case)
    for (place, a, b), cases in groups.items():
        print(f"{', '.join(cases[:4])}{f' and {len(cases) - 4} more' if len(cases) > 4 else ''}: {place}")
        print(f"    - {a}\n    + {b}")
    touched = {case for cases in groups.values() for case in cases}
    print(f"{len(before['cases'])} cases, {len(touched)} differ; {num_left_out} differences left out")
    return int(bool(groups) or bool(unlike))


def main() -> int:
    """Do what the command line says, return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="run the cases and write what they did")
    recording.add_argument("file", type=Path)
    recording.add_argument("--python", type=Path, default=Path(sys.executable), help="of the code under test")
    comparing = commands.add_parser("compare", help="print what differs between two records")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    pairing = commands.add_parser("pair", help="record two interpreters and compare them")
    pairing.add_argument("--before", type=Path, required=True, help="an interpreter with the older code")
    pairing.add_argument("--after", type=Path, required=True, help="an interpreter with the newer code")
    for one in (recording, pairing):
        one.add_argument("--only", default="", metavar="WORD", help="only cases with this in their names")
        one.add_argument("--workers", type=int, default=os.cpu_count(), help="cases at a time")
    for one in (comparing, pairing):
        one.add_argument(
            "--leave-out", nargs="*", default=[], metavar="PATTERN", help="differences that are meant"
        )
    options = parser.parse_args()
    if options.command == "record":
        found = record(options.python.absolute(), options.only, options.workers)
        options.file.write_text(json.dumps(found, separators=(",", ":")) + "\n")
        print(f"{len(found['cases'])} cases in {found['seconds']} s: {options.file}")
        return 0
    if options.command == "compare":
        before, after = (json.loads(path.read_text()) for path in (options.before, options.after))
        return compare(before, after, options.leave_out)
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder).resolve() / "in"
        make_inputs(inputs)
        both = [
            json.loads(json.dumps(record(python.absolute(), options.only, options.workers, inputs)))
            for python in (options.before, options.after)
        ]
    return compare(both[0], both[1], options.leave_out)


if __name__ == "__main__":
    sys.exit(main())
