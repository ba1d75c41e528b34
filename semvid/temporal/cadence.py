"""How often maps are made: more frames a second are alike for longer."""

from __future__ import annotations

from fractions import Fraction

_USUAL_RATE = 25
"""Frames a second for which sources say how often they want to be asked."""
_MOST_SPARING = 1.3
"""More would leave no frames to wait for the next map, at the usual look-ahead."""


def frames_between_maps(usual: int, frame_rate: Fraction | None, sparing: float = 1.0) -> int:
    """Return the most frames from one map of a network to the next.

    Args:
        usual: At 25 frames a second, and where there are fewer; 1 = every frame has a map.
        frame_rate: Frames a second; None = unknown.
        sparing: How many times as long to wait.
    """
    if usual == 1:
        return 1
    faster = 1.0 if frame_rate is None else float(frame_rate / _USUAL_RATE)
    return round(usual * max(min(max(faster, 1.0), _MOST_SPARING), sparing))
