"""Finds out what a batch would come to, without writing anything."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from pathlib import Path

from semvid.batch.config_pool import open_pool
from semvid.batch.events import Estimated, JobNotice, JobProgress
from semvid.batch.jobs.records import Taken
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.plan import OptionsReader, count_pieces, plan_jobs
from semvid.batch.sources import find_sources, left_out_of
from semvid.core.config import BatchConfig
from semvid.core.settings import or_default
from semvid.media.writing.output import scratch_folder

_POLL_SECONDS = 0.5


def estimate_many_events(
    sources: Sequence[Path | str],
    output: Path | str | None = None,
    config: BatchConfig | None = None,
    *,
    read_options: OptionsReader | None = None,
) -> Generator[Estimated | JobNotice | JobProgress, None, list[Estimated]]:
    """Try parts of every video, and every still, that ``compress_many`` would compress now.

    Args:
        sources: As for ``compress_many_events``, as are the next three.
        output: A folder, which need not exist.
        config: Options.
        read_options: Reads the options that lists give to single files.

    Yields:
        ``JobProgress``, ``JobNotice``, and ``Estimated`` for each file as it is tried.

    Returns:
        All of them, in the order of the sources.

    Raises:
        SemvidError: There is nothing to do, or an option is wrong; see ``semvid.core.errors``.
    """
    config = or_default(config, BatchConfig)
    folder = None if output is None else Path(output)
    found = find_sources([os.fspath(one) for one in sources], left_out_of(folder, config.trash))
    done: dict[int, Estimated] = {}
    with scratch_folder() as scratch, JobStore(_store_of(folder, scratch)) as store:
        plan = plan_jobs(found.sources, folder, config, store, read_options)
        waiting: list[Taken] = []
        for number, job in enumerate(plan.jobs, 1):
            if store.state_of(job, again=not config.resume) not in {"waiting", "running"}:
                continue
            fault = plan.failures.get(job.output)
            if fault is not None:
                done[number] = Estimated(number, job.source, job.output, job.identity.size, None, None, fault)
                yield done[number]
                continue
            task = {**job.task, "is_trial": True}
            waiting.append(Taken(number, job.source, job.output, task, job.identity, 1, None))
        held: dict[int, Taken] = {}
        stages: dict[int, str] = {}
        with open_pool(config, count_pieces(plan.jobs)) as pool:
            while waiting or held:
                while waiting and pool.num_free:
                    taken = waiting.pop(0)
                    held[taken.id] = taken
                    pool.begin(taken, scratch, [])
                told = pool.next(_POLL_SECONDS)
                if told is None or told.job not in held:
                    continue
                taken, record = held[told.job], told.record
                match record["event"]:
                    case "stage":
                        stages[told.job] = record["name"]
                    case "progress":
                        total = record["num_frames_from_header"]
                        stage = stages.get(told.job, "")
                        yield JobProgress(told.job, stage, record["num_frames"], total)
                    case "notice":
                        yield JobNotice(told.job, taken.source, record["message"])
                    case "placed":
                        pass
                    case _:
                        del held[told.job]
                        result = record.get("result", {})
                        done[told.job] = Estimated(
                            told.job, taken.source, taken.output, taken.identity.size,
                            result.get("output_bytes"), result.get("seconds"), record.get("message", ""),
                        )  # fmt: skip
                        yield done[told.job]
    return [done[number] for number in sorted(done)]


def _store_of(folder: Path | None, scratch: Path) -> Path:
    """Return the store of an earlier run, which tells what is done, or an empty one."""
    kept = None if folder is None else folder / WORK_FOLDER / STORE
    return kept if kept is not None and kept.exists() else scratch / STORE
