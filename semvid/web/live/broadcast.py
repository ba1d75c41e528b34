"""Makes the newest picture of each view in one thread, for any number of viewers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator

from semvid.core.prefetch import step_back
from semvid.core.records import dataclass
from semvid.streaming.base.types import Snapshot
from semvid.streaming.handle import LiveHandle
from semvid.web.live.pictures import VIEWS, WIDTHS, PictureMaker, View

MOST_PER_SECOND = 15.0
"""Pictures of each view."""
MOST_OF_A_CORE = 0.3
"""Share of one core's time that making pictures may take; when they cost more, there are fewer."""
_WIDER_ABOVE, _NARROWER_BELOW = 11.0, 9.0
"""Rounds a second that fit into that share; pictures get another width then."""
_SETTLE_SECONDS = 4.0
_COST_SHARE = 0.1
"""Weight of the last round in the mean: the first one costs three times as much."""
_PAUSE_SECONDS = 0.05
_FAILED_PAUSE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Picture:
    """One JPEG."""

    number: int
    """Rising."""
    jpeg: bytes
    made: float
    """``time.monotonic()``."""


class Broadcast:
    """Makes pictures while a client watches. It never delays the stream.

    Creating it takes a second or more, because it loads libraries: do so before the stream begins.

    Args:
        handle: The stream.

    Attributes:
        failure: Why the last picture could not be made; empty if it could.
        core_share: Share of one core that pictures took lately, 0..1.
    """

    def __init__(self, handle: LiveHandle) -> None:
        self.failure = ""
        self.core_share = 0.0
        self._handle = handle
        self._maker = PictureMaker()
        self._maker.warm_up()
        self._watchers = dict.fromkeys(VIEWS, 0)
        self._newest: dict[View, Picture | None] = dict.fromkeys(VIEWS)
        self._events: dict[View, asyncio.Event] = {}
        self._per_second: dict[View, float] = dict.fromkeys(VIEWS, 0.0)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="semvid-web-pictures", daemon=True)
        self._number = 0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start; pictures are passed to ``loop``, on which the methods below must run."""
        self._loop = loop
        self._events = {view: asyncio.Event() for view in VIEWS}
        self._thread.start()

    def stop(self) -> None:
        """Stop making pictures; callable from any thread, and more than once."""
        self._stop.set()
        self._wake.set()

    def join(self, timeout: float) -> None:
        """Wait for the thread that makes pictures."""
        if self._thread.ident is not None:
            self._thread.join(timeout)

    @property
    def num_watchers(self) -> int:
        """Of all views."""
        return sum(self._watchers.values())

    def shown(self) -> dict[str, dict[str, float]]:
        """Return size in bytes of the newest picture, and pictures per second, of each watched view."""
        return {
            view: {"bytes": len(newest.jpeg), "per_second": round(self._per_second[view], 1)}
            for view, newest in self._newest.items()
            if newest is not None and self._watchers[view]
        }

    @contextlib.contextmanager
    def watching(self, view: View) -> Iterator[None]:
        """Have pictures of a view made."""
        if not self._watchers[view]:
            self._newest[view], self._per_second[view] = None, 0.0
        self._watchers[view] += 1
        self._wake.set()
        try:
            yield
        finally:
            self._watchers[view] -= 1

    async def after(self, view: View, number: int) -> Picture:
        """Return the newest picture of a view, once there is one after ``number``."""
        while True:
            newest = self._newest[view]
            if newest is not None and newest.number > number:
                return newest
            await self._events[view].wait()

    def newest(self, view: View) -> Picture | None:
        """Return the newest picture of a view, if there is one."""
        return self._newest[view]

    def _publish(self, view: View, picture: Picture) -> None:
        last = self._newest[view]
        if last is not None:
            rate = 1 / max(picture.made - last.made, 1e-3)
            self._per_second[view] += (
                0.2 * (rate - self._per_second[view]) if self._per_second[view] else rate
            )
        self._newest[view] = picture
        waited, self._events[view] = self._events[view], asyncio.Event()
        waited.set()

    def _run(self) -> None:
        try:
            self._make_until_stopped()
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            self.failure = f"no more pictures: {type(error).__name__}: {error}"

    def _make_until_stopped(self) -> None:
        step_back()
        drawn: dict[View, Snapshot] = {}
        cost, settled = 0.0, time.monotonic()
        while not self._stop.is_set():
            began, used = time.monotonic(), time.thread_time()
            self._wake.clear()
            wanted = [view for view in VIEWS if self._watchers[view]]
            drawn = {view: one for view, one in drawn.items() if view in wanted}
            try:
                num_made = self._round(wanted, drawn)
                self.failure = "" if num_made else self.failure
            except Exception as error:  # noqa: BLE001 - the stream goes on, whatever is wrong with a picture
                self.failure = f"no picture: {type(error).__name__}: {error}"
                self._stop.wait(_FAILED_PAUSE_SECONDS)
                continue
            spent = time.thread_time() - used
            if not num_made:
                self.core_share *= 0.9
                if wanted:
                    self._stop.wait(_PAUSE_SECONDS)
                else:
                    cost, self.core_share = 0.0, 0.0
                    self._wake.wait()
                continue
            cost += _COST_SHARE * (spent - cost) if cost else spent
            pause = max(1 / MOST_PER_SECOND, spent / MOST_OF_A_CORE) - (time.monotonic() - began)
            self._stop.wait(max(pause, 0.005))
            self.core_share += 0.1 * (spent / max(time.monotonic() - began, 1e-3) - self.core_share)
            if time.monotonic() - settled > _SETTLE_SECONDS and self._fit(MOST_OF_A_CORE / max(cost, 1e-4)):
                cost, settled = 0.0, time.monotonic()

    def _round(self, wanted: list[View], drawn: dict[View, Snapshot]) -> int:
        """Make one picture of each view that is due; return how many."""
        snapshot = self._handle.snapshot() if wanted else None
        due = [view for view in wanted if snapshot is not None and drawn.get(view) is not snapshot]
        for view in due:
            assert snapshot is not None and self._loop is not None  # noqa: S101, PT018 - else nothing is due
            jpeg = self._maker.make(view, snapshot)
            drawn[view] = snapshot
            self._number += 1
            picture = Picture(self._number, jpeg, time.monotonic())
            # The loop may be closed: then no client watches.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._publish, view, picture)
        return len(due)

    def _fit(self, rounds_per_second: float) -> bool:
        """Choose the width of pictures that fits into the share; return whether it changed."""
        at = WIDTHS.index(self._maker.width)
        if rounds_per_second < _NARROWER_BELOW and at + 1 < len(WIDTHS):
            self._maker.width = WIDTHS[at + 1]
            return True
        if at and rounds_per_second * (WIDTHS[at] / WIDTHS[at - 1]) ** 2 > _WIDER_ABOVE:
            self._maker.width = WIDTHS[at - 1]
            return True
        return False
