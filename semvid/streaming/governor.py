"""Reduces the load in steps when the machine cannot keep up, and restores it. Pure: time is an argument."""

from __future__ import annotations

from collections.abc import Sequence

from semvid.core.records import dataclass

_OVERLOAD_SECONDS = 1.0
"""Seconds of trouble before the load is reduced."""
_CALM_SECONDS = 10.0
"""Seconds without trouble before a step up; twice as long after each step up that failed."""
_LONGEST_CALM_SECONDS = 160.0
_BUSY, _EASY = 0.9, 0.65
"""Share of the time that the stream's thread is busy."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much work a frame is."""

    map_rate: float = 1.0
    """Share of the requested maps per second, 0..1."""
    pixel_share: float = 1.0
    """Share of the network's usual number of pixels, 0..1."""
    preset: str | None = None
    """The encoder's preset; None = the requested one."""

    def describe(self) -> str:
        """What is reduced, in words; empty if nothing."""
        words = []
        if self.map_rate < 1:
            words.append(f"maps at {self.map_rate:.0%} of their rate")
        if self.pixel_share < 1:
            words.append(f"of {self.pixel_share:.0%} of the pixels")
        if self.preset is not None:
            words.append(f"preset {self.preset}")
        return ", ".join(words)


def ladder(faster_presets: Sequence[str]) -> tuple[Load, ...]:
    """Return the steps, the full load first: rarer maps, smaller maps, faster presets.

    Args:
        faster_presets: Presets faster than that at full load, slowest first.
    """
    maps = [Load(), Load(0.5), Load(0.25), Load(0.25, 0.5), Load(0.25, 0.25)]
    return (*maps, *(Load(0.25, 0.25, one) for one in faster_presets))


class Governor:
    """Chooses a step of the ladder.

    Args:
        num_steps: Number of steps.
    """

    def __init__(self, num_steps: int) -> None:
        self._num_steps = num_steps
        self.step = 0
        self._trouble_since: float | None = None
        self._calm_since: float | None = None
        self._calm_needed = _CALM_SECONDS
        self._climbed_at: float | None = None

    def update(self, now: float, *, busy: float, is_late: bool) -> int:
        """Return the step to take.

        Args:
            now: Seconds of any clock that only goes forward.
            busy: Share of the time the stream's thread was busy lately, 0..1.
            is_late: Frames were dropped, or took too long.
        """
        if is_late or busy > _BUSY:
            self._calm_since = None
            if self._trouble_since is None:
                self._trouble_since = now
            elif now - self._trouble_since >= _OVERLOAD_SECONDS:
                self._fall(now)
        elif busy < _EASY:
            self._trouble_since = None
            if self._calm_since is None:
                self._calm_since = now
            elif now - self._calm_since >= self._calm_needed and self.step > 0:
                self.step -= 1
                self._climbed_at, self._calm_since = now, None
        else:
            self._trouble_since = self._calm_since = None
        return self.step

    def _fall(self, now: float) -> None:
        self._trouble_since = None
        if self.step + 1 < self._num_steps:
            self.step += 1
        if self._climbed_at is not None and now - self._climbed_at < 2 * self._calm_needed:
            # The last step up was too much: wait longer before the next one.
            self._calm_needed = min(2 * self._calm_needed, _LONGEST_CALM_SECONDS)
        else:
            self._calm_needed = _CALM_SECONDS
        self._climbed_at = None
