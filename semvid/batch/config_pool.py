"""Opens what a batch runs on, as its options say."""

from __future__ import annotations

from semvid.batch.tasks.local import LocalPool
from semvid.batch.tasks.pool import CORES_PER_FILE, Pool
from semvid.core.config import BatchConfig
from semvid.core.threads import budget_of


def open_pool(config: BatchConfig, *, is_alone: bool = False) -> Pool:
    """Return workers that are not started yet.

    Args:
        config: Where, and how many.
        is_alone: There is only one job, which will not be divided.

    Raises:
        SemvidError: A cluster is not there, or does not fit.
    """
    if config.engine == "ray":
        from semvid.batch.cluster.places import uses_gpu
        from semvid.batch.cluster.ray_pool import RayPool

        threads = config.video.threads or None
        return RayPool(config.jobs, threads, config.ray_address, has_gpu=uses_gpu(config.video))
    return LocalPool(*local_workers(config, is_alone=is_alone))


def local_workers(config: BatchConfig, *, is_alone: bool = False) -> tuple[int, int]:
    """Return how many processes work on this machine, and how many cores each keeps busy; 0 = all.

    Two files with a core each are done sooner than one after the other with both: one does not fill them. And
    a process that may take all of the machine fills it better than one that is told how many cores that is.
    """
    cores, asked = budget_of(config.video.threads).cores, config.video.threads
    most = 1 if is_alone else max(cores // CORES_PER_FILE, min(cores, 2))
    num_workers = config.jobs or most
    return num_workers, asked if num_workers == 1 else max(cores // num_workers, 1)
