"""How far jobs are that run, by the events of a batch."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

from semvid.batch.events import BatchEvent, JobBegan, JobEnded, JobNotice, JobProgress, PartEnded
from semvid.batch.jobs.records import Entry
from semvid.core.records import dataclass

_LEAST_SECONDS = 0.5
"""Before a speed is told: earlier it is one of the first frames."""
_MOST_NOTICES = 20


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is."""

    stage: str
    """What is done now; empty = frames are encoded."""
    share: float | None
    """Of that stage, or of a video in parts; None = not known."""
    frames_per_second: float | None
    seconds_left: float | None
    """Until the end of that stage, or of a video in parts."""
    num_parts: int
    """Of a long video; 0 = it is in one piece."""
    num_parts_done: int
    notices: tuple[str, ...]


@dataclass(slots=True)
class _Running:
    """One job that is held."""

    stage: str
    since: float
    num_frames: int = 0
    num_frames_in_all: int | None = None

    @property
    def share(self) -> float | None:
        if not self.num_frames_in_all:
            return None
        return min(self.num_frames / self.num_frames_in_all, 1.0)

    def speed(self, now: float) -> float | None:
        seconds = now - self.since
        return self.num_frames / seconds if self.num_frames and seconds > _LEAST_SECONDS else None


class JobProgresses:
    """Hears a batch, and tells how far its jobs are; from any thread.

    Args:
        clock: Seconds that never go back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._running: dict[int, _Running] = {}
        self._notices: dict[int, list[str]] = {}
        self._films: dict[int, tuple[float, float]] = {}
        """When a video in parts was first looked at, and how much of it was done then."""

    def hear(self, event: BatchEvent) -> None:
        """Take note of an event."""
        with self._lock:
            match event:
                case JobBegan():
                    self._running[event.job] = _Running("", self._clock())
                    if event.part is None:
                        self._notices.pop(event.job, None)
                case JobProgress():
                    self._progress(event)
                case JobNotice():
                    notices = self._notices.setdefault(event.job, [])
                    if event.message not in notices and len(notices) < _MOST_NOTICES:
                        notices.append(event.message)
                case JobEnded() | PartEnded():
                    self._running.pop(event.job, None)
                    self._films.pop(event.job, None)

    def _progress(self, event: JobProgress) -> None:
        one = self._running.get(event.job)
        if one is None:
            return
        if event.stage != one.stage or event.num_frames < one.num_frames:
            one.stage, one.since, one.num_frames = event.stage, self._clock(), 0
        one.num_frames, one.num_frames_in_all = event.num_frames, event.num_frames_from_header

    def forget_running(self) -> None:
        """Nothing runs any more."""
        with self._lock:
            self._running.clear()
            self._films.clear()

    def running(self) -> set[int]:
        """Return the numbers of jobs, and of parts, that run."""
        with self._lock:
            return set(self._running)

    def of(self, job: int, parts: Sequence[Entry]) -> Progress:
        """Tell of a job.

        Args:
            job: Its number.
            parts: Of a long video; none = it is not divided, or not yet.
        """
        with self._lock:
            notices, now = tuple(self._notices.get(job, ())), self._clock()
            # Else they are joined.
            if any(one.state != "done" for one in parts):
                return self._of_film(job, parts, notices, now)
            one = self._running.get(job)
            if one is None:
                return Progress("", None, None, None, 0, 0, notices)
            share, left = one.share, None
            if share:
                left = (now - one.since) * (1 / share - 1)
            done = sum(each.state == "done" for each in parts)
            return Progress(one.stage, share, one.speed(now), left, len(parts), done, notices)

    def _of_film(self, job: int, parts: Sequence[Entry], notices: tuple[str, ...], now: float) -> Progress:
        running = [self._running[one.id] for one in parts if one.id in self._running]
        num_done = sum(one.state == "done" for one in parts)
        share = (num_done + sum(one.share or 0.0 for one in running)) / len(parts)
        since, before = self._films.setdefault(job, (now, share))
        left = None
        if running and share - before > 0 and now - since > _LEAST_SECONDS:
            left = (now - since) * (1 - share) / (share - before)
        speeds = [speed for one in running if (speed := one.speed(now)) is not None]
        stage = running[0].stage if running else ""
        speed = sum(speeds) if speeds else None
        return Progress(stage, share, speed, left, len(parts), num_done, notices)
