"""What a program tells a batch while it runs; the command line only knows signals."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager
from typing import Protocol

from semvid.batch.jobs.store import JobStore
from semvid.core import interrupts


class Control(Protocol):
    """Asked by a batch about twice a second, in the thread in which it runs."""

    def is_to_end(self) -> bool:
        """Whether it begins nothing more, finishes what will be done soon, gives back the rest, and ends."""

    def is_to_end_now(self) -> bool:
        """Whether it gives back all that is in hand, too."""

    def may_begin(self, store: JobStore) -> bool:
        """Whether jobs may be begun now; it may choose among them by ``work_on``."""

    def called_off(self) -> Collection[int]:
        """Return jobs that are to be cancelled although they run; asked once for each."""


class NoControl:
    """Nobody but the user's Ctrl-C ends the batch."""

    def is_to_end_now(self) -> bool:
        """See ``Control``."""
        return False

    def may_begin(self, store: JobStore) -> bool:
        """See ``Control``."""
        return True

    def called_off(self) -> Collection[int]:
        """See ``Control``."""
        return ()


@contextmanager
def asking(control: Control | None) -> Generator[Callable[[], bool]]:
    """Yield what tells whether a batch is to end: its control, else the first Ctrl-C."""
    if control is not None:
        yield control.is_to_end
    else:
        with interrupts.gently() as is_asked:
            yield is_asked
