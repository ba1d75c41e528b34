"""What of a source an output lacks, in the record of what came of a task."""

from __future__ import annotations

from collections.abc import Iterable

from semvid.core.text import Loss

LOSSES = "losses"
"""In the record: sentences."""


def losses_among(told: Iterable[str]) -> list[str]:
    """Return the sentences about losses among all that was told."""
    return [str(one) for one in told if isinstance(one, Loss)]
