"""The chapters of a file, on the clock of its streams."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any


def moved(chapters: Sequence[Any], shift: Fraction) -> list[Any]:
    """Return those that do not end before picture and sound begin.

    Args:
        chapters: As PyAV has them.
        shift: Seconds to add.
    """
    kept = []
    for one in chapters:
        ticks = round(shift / (one["time_base"] or 1))
        start, end = max(one["start"] + ticks, 0), max(one["end"] + ticks, 0)
        if end > start:
            kept.append({**one, "start": start, "end": end})
    return kept
