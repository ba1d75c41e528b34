"""Works through the jobs of a store until none is left."""

from __future__ import annotations

import hashlib
import math
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from semvid.batch.config_pool import open_pool
from semvid.batch.control import Control, NoControl, asking
from semvid.batch.events import (
    BatchEnded,
    BatchEvent,
    JobBegan,
    JobEnded,
    JobNotice,
    JobPlaced,
    JobProgress,
    PartEnded,
    Planned,
    Stopping,
)
from semvid.batch.film_jobs import PARTS, Bare, FilmJobs
from semvid.batch.jobs.heartbeat import beating
from semvid.batch.jobs.holders import new_holder
from semvid.batch.jobs.identity import identify
from semvid.batch.jobs.records import UNFINISHED, Settled, State, Taken
from semvid.batch.jobs.store import LEASE_SECONDS, STORE, WORK_FOLDER, JobStore
from semvid.batch.plan import OptionsReader, count_pieces, plan_jobs
from semvid.batch.publish import publish, replace_source, room_for
from semvid.batch.recovery import recover
from semvid.batch.sources import Source, check_output_folder, find_sources, left_out_of
from semvid.batch.tasks.pool import Pool, Told
from semvid.batch.winding_down import FINISH_SECONDS, Pace
from semvid.batch.worth import why_skipped
from semvid.core import interrupts
from semvid.core.config import BatchConfig
from semvid.core.errors import ConfigError, OutputError, SemvidError
from semvid.core.events import Reported
from semvid.core.settings import or_default
from semvid.core.text import counted, reason
from semvid.engine.run import follow

_POLL_SECONDS = 0.5
_BEATS_PER_LEASE = 4
_KEPT = {"part": "part", "asked": "asked", "solves": "spans"}
"""Of the task of a part, what is kept with its result, and as what."""


def compress_many(
    sources: Sequence[Path | str],
    output: Path | str | None = None,
    config: BatchConfig | None = None,
    *,
    on_event: Callable[[BatchEvent], None] | None = None,
) -> BatchEnded:
    """Compress many files, several at a time, each in a process of its own.

    What was done is noted beside the outputs, so the same call goes on where an earlier one was stopped,
    whatever stopped it, and does nothing again that is done.

    Args:
        sources: Files, folders, patterns and lists: see ``find_sources``.
        output: A folder; it keeps the structure of folders among the sources. None needs ``replace``.
        config: Options; None = defaults.
        on_event: Called with every event of ``compress_many_events``.

    Returns:
        How many ended how: files that fail do not stop the others.

    Raises:
        SemvidError: There is nothing to do, or an option is wrong; see ``semvid.core.errors``.
    """
    return follow(compress_many_events(sources, output, config), on_event)


