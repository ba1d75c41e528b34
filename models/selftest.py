"""Runs the shipped networks to find out whether they work on this machine, and how fast."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable

import numpy as np

from semvid.core.errors import ModelError
from semvid.core.records import dataclass
from semvid.models.runtime import open_runtime
from semvid.models.weights_file import SHIPPED, open_weights

_NUM_RUNS = 9


@dataclass(frozen=True, slots=True)
class NetworkTest:
    """Outcome for one network."""

    name: str
    works: bool
    runtime: str
    """The runtime and device that ran it."""
    milliseconds: float
    """Median per map, at the usual size; 0 if it does not work."""
    detail: str
    """Why it does not work; empty if it does."""


def test_networks(devices: Iterable[str]) -> list[NetworkTest]:
    """Run every shipped network a few times on each device."""
    return [test_network(name, device) for device in devices for name in SHIPPED]


def test_network(name: str, device: str) -> NetworkTest:
    """Check the weights of one network, and time it on noise."""
    try:
        weights = open_weights(name)
        runtime = open_runtime(weights, device)
        size = (weights.architecture.input_height, weights.architecture.input_width)
        picture = np.random.default_rng(0).integers(0, 256, (1, *size, 3), np.uint8)
        runtime.run(picture)
        seconds = []
        for _ in range(_NUM_RUNS):
            started = time.perf_counter()
            maps = runtime.run(picture)
            seconds.append(time.perf_counter() - started)
    except ModelError as error:
        return NetworkTest(name, False, "", 0.0, str(error))
    works = bool(np.isfinite(maps).all())
    milliseconds = 1e3 * statistics.median(seconds) if works else 0.0
    detail = "" if works else "its maps hold values that are not numbers"
    return NetworkTest(name, works, f"{type(runtime).__name__}, {device}", milliseconds, detail)
