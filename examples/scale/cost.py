"""Tell what a library of video costs: core hours, time on the clock, gigabytes, store traffic, price.

    python examples/scale/cost.py --hours 10000 --lines 1080 --workers 100 \
        --price-core-hour 0.04 --price-gb 0.01

All times are measured ones, of the machine that is named at the end; another one is faster or slower, and
``--speed`` says by how much. Prices are yours to give: what stands there without is an example and nobody's
price.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from benchmarks import load
from core_model import StageTimes
from cost_model import Cost, Library, Measured, Prices, Workers, estimate
from timing import REPOSITORY

BENCHMARKS = REPOSITORY / "examples" / "benchmark" / "results"
EXAMPLE_PRICES = Prices(core_hour=0.05, gigabyte=0.02)
SOURCES = {
    "stages": "examples/benchmark/results/frame_cost.json",
    "encoders, job_seconds, planning_ms, dividing, publishing_seconds, store_bytes, transactions":
        "examples/scale/results/measure.json",
    "driver_ms": "examples/scale/results/simulate.json",
}  # fmt: skip
SIMULATED = "10,000 jobs, 1,000 workers"


def read_measured() -> Measured:
    """Read what was measured, from the files that are named in ``SOURCES``."""
    frames: dict[str, Any] = json.loads((BENCHMARKS / "frame_cost.json").read_text())["results"]
    names = ("decode", "analyse", "prepare", "encode", "plain")
    ours, simulated = load("measure"), load("simulate")
    encoders = {key: one for key, one in ours["encoders"].items() if key not in {"decode", "environment"}}
    shared = ours["sharing"]["jobs_per_second"]
    return Measured(
        stages={
            int(key.removesuffix("p")): StageTimes(**{name: one[name] for name in names})
            for key, one in frames.items()
        },
        encoders=encoders,
        job_seconds=ours["job"]["seconds"],
        planning_ms=ours["planning"]["first_ms"],
        dividing_seconds_per_hour=ours["dividing"]["seconds_per_hour"],
        dividing_lines=ours["dividing"]["lines"],
        driver_ms=simulated[SIMULATED]["driver_ms_per_job"],
        publishing_seconds=ours["publishing"]["seconds_on_the_clock"],
        store_bytes=ours["store"]["100000"]["bytes_per_job"],
        # Each of those jobs was taken and settled.
        transactions_per_second=2 * shared["1"],
    )


def lines_of(cost: Cost, workers: Workers) -> list[tuple[str, str]]:
    """Return what is printed: a name and a value for each line."""
    waits = "the driver: workers wait for it" if cost.is_bound_by_driver else "the workers"
    return [
        ("files, jobs", f"{cost.num_files:,}, {cost.num_jobs:,}"),
        ("work", f"{cost.processor_hours:,.1f} core hours"),
        ("on the clock", f"{cost.hours:,.2f} h with {workers.count} workers of {workers.cores} cores"),
        ("of it planning", f"{cost.planning_hours:,.2f} h before the first job"),
        ("what takes longest", waits),
        ("the driver", f"{cost.driver_hours:,.2f} h, one thing after another"),
        ("paid", f"{cost.core_hours:,.1f} core hours, {cost.processor_hours / cost.core_hours:.0%} busy"),
        ("moved", f"{cost.gb_moved:,.0f} GB: {cost.gb_read:,.0f} read, {cost.gb_written:,.0f} written"),
        ("store", f"{cost.num_transactions:,} transactions, {cost.store_bytes / 1e6:,.1f} MB, "
                  f"{cost.transaction_load:.1%} of what it can take"),
        ("price", f"{cost.price:,.2f}"),
    ]  # fmt: skip


def main() -> None:
    """Print the cost of a library."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=1000.0, help="of video")
    parser.add_argument("--lines", type=int, default=1080, help="height of the picture")
    parser.add_argument("--fps", type=float, default=25.0, help="frames a second")
    parser.add_argument("--codec", default="x264")
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--source-mbps", type=float, default=8.0, help="megabits a second of the sources")
    parser.add_argument("--size-ratio", type=float, default=0.5, help="bytes of outputs by those of sources")
    parser.add_argument("--file-minutes", type=float, default=10.0, help="length of a file")
    parser.add_argument("--part-seconds", type=float, default=30.0, help="length of a part; 0 = no parts")
    parser.add_argument("--workers", type=int, default=16)
    parser.add_argument("--cores", type=int, default=4, help="of each worker")
    parser.add_argument("--speed", type=float, default=1.0, help="of a core, by that of the measured ones")
    parser.add_argument("--price-core-hour", type=float, help="in any currency")
    parser.add_argument("--price-gb", type=float, help="of a gigabyte read or written")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    measured = read_measured().at_speed(given.speed)
    library = Library(
        given.hours, given.lines, given.fps, given.codec, given.preset, given.source_mbps, given.size_ratio,
        given.file_minutes, given.part_seconds,
    )  # fmt: skip
    workers = Workers(given.workers, given.cores)
    prices = Prices(
        EXAMPLE_PRICES.core_hour if given.price_core_hour is None else given.price_core_hour,
        EXAMPLE_PRICES.gigabyte if given.price_gb is None else given.price_gb,
    )
    try:
        cost = estimate(library, workers, measured, prices)
    except ValueError as error:
        raise SystemExit(str(error)) from error
    if given.json:
        print(json.dumps({name: getattr(cost, name) for name in cost.__slots__}, indent=1))
        return
    lines = lines_of(cost, workers)
    width = max(len(name) for name, _ in lines)
    for name, value in lines:
        print(f"{name:{width}}  {value}")
    if given.price_core_hour is None or given.price_gb is None:
        print(f"\nExample prices: {prices.core_hour} a core hour, {prices.gigabyte} a GB. Give your own.")
    print("\nMeasured by:")
    for name, path in SOURCES.items():
        print(f"  {name}: {path}")
    machine = load("measure")["encoders"]["environment"]["machine"]
    print(f"  on {machine}")


if __name__ == "__main__":
    main()
