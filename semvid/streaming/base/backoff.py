"""Pauses between attempts to reconnect."""

from __future__ import annotations

import random

_FIRST_PAUSE_SECONDS = 0.25


class Backoff:
    """Pauses that start at a quarter of a second and double each time, with some random variation.

    Args:
        longest: Seconds.
    """

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._attempts = 0

    def reset(self) -> None:
        """Begin with short pauses again."""
        self._attempts = 0

    def next(self) -> float:
        """Return how many seconds to wait before the next attempt."""
        pause = _FIRST_PAUSE_SECONDS * 2.0 ** min(self._attempts, 20)
        self._attempts += 1
        # Many clients that lost the same server must not all come back at the same moment.
        return min(self._longest, pause) * random.uniform(0.75, 1.0)  # noqa: S311
