"""Opens what a batch runs on, as its options say."""

from __future__ import annotations

from semvid.batch.tasks.local import LocalPool
from semvid.batch.tasks.pool import CORES_PER_FILE, FEWEST_CORES, Pool
from semvid.core.config import BatchConfig
from semvid.core.threads import budget_of


def open_pool(config: BatchConfig, num_pieces: int) -> Pool:
    """Return workers that are not started yet.

    Args:
        config: Where, and how many.
        num_pieces: Of work, about: files, and parts of those that will be divided.

    Raises:
        SemvidError: A cluster is not there, or does not fit.
    """
    if config.engine == "ray":
        from semvid.batch.cluster.places import uses_gpu
        from semvid.batch.cluster.ray_pool import RayPool

        threads = config.video.threads or None
        return RayPool(config.jobs, threads, config.ray_address, has_gpu=uses_gpu(config.video))
    return LocalPool(*local_workers(config, num_pieces))


def local_workers(config: BatchConfig, num_pieces: int) -> tuple[int, int]:
    """Return how many processes work on this machine, and how many cores each keeps busy; 0 = all.

    The number of pieces has to be that of all, whether they are done or not: with other numbers of threads a
    run that goes on would not come to the bytes of one that was never stopped.

    Two files with a core each are done sooner than one after the other with both: one does not fill them. And
    a process that may take all of the machine fills it better than one that is told how many cores that is.
    """
    cores, asked = budget_of(config.video.threads).cores, config.video.threads
    fewest = max(cores // CORES_PER_FILE, min(cores, 2))
    usual = 1 if num_pieces == 1 else max(min(cores // FEWEST_CORES, num_pieces), fewest)
    num_workers = config.jobs or usual
    return num_workers, asked if num_workers == 1 else max(cores // num_workers, 1)
