"""Keeps a run to its cores on average, where libraries have more threads than they were given.

SVT-AV1 has a thread for each of its stages, however few it may use, and x265 codes beside whoever hands it
pictures. With one thread they would keep 1.4 and 1.3 cores busy.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable

from semvid.core.threads import ThreadBudget

_TASKS = "/proc/self/task"
_MOST_BEHIND = 0.5
"""Seconds of every core that a run may catch up with after it had less."""
_SHORTEST_SLEEP = 0.002
_OF_A_THREAD = 6
"""``CPUCLOCK_SCHED | CPUCLOCK_PERTHREAD_MASK`` of Linux: what the low bits of a clock of a thread are."""


class Pace:
    """Counts what the calling thread takes, and those that appear from now on, and waits if it is too much.

    Elsewhere than on Linux nothing tells what threads take, and it never waits.

    Args:
        budget: Says how many cores to keep busy; without a limit it never waits.
        spent: Returns the processor seconds so far; None = of these threads.
        clock: Returns seconds.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        budget: ThreadBudget,
        *,
        spent: Callable[[], float] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        is_told = spent is not None or sys.platform == "linux"
        self._cores = budget.cores if budget.is_limited and is_told else None
        if self._cores is None:
            return
        self._spent = spent or SpentTime().seconds
        self._clock, self._sleep = clock, sleep
        self._begun = clock() - self._spent() / self._cores

    def keep(self) -> None:
        """Wait until as much time has passed as the cores need for what was done; call it again and again."""
        if self._cores is None:
            return
        ahead = self._begun + self._spent() / self._cores - self._clock()
        if ahead > _SHORTEST_SLEEP:
            self._sleep(ahead)
        elif ahead < -_MOST_BEHIND:
            self._begun -= ahead + _MOST_BEHIND


class SpentTime:
    """The processor time of the calling thread, and of threads that appear after this was made, on Linux."""

    def __init__(self) -> None:
        self._caller = threading.get_native_id()
        self._others = _threads() - {self._caller}
        self._of_each: dict[int, float] = {}

    def seconds(self) -> float:
        """Return the sum; what threads took that have ended counts as far as it was seen."""
        for thread in _threads() - self._others:
            try:
                self._of_each[thread] = time.clock_gettime((~thread << 3) | _OF_A_THREAD)
            except OSError:
                # It ended meanwhile.
                continue
        return sum(self._of_each.values())


def _threads() -> set[int]:
    try:
        return set(map(int, os.listdir(_TASKS)))
    except OSError:
        return set()
