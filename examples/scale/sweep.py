"""Tell how busy workers are, by how many there are and how long a job takes.

    python examples/scale/sweep.py [--step-ms MS]

The real scheduling in virtual time (``simulate.py``), without faults. The driver takes as long for a step as
it took here in the run that ``cost.py`` reads, too, so it is the same each time. What counts is the busy
share until the last job is begun. Results go to ``results/sweep.json``.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from benchmarks import keep, load
from cluster import Load
from cost import SIMULATED
from simulate import Scenario, record_of, simulate

SECONDS = (1.0, 3.0, 10.0, 30.0)
WORKERS = {100: 8, 1000: 4, 10_000: 2}
"""And jobs for each, on average."""
STEPS_PER_JOB = 2
"""It is begun, and its end is heard."""


def main() -> None:
    """Run all, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--step-ms", type=float, help="of the driver; None = as it was measured")
    given = parser.parse_args()
    step = given.step_ms or load("simulate")[SIMULATED]["driver_ms_per_job"] / STEPS_PER_JOB
    found: dict[str, dict[str, float]] = {}
    for count, each in WORKERS.items():
        for seconds in SECONDS:
            scenario = Scenario(
                count * each, count, Load(mean_seconds=seconds, spread=0.3), step_seconds=step / 1000
            )
            with tempfile.TemporaryDirectory() as work:
                outcome = simulate(scenario, Path(work))
            busy = record_of(scenario, outcome)["busy_to_last_begun"]
            found.setdefault(str(count), {})[f"{seconds:g}"] = busy
            print(f"{count:6} workers, {seconds:4g} s: {busy:.1%}", flush=True)
            keep("sweep", "busy", {"step_ms": step, "by_workers_and_seconds": found})


if __name__ == "__main__":
    main()