def compress_many_events(
    sources: Sequence[Path | str],
    output: Path | str | None = None,
    config: BatchConfig | None = None,
    *,
    read_options: OptionsReader | None = None,
    takes: Callable[[Source], bool] | None = None,
    words: Callable[[str], str] = str,
) -> Generator[BatchEvent, None, BatchEnded]:
    """Do the work of ``compress_many`` step by step; arguments are the same.

    Args:
        sources: See ``compress_many``, as for the next two.
        output: A folder.
        config: Options.
        read_options: Reads the options that lists give to single files.
        takes: Whether a source is to be compressed now; None = all are.
        words: Puts a message into the user's words, for the report.

    Yields:
        ``Planned``, then ``JobBegan``, ``JobProgress``, ``JobNotice``, ``JobPlaced`` on a cluster, and
        ``JobEnded`` of each job that is not done yet, and ``BatchEnded``. Closing the generator early lets
        what is unfinished wait. In programs that hear signals (``interrupts.listen``) it ends by
        itself after the first Ctrl-C, and says ``Stopping``.
    """
    started = time.monotonic()
    config = or_default(config, BatchConfig)
    names = [os.fspath(one) for one in sources]
    folder = None if output is None else Path(output)
    store_path = store_for(names, folder, config)
    page = None
    if config.report is not None:
        from semvid.batch.report import BatchReport

        page = BatchReport(config.report, overwrite=config.overwrite, words=words)
    found = find_sources(names, left_out_of(folder, config.trash))
    taken = [one for one in found.sources if takes is None or takes(one)]
    with JobStore(store_path) as store:
        recover(store)
        plan = plan_jobs(taken, folder, config, store, read_options)
        states = store.add(plan.jobs, again=not config.resume)
        by_output = {one.output: one for one in plan.jobs}
        ours = [one.id for one in store.entries() if one.output in by_output]
        store.work_on(ours)
        waiting = [job for job, state in zip(plan.jobs, states, strict=True) if state == "waiting"]
        yield Planned(
            len(states), len(waiting), sum(one.identity.size for one in waiting), dict(found.passed_over)
        )
        for fault in found.faults:
            yield JobNotice(0, fault.path, fault.message)
        failures, faults = plan.failures, found.faults
        num_pieces = count_pieces(plan.jobs)
        open_jobs = {one.output for one, state in zip(plan.jobs, states, strict=True) if state in UNFINISHED}
        there = {output: seen for output, seen in plan.there.items() if output in open_jobs}
        if takes is not None and not waiting and config.report is not None and config.report.exists():
            page = None
        # There may be a million, and from here on the store knows them.
        del found, taken, plan, states, by_output, waiting, open_jobs
        pool = open_pool(config, num_pieces)
        batch = Batch(store, config, failures, store_path.parent, pool, there=there)
        try:
            with beating(store_path, batch.holder):
                yield from batch.run()
        finally:
            seconds = time.monotonic() - started
            ended = _sum_up(store, ours, len(faults), seconds, is_stopped=batch.is_stopped)
            if page is not None:
                with interrupts.shielded():
                    # A watch is of what comes and goes.
                    known = store.entries(jobs=ours if takes is None else None)
                    size = page.write(known, faults, ended)
    if page is not None:
        yield Reported(page.path, size)
    yield ended
    return ended


def store_for(names: Sequence[str], output: Path | None, config: BatchConfig) -> Path:
    """Return where the jobs of a batch are noted; its folder is made.

    Raises:
        ConfigError: The output is no folder for these sources.
        OutputError: The folder cannot be made.
    """
    if output is not None:
        check_output_folder(output, names)
    elif not config.replace:
        raise ConfigError("many files need a folder for their outputs; give `output`, or `replace`")
    base = output
    if base is None:
        first = Path(names[0].removeprefix("@"))
        base = first if first.is_dir() else first.parent
    folder = base / WORK_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"the folder {folder} cannot be created: {reason(error)}; choose another `output`"
        ) from error
    return folder / STORE


