"""The queue of the page: jobs in the store that ``semvid batch`` has too, done one after another."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from semvid.batch.config_pool import open_pool
from semvid.batch.jobs.heartbeat import beating
from semvid.batch.jobs.identity import identify
from semvid.batch.jobs.records import Entry, NewJob
from semvid.batch.jobs.store import STORE, WORK_FOLDER, JobStore
from semvid.batch.recovery import recover
from semvid.batch.run import Batch
from semvid.batch.tasks.pool import Pool
from semvid.batch.tasks.task import Task
from semvid.codecs.registry import at_quality, find_codec
from semvid.core.closing import Closing
from semvid.core.config import BatchConfig, CompressConfig, ImageConfig
from semvid.core.errors import ConfigError, OutputError, SemvidError
from semvid.core.text import reason
from semvid.core.threads import available_cores
from semvid.media.probe import probe
from semvid.media.stills.picture_file import is_still
from semvid.media.writing.destination import default_output
from semvid.products.ways import has_wish
from semvid.studio.job_progress import JobProgresses
from semvid.studio.job_view import JobView, is_picture, view_of

_OWNER = "studio"
"""In the tasks of our jobs: those of ``semvid batch`` are done by it alone, as its options say."""
_CORES_PER_FILE = 8
"""Jobs are done in order, as one sees them; on machines with many cores one does not fill them."""
_MOST_SHOWN = 500
_IDLE_SECONDS = 2.0
_MOST_NUMBER = 10_000
_MOST_SECONDS_TO_BREAK_OFF = 20.0


class Queue(Closing):
    """Jobs of a folder, and a thread that does them one after another.

    Its methods may be called from any thread. Jobs are kept in ``FOLDER/.semvid``, where ``semvid jobs``
    shows them: after a restart, whatever ended the program, it goes on with what is left.

    Args:
        folder: Nothing is written outside of it.
        open_workers: Opens what does the jobs; None = processes of this machine.

    Attributes:
        folder: The folder, without links.
    """

    def __init__(self, folder: Path, open_workers: Callable[[], Pool] | None = None) -> None:
        self.folder = Path(os.path.realpath(folder))
        self._path = self.folder / WORK_FOLDER / STORE
        # As many whatever waits: with other numbers of threads a job that goes on comes to other bytes.
        self._config = BatchConfig(jobs=max(available_cores() // _CORES_PER_FILE, 1))
        self._open_workers = open_workers or (lambda: open_pool(self._config, self._config.jobs or 1))
        self._told = JobProgresses()
        self._control = _Control(self._ours)
        self._thread = threading.Thread(target=self._run, name="semvid-queue", daemon=True)
        self._adding = threading.Lock()
        self.failure = ""
        """Why nothing is done any more; empty = that is not so."""

    def start(self) -> None:
        """Begin to work; what an earlier run left goes on."""
        self._thread.start()

    def close(self) -> None:
        """Finish what will be done within a minute and parts of long videos; the rest waits for the next run.

        A second call does not wait for any of it, nor does one after ``end_now``.
        """
        if self._control.ends:
            self._control.ends_now = True
        self._control.ends = True
        self._control.wake()
        if self._thread.ident is not None:
            self._thread.join()

    def end_now(self) -> None:
        """Have ``close`` wait for nothing: all that is in hand is begun again by the next run."""
        self._control.ends = self._control.ends_now = True
        self._control.wake()

    @property
    def is_working(self) -> bool:
        """Whether a job is worked on."""
        return bool(self._told.running())

    @property
    def is_paused(self) -> bool:
        """Whether nothing is begun; what is in hand is finished."""
        return self._control.is_paused

    def pause(self) -> None:
        """Begin nothing more until ``resume``; parts of long videos that are not begun wait too."""
        self._control.is_paused = True

    def resume(self) -> None:
        """Go on."""
        self._control.is_paused = False
        self.failure = ""
        self._control.wake()

    def add(self, source: Path, config: CompressConfig | ImageConfig) -> int:
        """Add a job, whose output gets a name beside its source that no file and no other job has.

        Args:
            source: A video or picture in the folder. The output of what is in a folder of semvid's own, as
                what was dropped on the page, goes to the folder itself.
            config: How it is compressed.

        Returns:
            Its number.

        Raises:
            SemvidError: The source is not in the folder or cannot be read, or an option is wrong.
        """
        return self.add_all([(source, config)], again=True)[0]

    def add_all(
        self, wanted: Sequence[tuple[Path, CompressConfig | ImageConfig]], *, again: bool = False
    ) -> list[int]:
        """Add jobs, all or none; see ``add``.

        Args:
            wanted: Sources, and how each is compressed.
            again: Also those that are done, or still to be done, in the very same way; else these stay.

        Returns:
            Their numbers, one for each that is wanted.

        Raises:
            SemvidError: See ``add``.
        """
        jobs = [self._job_of(*one) for one in wanted]
        self._make_folder()
        # Two that come at once must not get the same name.
        with self._adding, JobStore(self._path) as store:
            known = list(store.entries())
            taken = {one.output for one in known}
            by_source: dict[Path, list[Entry]] = {}
            for each in known:
                by_source.setdefault(each.source, []).append(each)
            outputs, added = [], []
            for one in jobs:
                kept = None if again else _kept(store, by_source.get(one.source, []), one)
                if kept is None:
                    kept = _free_name(one.output.parent, one.source.stem, one.output.suffix, taken)
                    taken.add(kept)
                    added.append(replace(one, output=kept))
                outputs.append(kept)
            store.add(added)
            numbers = {one.output: one.id for one in store.entries()}
        self._control.wake()
        return [numbers[one] for one in outputs]

    def _job_of(self, source: Path, config: CompressConfig | ImageConfig) -> NewJob:
        """Return a job whose output has no name yet, but the right folder and ending."""
        source = Path(os.path.realpath(source))
        if not source.is_relative_to(self.folder):
            raise ConfigError(f"{source} is not in {self.folder}; choose a file of that folder")
        task = Task(source, config)
        record = {
            **task.to_plain(), "least_saving": None, "replace": False, "owner": _OWNER,
            "part_seconds": self._config.part_seconds if task.may_be_divided else 0,
        }  # fmt: skip
        is_own = WORK_FOLDER in source.relative_to(self.folder).parts
        place = self.folder if is_own else source.parent
        output = place / f"{source.stem}{_suffix_of(source, config)}"
        return NewJob(source, output, record, identify(source))

    def jobs(self) -> list[JobView]:
        """Return all jobs of the folder as they are now, those of ``semvid batch`` too; the newest 500."""
        if not self._path.exists():
            return []
        running = self._told.running()
        with JobStore(self._path) as store:
            ours = set(store.numbers_of(_OWNER))
            entries = list(store.entries())[-_MOST_SHOWN:]
            found = []
            for one in entries:
                may_have_parts = one.state in {"waiting", "running"} and not is_picture(one)
                parts = list(store.entries(of_whole=one.id)) if may_have_parts else []
                told = self._told.of(one.id, parts)
                is_running = any(each in running for each in (one.id, *(part.id for part in parts)))
                found.append(view_of(one, told, self.folder, is_running=is_running, is_ours=one.id in ours))
        return found

    def entry(self, job: int) -> Entry:
        """Return a job.

        Raises:
            ConfigError: There is none of this number, or its files are not in the folder.
        """
        if self._path.exists():
            with JobStore(self._path) as store:
                for one in store.entries(jobs=[job]):
                    if self._is_inside(one):
                        return one
        raise ConfigError(f"there is no job {job} here any more; look at the list again")

    def config_of(self, job: int) -> CompressConfig | ImageConfig:
        """Return how a job is compressed.

        Raises:
            ConfigError: See ``entry``.
        """
        entry = self.entry(job)
        with JobStore(self._path) as store:
            return Task.from_plain(store.task_of(job), entry.source).config

    def cancel(self, job: int) -> None:
        """Cancel a job that waits or runs; nothing of it is kept but finished parts of a long video.

        Raises:
            ConfigError: It is over, or another process works on it.
        """
        entry = self.entry(job)
        with JobStore(self._path) as store:
            was_waiting = store.cancel([job]) > 0
            parts = [one.id for one in store.entries(of_whole=job)]
        in_hand = self._told.running()
        if any(one in in_hand for one in (job, *parts)):
            self._control.call_off(job)
        elif not was_waiting and entry.state == "running":
            raise ConfigError(f"another process works on {entry.source.name}; stop it there")
        elif not was_waiting:
            raise ConfigError(f"{entry.source.name} is {entry.state} already; there is nothing to cancel")
        self._control.wake()

    def retry(self, job: int) -> None:
        """Have a job that failed or was cancelled wait again.

        Raises:
            ConfigError: It did neither.
        """
        entry = self.entry(job)
        with JobStore(self._path) as store:
            if not store.retry([job]):
                raise ConfigError(f"{entry.source.name} is {entry.state}; only what failed is tried again")
        self._control.wake()

    def delete(self, job: int, *, with_output: bool = False) -> None:
        """Take a job that is over out of the list.

        Args:
            job: Its number.
            with_output: Delete the file that it made, too.

        Raises:
            ConfigError: It is not over; or the file is not the one that the job made.
            OutputError: The file cannot be deleted.
        """
        entry = self.entry(job)
        if entry.state in {"waiting", "running"}:
            raise ConfigError(f"{entry.source.name} is {entry.state}; cancel it first")
        if with_output and entry.output.exists():
            made = entry.made
            if entry.output == entry.source or made is None or not identify(entry.output).is_content_of(made):
                raise ConfigError(
                    f"{entry.output.name} is not as semvid made it; delete it yourself, if you do not need it"
                )
            try:
                entry.output.unlink()
            except OSError as error:
                raise OutputError(
                    f"{entry.output.name} cannot be deleted: {reason(error)}; delete it yourself"
                ) from error
        with JobStore(self._path) as store:
            store.forget(job)

    def _make_folder(self) -> None:
        folder = self._path.parent
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"{folder} cannot be made: {reason(error)}; start semvid studio in a folder you can write to"
            ) from error
        if not Path(os.path.realpath(self._path)).is_relative_to(self.folder):
            raise OutputError(f"{self._path} leads out of {self.folder}; remove that link")

    def _is_inside(self, entry: Entry) -> bool:
        # Whoever made the folder may have put a store into it.
        places = (entry.source, entry.output.parent)
        return all(Path(os.path.realpath(one)).is_relative_to(self.folder) for one in places)

    def _ours(self, store: JobStore) -> list[int]:
        return [one.id for one in store.entries(jobs=store.numbers_of(_OWNER)) if self._is_inside(one)]

    def _run(self) -> None:
        is_first = True
        while not self._control.ends:
            try:
                if self._path.exists():
                    self._make_folder()
                    with JobStore(self._path) as store:
                        if is_first:
                            recover(store)
                            is_first = False
                        if not self._control.is_paused and not self.failure:
                            self._work(store)
            except SemvidError as error:
                self.failure = str(error)
            except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
                self.failure = f"{type(error).__name__}: {error}"
            if not self._control.ends:
                self._control.wait(_IDLE_SECONDS)

    def _work(self, store: JobStore) -> None:
        store.work_on(self._ours(store))
        if not store.is_any_left():
            return
        batch = Batch(store, self._config, {}, self._path.parent, self._open_workers(), control=self._control)
        try:
            with beating(self._path, batch.holder), closing(batch.run()) as events:
                for event in events:
                    self._told.hear(event)
        finally:
            self._told.forget_running()
            self._control.ended()


class _Control:
    """What the page wants of the batch that runs; see ``batch.control.Control``."""

    def __init__(self, ours: Callable[[JobStore], list[int]]) -> None:
        self._ours = ours
        self.ends = self.ends_now = self.is_paused = False
        self._changing = threading.Condition()
        self._called_off: set[int] = set()
        self._broken_off: set[int] = set()
        """What is being broken off, until the batch asks again."""
        self._woken = threading.Event()
        self._has_news = False

    def wake(self) -> None:
        """Have a look at the store soon."""
        self._has_news = True
        self._woken.set()

    def wait(self, seconds: float) -> None:
        """Wait until there is something to look at, at most so long."""
        self._woken.wait(seconds)
        self._woken.clear()

    def call_off(self, job: int) -> None:
        """Have a job that runs broken off, and wait until it is."""
        with self._changing:
            self._called_off.add(job)
            self._changing.wait_for(
                lambda: job not in self._called_off | self._broken_off, _MOST_SECONDS_TO_BREAK_OFF
            )

    def ended(self) -> None:
        """Take note that no batch runs any more: nothing is left to break off."""
        with self._changing:
            self._called_off, self._broken_off = set(), set()
            self._changing.notify_all()

    def is_to_end(self) -> bool:
        """See ``Control``."""
        return self.ends

    def is_to_end_now(self) -> bool:
        """See ``Control``."""
        return self.ends_now

    def may_begin(self, store: JobStore) -> bool:
        """See ``Control``."""
        if self._has_news:
            # What comes from now on is news again.
            self._has_news = False
            store.work_on(self._ours(store))
        return not self.is_paused

    def called_off(self) -> Collection[int]:
        """See ``Control``."""
        with self._changing:
            self._broken_off, self._called_off = self._called_off, set()
            self._changing.notify_all()
            return set(self._broken_off)


def _suffix_of(source: Path, config: CompressConfig | ImageConfig) -> str:
    """Return the ending of an output's name; options that its codec does not take are refused."""
    if is_still(source) or isinstance(config, ImageConfig):
        if not isinstance(config, ImageConfig):
            raise ConfigError(f"{source.name} is a picture; choose what is for pictures")
        return ".jpg"
    codec = find_codec(config.codec)
    # What is searched has no quality yet.
    begun = at_quality(config, codec.scale.default) if has_wish(config) else config
    coding_format = codec.coding(begun).coding_format
    return default_output(probe(source), coding_format, replace(config, overwrite=True)).suffix


def _kept(store: JobStore, known: Sequence[Entry], wanted: NewJob) -> Path | None:
    """Return the output of a job that has done, or will do, the very same; None = there is none.

    Args:
        store: Has the jobs.
        known: Those of the same source.
        wanted: What is to be done.
    """
    for one in reversed(known):
        if one.state not in {"waiting", "running", "done"}:
            continue
        is_lost = one.state == "done" and not one.output.exists()
        same = replace(wanted, output=one.output, is_lost=is_lost)
        if store.task_of(one.id) == wanted.task and store.state_of(same) == one.state:
            return one.output
    return None


def _free_name(folder: Path, stem: str, suffix: str, taken: Collection[Path]) -> Path:
    for number in range(1, _MOST_NUMBER):
        more = "" if number == 1 else f"-{number}"
        path = folder / f"{stem}.semvid{more}{suffix}"
        if path not in taken and not os.path.lexists(path):
            return path
    raise OutputError(f"{stem} was compressed ten thousand times; delete some of {folder}")
