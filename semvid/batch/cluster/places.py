"""Decides how many workers the nodes of a Ray cluster have room for, and what each asks Ray for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from semvid.batch.tasks.pool import CORES_PER_FILE
from semvid.core.config import CompressConfig
from semvid.core.records import dataclass

GPU_SHARE = 0.25
"""Of a GPU: the networks are small, and wait for the encoder most of the time."""
MEMORY = 1 << 30
"""Bytes. 1080p takes 742 MiB with x264 medium, 2160p with superfast 1044 (``benchmark/memory.py``)."""


@dataclass(frozen=True, slots=True)
class Place:
    """What a worker asks Ray for; Ray puts it where there is that much."""

    num_cpus: int
    num_gpus: float
    """0 = it is to see none."""

    def options(self) -> dict[str, Any]:
        """Return it as Ray's options of an actor."""
        gpus = {"num_gpus": self.num_gpus} if self.num_gpus else {}
        return {"num_cpus": self.num_cpus, "memory": MEMORY, **gpus}


def uses_gpu(video: CompressConfig) -> bool:
    """Whether a network runs on a GPU."""
    maps = video.maps
    has_network = maps.path is None and maps.boxes is None and maps.chosen_model != "spectral"
    return has_network and video.allocation.strength > 0 and maps.device == "cuda"


def threads_for(nodes: Sequence[Mapping[str, float]]) -> int:
    """Return how many cores a worker gets: four, or as many as the smallest node has."""
    return min([CORES_PER_FILE, *filter(None, (int(one.get("CPU", 0)) for one in nodes))])


def places_in(nodes: Sequence[Mapping[str, float]], threads: int, *, has_gpu: bool) -> list[Place]:
    """Return as many workers as fit.

    Args:
        nodes: Resources of each, by Ray's names.
        threads: Cores of each worker.
        has_gpu: Whether each needs a share of one.
    """
    num_places = 0
    for one in nodes:
        num_able = min(int(one.get("CPU", 0)) // threads, int(one.get("memory", 0)) // MEMORY)
        num_places += min(num_able, int(one.get("GPU", 0) / GPU_SHARE)) if has_gpu else num_able
    return [Place(threads, GPU_SHARE if has_gpu else 0)] * num_places


def why_none(nodes: Sequence[Mapping[str, float]], threads: int, *, has_gpu: bool) -> str:
    """Say what a cluster lacks that has no place for a worker."""
    cores = max([int(one.get("CPU", 0)) for one in nodes], default=0)
    if cores < threads:
        return (
            f"no node of the cluster has the {threads} cores that a file needs (the largest has {cores}); "
            "give fewer `threads`, or add nodes"
        )
    if has_gpu and not any(one.get("GPU", 0) for one in nodes):
        return "no node of the cluster has a GPU, as `device=cuda` needs; add one, or give `device=auto`"
    memory = max([int(one.get("memory", 0)) for one in nodes], default=0)
    return (
        f"no node of the cluster has {threads} cores and the {MEMORY >> 20} MiB of memory that a file needs "
        f"(the largest has {memory >> 20}); free some, add nodes, or tell 'ray start' of more"
    )
