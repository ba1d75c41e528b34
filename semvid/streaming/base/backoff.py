"""Pauses between attempts to reconnect."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count

_FIRST_PAUSE_SECONDS = 0.25


def pauses(longest: float) -> Iterator[float]:
    """Yield seconds to wait: a quarter at first, twice as many each time, with some random variation."""
    for attempt in count():
        pause = _FIRST_PAUSE_SECONDS * 2.0 ** min(attempt, 20)
        # Many clients that lost the same server must not all come back at the same moment.
        yield min(longest, pause) * random.uniform(0.75, 1.0)  # noqa: S311