class Batch:
    """Takes jobs, hands them to processes, and settles them.

    Args:
        store: The jobs; it knows which are to be done (``work_on``).
        config: How.
        failures: By output, why a job cannot be done.
        folder: For what is unfinished.
        pool: Does the work; not entered yet.
        clock: Seconds that never go back, of any zero.
        there: Outputs that may be replaced, with size and time; see ``Plan``.
        control: Who tells it what to do meanwhile; None = only Ctrl-C ends it.

    Attributes:
        holder: Whose the jobs in hand are.
        is_stopped: Whether the user wanted it to end.
    """

    def __init__(
        self,
        store: JobStore,
        config: BatchConfig,
        failures: Mapping[Path, str],
        folder: Path,
        pool: Pool,
        clock: Callable[[], float] = time.monotonic,
        *,
        there: Mapping[Path, tuple[int, int]] | None = None,
        control: Control | None = None,
    ) -> None:
        self._control, self._asked = control or NoControl(), control
        self._store, self._config, self._failures = store, config, failures
        self._there = there or {}
        self._tag = hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:8]
        self._folder, self._pool, self._clock = folder, pool, clock
        self.holder = new_holder()
        self._held: dict[int, Taken] = {}
        self._work: dict[int, Path] = {}
        self._pace: dict[int, Pace] = {}
        self._whole_of_failed: set[int] = set()
        self._told_to_have_failed: set[int] = set()
        self._beaten = self._clock()
        self.is_stopped = False
        self._ends_by = math.inf
        """When what has not come far is given back."""

    def run(self) -> Generator[BatchEvent, None, None]:
        """Go on until nothing is left that somebody else does not hold, or the user wants it to end."""
        try:
            with asking(self._asked) as is_asked, self._pool as pool:
                while True:
                    yield from self._call_off(pool)
                    while pool.num_free and not is_asked() and self._control.may_begin(self._store):
                        taken = self._store.take(self.holder, self._config.attempts)
                        if taken is None:
                            break
                        yield from self._begin(taken, pool)
                    yield from self._failed_with_parts()
                    if is_asked():
                        yield from self._wind_down(pool)
                    if not self._held and (is_asked() or not self._store.is_any_left()):
                        return
                    told = pool.next(_POLL_SECONDS)
                    if told is not None and told.job in self._held:
                        yield from self._hear(told)
                    self._beat()
        finally:
            for number in list(self._held):
                self._let_go(number)
                self._store.give_back(number, self.holder)

    def _wind_down(self, pool: Pool) -> Generator[BatchEvent, None, None]:
        """Give back what will not be done soon; parts of long videos are done soon."""
        now, was_stopped = self._clock(), self.is_stopped
        if not was_stopped:
            self.is_stopped, self._ends_by = True, now + FINISH_SECONDS
        given_back = [
            one
            for one in self._held.values()
            if self._control.is_to_end_now()
            or (one.whole is None and not self._pace[one.id].is_done_by(self._ends_by, now))
        ]
        if not was_stopped and self._held:
            yield Stopping(len(self._held) - len(given_back), len(given_back), FINISH_SECONDS)
        pool.break_off([one.id for one in given_back])
        for one in given_back:
            self._let_go(one.id)
            self._store.give_back(one.id, self.holder)
            yield self._ended(one, "waiting", "given back, to be begun again by the next run")

    def _call_off(self, pool: Pool) -> Generator[BatchEvent, None, None]:
        """Cancel jobs that run, with all their parts."""
        wholes = set(self._control.called_off())
        if not wholes:
            return
        held = [one for one in self._held.values() if wholes & {one.id, one.whole}]
        pool.break_off([one.id for one in held])
        for one in held:
            self._let_go(one.id)
            self._store.give_back(one.id, self.holder)
        self._store.cancel(sorted(wholes))
        for one in held:
            yield self._ended(one, "cancelled", "")

    def _begin(self, taken: Taken, pool: Pool) -> Generator[BatchEvent, None, None]:
        self._held[taken.id] = taken
        self._pace[taken.id] = Pace(self._clock())
        fault = self._failures.get(taken.output)
        if fault is not None:
            yield self._settle(taken, "failed", fault)
            return
        joining = None
        if taken.task["part_seconds"]:
            film = self._film(taken)
            if film.is_undivided:
                yield self._encode_parts(taken, film)
                return
            if not film.is_empty:
                joining = film.joining()
        parts = () if joining is None else joining.parts
        part, num_parts = _place(taken)
        yield JobBegan(
            taken.id, taken.source, taken.output, taken.num_attempts, part or None, num_parts or len(parts),
            taken.identity.size,
        )  # fmt: skip
        try:
            taken.output.parent.mkdir(parents=True, exist_ok=True)
            where = taken.source.parent if self._config.replace and taken.whole is None else self._folder
            lack = room_for(taken.source, where)
        except OSError as error:
            lack = f"{taken.output} cannot be written: {reason(error)}"
        if lack is not None:
            yield self._settle(taken, "failed", lack)
            return
        # Hidden, and named for the job: whoever does it again writes over what was left. Jobs of other stores
        # may have the same number, and write beside the same sources.
        self._work[taken.id] = where / f".semvid-{self._tag}-{taken.id}{taken.output.suffix}"
        if joining is not None:
            taken = replace(taken, task={**taken.task, **joining.record})
        pool.begin(taken, self._work[taken.id], parts)

    def _film(self, taken: Taken) -> FilmJobs:
        folder = self._folder / PARTS / str(taken.id)
        return FilmJobs(taken, list(self._store.entries(of_whole=taken.id)), folder)

    def _divide(self, taken: Taken, spans: Sequence[Bare]) -> Generator[BatchEvent, None, None]:
        """Make jobs of a long video, which a worker found out how to divide."""
        film = self._film(taken)
        self._let_go(taken.id)
        self._store.divide(taken.id, self.holder, film.first(spans))
        yield JobNotice(taken.id, taken.source, f"is compressed in {len(spans)} parts")
        yield JobProgress(taken.id, f"{len(spans)} parts", 0, None)

    def _encode_parts(self, taken: Taken, film: FilmJobs) -> BatchEvent:
        """Make jobs of the parts of a video, once it is known how to encode them."""
        jobs, noted = film.parts()
        self._let_go(taken.id)
        self._store.divide(taken.id, self.holder, jobs, film.solver, noted)
        way = "was found for" if noted["solution"]["slope"] else "is that of"
        found = f"CRF {noted['base']:g} {way} all of its {len(jobs)} parts"
        return JobNotice(taken.id, taken.source, found)

    def _again(self, taken: Taken, result: dict[str, Any]) -> BatchEvent:
        """Make jobs of those parts of a video that need another quality for the whole to be as asked for."""
        film = self._film(taken)
        jobs, noted = film.again(result["again"])
        self._let_go(taken.id)
        self._store.divide(taken.id, self.holder, jobs, film.solver, noted)
        many = f"{len(jobs)} of {len(noted['qualities'])} parts are encoded again"
        what = many if jobs else "an earlier encode is nearer"
        return JobNotice(taken.id, taken.source, f"{result['remark']}; {what}")

    def _hear(self, told: Told) -> Generator[BatchEvent, None, None]:
        taken, pace, record = self._held[told.job], self._pace[told.job], told.record
        match record["event"]:
            case "progress":
                num_frames, total = record["num_frames"], record["num_frames_from_header"]
                pace.see(num_frames, total)
                yield JobProgress(told.job, pace.stage, num_frames, total)
            case "stage":
                pace.begin_stage(record["name"], self._clock())
                yield JobProgress(told.job, record["name"], 0, None)
            case "notice":
                yield JobNotice(told.job, taken.source, record["message"])
            case "placed":
                ways = record["source"], record["output"]
                yield JobPlaced(told.job, taken.source, record["node"], *ways)
            case "died":
                if taken.num_attempts < self._config.attempts:
                    self._let_go(taken.id)
                    self._store.give_back(taken.id, self.holder, why=record["message"], counts=True)
                    yield self._ended(taken, "waiting", f"{record['message']}; it is tried again")
                else:
                    times = counted(taken.num_attempts, "time")
                    yield self._settle(taken, "failed", f"{record['message']}; it was tried {times}")
            case "ended" if "spans" in record:
                yield from self._divide(taken, record["spans"])
            case "ended" if "again" in record.get("result", ()):
                yield self._again(taken, record["result"])
            case "ended" if "result" in record:
                yield self._finish(taken, record["result"])
            case _:
                yield self._settle(taken, "failed", self._config.strictly(record["message"]))

    def _finish(self, taken: Taken, result: dict[str, Any]) -> BatchEvent:
        """Decide whether an output is worth having, and give it its name."""
        work, is_part = self._work[taken.id], taken.whole is not None
        if not is_part and (why := why_skipped([result], self._config)) is not None:
            return self._settle(taken, "skipped", why)
        try:
            replaces = self._config.replace and not is_part
            place = {ours: taken.task[name] for name, ours in _KEPT.items() if name in taken.task}
            whole = {**result, **place, "output": asdict(identify(work)), "replaces": replaces}
            whole["seconds"] = self._seconds(taken)
            if not self._store.note(taken.id, self.holder, whole):
                self._let_go(taken.id)
                return self._ended(taken, "running", "another process does it")
            if replaces:
                replace_source(work, taken.source, taken.output, taken.identity, self._config.trash)
            else:
                may_replace = self._config.overwrite or is_part or self._is_as_planned(taken.output)
                publish(work, taken.output, may_replace=may_replace)
        except SemvidError as error:
            return self._settle(taken, "failed", str(error))
        ended = self._settle(taken, "done", "", whole)
        shutil.rmtree(self._folder / PARTS / str(taken.id), ignore_errors=True)
        return ended

    def _is_as_planned(self, output: Path) -> bool:
        """Whether what has the name of an output is what had it when that was found to be ours."""
        status = output.stat() if output.exists() else None
        return status is not None and self._there.get(output) == (status.st_size, status.st_mtime_ns)

    def _seconds(self, taken: Taken) -> float:
        """Return how long a job has taken, with all its parts."""
        seconds = self._pace[taken.id].seconds(self._clock())
        if taken.whole is None and taken.task["part_seconds"]:
            for part in self._store.entries(of_whole=taken.id):
                seconds += (part.result or {}).get("seconds", 0.0)
        return seconds

    def _settle(
        self, taken: Taken, state: Settled, why: str, result: dict[str, Any] | None = None
    ) -> BatchEvent:
        self._let_go(taken.id)
        self._store.settle(taken.id, self.holder, state, why, result)
        if state == "failed" and taken.whole is not None:
            self._whole_of_failed.add(taken.whole)
        return self._ended(taken, state, why, result)

    def _failed_with_parts(self) -> Iterator[JobEnded]:
        """Tell of films that have failed since a part of them did, once each."""
        news = self._whole_of_failed - self._told_to_have_failed
        if news:
            self._told_to_have_failed |= news
            for one in self._store.entries(["failed"], sorted(news)):
                yield JobEnded(one.id, one.source, one.output, one.state, one.reason, None)

    def _let_go(self, job: int) -> None:
        self._held.pop(job)
        self._pace.pop(job, None)
        work = self._work.pop(job, None)
        if work is not None:
            work.unlink(missing_ok=True)

    def _ended(
        self, taken: Taken, state: State, why: str, result: dict[str, Any] | None = None
    ) -> BatchEvent:
        part, num_parts = _place(taken)
        if part is None:
            return JobEnded(taken.id, taken.source, taken.output, state, why, result)
        return PartEnded(taken.id, taken.source, part, num_parts, state, why)

    def _beat(self) -> None:
        if self._clock() - self._beaten > LEASE_SECONDS / _BEATS_PER_LEASE:
            self._beaten = self._clock()
            self._store.beat(self.holder)


def _place(taken: Taken) -> tuple[int | None, int]:
    """Return which part of a video a job is, from 1, and how many there are.

    None and 0 = it is none; 0 = it finds out how to encode all of them.
    """
    if taken.whole is None:
        return None, 0
    return taken.task.get("part", -1) + 1, taken.task.get("num_parts", 0)


def _sum_up(
    store: JobStore, ours: Sequence[int], num_faults: int, seconds: float, *, is_stopped: bool
) -> BatchEnded:
    # What could not be looked into is no job, and has failed all the same.
    counts: dict[State, int] = {"failed": num_faults} if num_faults else {}
    source_bytes = output_bytes = 0
    for one in store.entries(jobs=ours):
        counts[one.state] = counts.get(one.state, 0) + 1
        if one.state == "done" and one.result is not None:
            source_bytes += one.result["source_bytes"]
            output_bytes += one.result["output_bytes"]
    return BatchEnded(counts, source_bytes, output_bytes, seconds, is_stopped)
