"""Time the networks alone, at the size they use for 16:9.

    python examples/benchmark/network_speed.py [--threads 2]

ONNX Runtime and torch, one picture at a time on the CPU and in batches of 16 on CUDA where there is one.
Median of 100 runs after a warm-up; bytes in, all eight maps out. As a library alone: a network has no
command.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch
from common import save, table

from semvid.models.runtime import OnnxRuntime, Runtime, TorchRuntime
from semvid.models.weights_file import SHIPPED, open_weights

NUM_RUNS = 100


def seconds_per_map(runtime: Runtime, width: int, height: int) -> float:
    """Return the median seconds of a run divided by the pictures in it."""
    shape = (runtime.batch_size, height, width, 3)
    pictures = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    for _ in range(5):
        runtime.run(pictures)
    seconds = []
    for _ in range(NUM_RUNS):
        started = time.perf_counter()
        runtime.run(pictures)
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds) / runtime.batch_size


def main() -> None:
    """Time everything, write ``results/network_speed.json``, print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, default=2)
    threads = parser.parse_args().threads
    torch.set_num_threads(threads)
    results = []
    for name in SHIPPED:
        weights = open_weights(name)
        width, height = weights.architecture.input_width, weights.architecture.input_height
        runtimes: dict[str, Runtime] = {
            "ONNX Runtime, CPU": OnnxRuntime(weights, threads),
            "torch, CPU": TorchRuntime(weights, "cpu"),
        }
        if torch.cuda.is_available():
            runtimes["torch, CUDA, half precision"] = TorchRuntime(weights, "cuda")
        for kind, runtime in runtimes.items():
            seconds = seconds_per_map(runtime, width, height)
            results.append({"network": name, "input": [width, height], "runtime": kind, "threads": threads,
                            "batch": runtime.batch_size, "seconds_per_map": seconds})  # fmt: skip
    save("network_speed", {"results": results})
    rows = [
        (one["network"], "{}x{}".format(*one["input"]), one["runtime"],
         f"{1e3 * one['seconds_per_map']:.2f} ms", f"{1 / one['seconds_per_map']:.0f}")
        for one in results
    ]  # fmt: skip
    print(table(["network", "input", "runs on", "a map", "maps a second"], rows))


if __name__ == "__main__":
    main()
