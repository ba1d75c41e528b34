"""What is still finished once the user wants a batch to end."""

from __future__ import annotations

FINISH_SECONDS = 60.0
"""So long a file in one piece may still take; parts of long videos are finished however long they take."""


class Pace:
    """How fast a job gets on, by its own progress; each of its stages counts anew.

    Args:
        now: Seconds of a clock that never goes back, as for all methods.
    """

    def __init__(self, now: float) -> None:
        self.stage = ""
        self._began = self._since = now
        self._share = 0.0

    def begin_stage(self, name: str, now: float) -> None:
        """Note that another stage began."""
        self.stage, self._since, self._share = name, now, 0.0

    def see(self, num_frames: int, num_frames_in_all: int | None) -> None:
        """Note how far it is."""
        self._share = min(num_frames / num_frames_in_all, 1.0) if num_frames_in_all else 0.0

    def seconds(self, now: float) -> float:
        """Return how long it has taken so far."""
        return now - self._began

    def seconds_left(self, now: float) -> float | None:
        """Return how long the stage will still take; None = that is not known yet."""
        return (now - self._since) * (1 / self._share - 1) if self._share else None

    def is_done_by(self, then: float, now: float) -> bool:
        """Whether the job may be done by then; while nothing is known of it, it may."""
        left = self.seconds_left(now)
        return now < then and (left is None or now + left <= then)
