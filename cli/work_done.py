"""How much of a batch is done, by the bytes of its sources, and how long the rest may take."""

from __future__ import annotations

from pathlib import Path

_FIRST_SHARE, _FIRST_SECONDS = 0.02, 3.0
"""Before so much is done nobody knows how long the rest takes."""


class WorkDone:
    """Adds up files that are settled, parts that are done, and what is in hand.

    Args:
        num_bytes: Of all sources.
    """

    def __init__(self, num_bytes: int) -> None:
        self._num_bytes = max(num_bytes, 1)
        self._settled = 0.0
        self._open: dict[Path, tuple[int, dict[int, float]]] = {}
        """By source: its bytes, and the share of it that each of its jobs has done."""
        self._jobs: dict[int, tuple[Path, float]] = {}
        """Jobs in hand: their source, and the share of it that they do."""

    def begin(self, job: int, source: Path, num_bytes: int, share: float = 1.0) -> None:
        """A job was begun that does a share of a source of so many bytes; 0 = none, as joining parts."""
        self._open.setdefault(source, (num_bytes, {}))
        self._jobs[job] = source, share

    def follow(self, job: int, fraction: float) -> None:
        """So much of a job is done, 0 to 1."""
        if job in self._jobs:
            source, share = self._jobs[job]
            self._open[source][1][job] = share * min(max(fraction, 0.0), 1.0)

    def end_part(self, job: int, *, is_done: bool) -> None:
        """A job ended, and its source is not settled yet."""
        self.follow(job, 1.0 if is_done else 0.0)
        self._jobs.pop(job, None)

    def settle(self, job: int, source: Path) -> None:
        """Nothing is left to do with a source."""
        self._jobs.pop(job, None)
        num_bytes, _ = self._open.pop(source, (0, {}))
        self._settled += num_bytes

    @property
    def share(self) -> float:
        """Of all that is done, 0 to 1."""
        in_hand = sum(size * min(sum(shares.values()), 1.0) for size, shares in self._open.values())
        return min((self._settled + in_hand) / self._num_bytes, 1.0)

    def seconds_left(self, elapsed: float) -> float | None:
        """Return how long the rest may take, after so many seconds; None = nobody knows."""
        share = self.share
        if share < _FIRST_SHARE or elapsed < _FIRST_SECONDS:
            return None
        return elapsed * (1 - share) / share
