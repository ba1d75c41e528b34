"""Opens what a batch runs on, as its options say."""

from __future__ import annotations

from semvid.batch.tasks.local import LocalPool
from semvid.batch.tasks.pool import CORES_PER_FILE, Pool
from semvid.core.config import BatchConfig
from semvid.core.threads import budget_of


def open_pool(config: BatchConfig) -> Pool:
    """Return workers that are not started yet.

    Args:
        config: Where, and how many.

    Raises:
        SemvidError: A cluster is not there, or does not fit.
    """
    if config.engine == "ray":
        from semvid.batch.cluster.places import uses_gpu
        from semvid.batch.cluster.ray_pool import RayPool

        threads = config.video.threads or None
        return RayPool(config.jobs, threads, config.ray_address, uses_gpu(config.video))
    return LocalPool(*local_workers(config))


def local_workers(config: BatchConfig) -> tuple[int, int]:
    """Return how many processes work on this machine, and how many cores each keeps busy."""
    cores = budget_of(config.video.threads).cores
    # Two files with a core each are done sooner than one after the other with both: one does not fill them.
    num_workers = config.jobs or max(cores // CORES_PER_FILE, min(cores, 2))
    return num_workers, max(cores // num_workers, 1)
