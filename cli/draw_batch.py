"""Draws the events of a batch: a line for each file in hand and one for all, or JSON lines."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from semvid.batch.events import (
    BatchEnded,
    BatchEvent,
    Estimated,
    JobBegan,
    JobEnded,
    JobNotice,
    JobPlaced,
    JobProgress,
    PartEnded,
    Planned,
    Stopping,
)
from semvid.cli.draw import change, format_bytes, to_json
from semvid.cli.draw_images import FirstOfKind, passed_over_line
from semvid.cli.flags import told
from semvid.cli.streams import emit, say
from semvid.cli.work_done import WorkDone
from semvid.core import interrupts
from semvid.core.errors import SemvidError
from semvid.core.events import Reported
from semvid.core.text import counted, visible


class BatchDrawer:
    """Shows files in hand and totals on stderr, and a line for each file on stdout when it ends.

    Attributes:
        num_failed: Jobs that failed, in this run or before; known at the end.
        stopped: What there was at the end that the user wanted; None = all was done.
    """

    exit_code = SemvidError.exit_code

    def __init__(self) -> None:
        self.num_failed = 0
        self.stopped: BatchEnded | None = None
        self._stderr = Console(stderr=True, highlight=False)
        self._bar = Progress(
            TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(), console=self._stderr, transient=True, refresh_per_second=4,
        )  # fmt: skip
        self._all: TaskID | None = None
        self._tasks: dict[int, TaskID] = {}
        self._num_jobs = self._num_settled = 0
        self._work, self._started = WorkDone(0), time.monotonic()
        self._notices = FirstOfKind("file")
        self._report = ""
        self._estimates: list[Estimated] = []
        self._began: dict[int, float] = {}
        self._whole: dict[Path, int] = {}
        """By source, the job that is of all of it."""
        self._sent: set[str] = set()

    def __enter__(self) -> Self:
        if self._stderr.is_terminal:
            self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar.live.is_started:
            self._bar.stop()

    def draw(self, event: BatchEvent | Estimated) -> None:
        """Show one event."""
        interrupts.check()
        match event:
            case Planned():
                self._plan(event)
            case JobBegan():
                self._begin(event)
            case JobProgress():
                self._follow(event)
            case JobNotice():
                self._tell_all(self._notices.see(event.source, event.message))
            case JobPlaced():
                self._tell_of_node(event)
            case JobEnded():
                self._end(event)
            case PartEnded():
                self._end_part(event)
            case Estimated():
                self._estimates.append(event)
                self._bar.update(self._progress_of_all(), note=f"{len(self._estimates)} tried")
            case Stopping():
                self._tell(stopping_line(event))
            case Reported():
                self._report = f"{event.output}: report, {format_bytes(event.output_bytes)}"
            case BatchEnded():
                self.num_failed = event.counts.get("failed", 0)
                self.stopped = event if event.is_stopped else None
                self.__exit__()
                self._tell_all(self._notices.sum_up())
                for line in filter(None, (totals_line(event), self._report)):
                    say(line)

    def _begin(self, event: JobBegan) -> None:
        name = visible(event.source.name)
        if event.num_parts:
            name += f" ({event.part or 'all'} of {event.num_parts} parts)"
        # A film in parts is begun twice: to divide it, and to join it.
        self._hide(event.job)
        if event.part:
            self._hide(self._whole.get(event.source, event.job))
        else:
            self._whole[event.source] = event.job
        self._tasks[event.job] = self._bar.add_task(name, total=None, note="")
        self._began.setdefault(event.job, time.monotonic())
        share = 1 / event.num_parts if event.part else float(not event.num_parts)
        self._work.begin(event.job, event.source, event.source_bytes, share)

    def _follow(self, event: JobProgress) -> None:
        task = self._tasks.get(event.job, self._all)
        if task is not None:
            note = event.stage or counted(event.num_frames, "frame")
            self._bar.update(task, completed=event.num_frames, total=event.num_frames_from_header, note=note)
        if event.num_frames_from_header and not event.stage:
            self._work.follow(event.job, event.num_frames / event.num_frames_from_header)
            self._show_all()

    def _tell_of_node(self, event: JobPlaced) -> None:
        """Say once of each node that files are sent to it."""
        line = sent_line(event)
        if line and line not in self._sent:
            self._sent.add(line)
            self._tell(f"note: {line}")

    def _show_all(self) -> None:
        """Show how much is done, and how long the rest may take."""
        if self._all is None:
            return
        left = self._work.seconds_left(time.monotonic() - self._started)
        note = f"{self._num_settled} of {self._num_jobs}"
        if left is not None:
            note += f", about {timedelta(seconds=round(left))} left"
        self._bar.update(self._all, completed=self._work.share, note=note)

    def _end_part(self, event: PartEnded) -> None:
        self._hide(event.job)
        self._work.end_part(event.job, is_done=event.state == "done")
        self._show_all()
        if event.state != "done":
            name = visible(event.source.name)
            place = f", part {event.part} of {event.num_parts}" if event.part else ""
            self._tell(f"note: {name}{place}: {told(event.reason)}")

    def _progress_of_all(self) -> TaskID:
        if self._all is None:
            self._all = self._bar.add_task("all", total=None, note="")
        return self._all

    def tell_estimates(self) -> None:
        """Print what was tried, as a table with totals; nothing if nothing was."""
        if not self._estimates:
            return
        self.__exit__()
        self.num_failed = sum(one.output_bytes is None for one in self._estimates)
        for one in sorted(self._estimates, key=lambda each: each.job):
            say(estimate_line(one))
        say(estimate_totals(self._estimates))

    def _plan(self, event: Planned) -> None:
        if event.passed_over:
            self._tell(f"note: {passed_over_line(event.passed_over, 'videos or pictures')}")
        self._num_jobs = event.num_waiting
        done = event.num_jobs - event.num_waiting
        line = f"{counted(event.num_jobs, 'file')}, {format_bytes(event.source_bytes)} to compress"
        self._tell(f"{line}; {done} settled before" if done else line)
        self._work, self._started = WorkDone(event.source_bytes), time.monotonic()
        self._all = self._bar.add_task("all", total=1.0, note="")
        self._show_all()

    def _end(self, event: JobEnded) -> None:
        self._hide(event.job)
        self._whole.pop(event.source, None)
        seconds = time.monotonic() - self._began.pop(event.job, time.monotonic())
        if event.state in {"done", "skipped", "failed"}:
            self._num_settled += 1
            self._work.settle(event.job, event.source)
        else:
            self._work.end_part(event.job, is_done=False)
        self._show_all()
        line = job_line(event, seconds)
        if event.state == "failed":
            self._tell(f"semvid: {line}")
        else:
            say(line)

    def _hide(self, job: int) -> None:
        task = self._tasks.pop(job, None)
        if task is not None:
            self._bar.remove_task(task)

    def _tell(self, line: str) -> None:
        self._stderr.print(line, markup=False, soft_wrap=True)

    def _tell_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._tell(line)


class BatchJsonPrinter:
    """Prints the events of a batch as JSON objects, one per line."""

    def tell_estimates(self) -> None:
        """Each was printed as it came."""

    exit_code = SemvidError.exit_code

    def __init__(self) -> None:
        self.num_failed = 0
        self.stopped: BatchEnded | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return

    def draw(self, event: BatchEvent | Estimated) -> None:
        """Print one event."""
        interrupts.check()
        if isinstance(event, Estimated):
            self.num_failed += event.output_bytes is None
        if isinstance(event, BatchEnded):
            self.num_failed = event.counts.get("failed", 0)
            self.stopped = event if event.is_stopped else None
        record = {key: _plain(value) for key, value in dataclasses.asdict(event).items()}
        emit(to_json({"event": type(event).__name__.lower(), **record}))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def sent_line(event: JobPlaced) -> str:
    """Say what a node does not see; empty = it sees all."""
    node = visible(event.node)
    match event.source_way != "shared", event.output_way != "shared":
        case True, True:
            return f"node {node} does not see these folders; sources are sent to it, and outputs back"
        case True, False:
            return f"node {node} does not see the sources; they are sent to it"
        case False, True:
            return f"node {node} does not see the output folder; outputs are sent back"
    return ""


def estimate_line(event: Estimated) -> str:
    """Say what one file would come to."""
    name = visible(str(event.source))
    if event.output_bytes is None or event.seconds is None:
        return f"{name}: would fail: {told(event.reason)}"
    after = event.output_bytes / max(event.source_bytes, 1) - 1
    sizes = (
        f"{format_bytes(event.source_bytes)} -> about {format_bytes(event.output_bytes)} ({change(after)})"
    )
    return f"{visible(str(event.output))}: {sizes}, in about {event.seconds:.0f} s"


def estimate_totals(events: Sequence[Estimated]) -> str:
    """Say what all would come to."""
    able = [one for one in events if one.output_bytes is not None]
    before, after = sum(one.source_bytes for one in able), sum(one.output_bytes or 0 for one in able)
    seconds = sum(one.seconds or 0 for one in able)
    parts = [counted(len(able), "file")]
    if before:
        sizes = f"{format_bytes(before)} -> about {format_bytes(after)} ({change(after / before - 1)})"
        parts.append(f"{sizes}, in about {seconds:.0f} s of one worker")
    if len(able) < len(events):
        parts.append(f"{len(events) - len(able)} would fail")
    return "; ".join(parts)


def job_line(event: JobEnded, seconds: float) -> str:
    """Say what became of one file."""
    name = visible(str(event.source))
    if event.state == "done" and event.result is not None:
        before, after = event.result["source_bytes"], event.result["output_bytes"]
        sizes = f"{format_bytes(before)} -> {format_bytes(after)} ({change(after / max(before, 1) - 1)})"
        return f"{visible(str(event.output))}: {sizes}, in {seconds:.1f} s"
    message = told(event.reason)
    told_name = "" if str(event.source) in event.reason or event.source.name in event.reason else f"{name}: "
    if event.state == "skipped":
        return f"{name}: skipped: {message}"
    if event.state == "waiting":
        return f"{name}: {message}"
    return f"{told_name}{message}"


def stopping_line(event: Stopping) -> str:
    """Say what the first Ctrl-C brought."""
    parts = [f"finishing {counted(event.num_finishing, 'job')} in hand"] if event.num_finishing else []
    if event.num_given_back:
        parts.append(f"giving back {counted(event.num_given_back, 'file')} that would take longer")
    soon = f"parts, and files that are done in {event.seconds:.0f} s, are finished; nothing new is begun"
    return f"semvid: {', '.join(parts)} ({soon}); Ctrl-C again stops at once"


def stopped_message(event: BatchEnded | None) -> str:
    """Say how to go on with a batch that ended early; None = at once."""
    left = 0 if event is None else event.num_left
    what = counted(left, "file waits", "files wait") if left else "what is finished is kept"
    return f"{interrupts.told()}; {what}; run the same command again to go on"


def totals_line(event: BatchEnded) -> str:
    """Say what became of all."""
    states = [f"{count} {state}" for state, count in sorted(event.counts.items())]
    parts = [", ".join(states) or "nothing to do"]
    if event.source_bytes:
        sizes = f"{format_bytes(event.source_bytes)} -> {format_bytes(event.output_bytes)}"
        parts.append(f"{sizes} ({change(event.output_bytes / event.source_bytes - 1)})")
    return f"{'; '.join(parts)}; in {event.elapsed_seconds:.1f} s"
