"""Decides whether an output is worth having, and whether its source may go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from semvid.batch.films.losses import LOSSES
from semvid.core.config import BatchConfig
from semvid.core.text import counted

_REMEDY = "the source stays; `trash` lets it be replaced, and keeps it"


def why_skipped(results: Sequence[Mapping[str, Any]], config: BatchConfig) -> str | None:
    """Return why a source is left as it is; None = its output is as it should be.

    Args:
        results: What came of it, as JSON (see ``Task.run``); a film in parts has what came of them in it.
        config: The batch's.
    """
    if config.replace:
        if any(one.get("is_input_damaged") for one in results):
            return "the source is damaged, and its output lacks something"
        if config.is_only_copy:
            num_missing = sum(one.get("num_missing_frames", 0) for one in results)
            if num_missing:
                return f"{counted(num_missing, 'frame seems', 'frames seem')} to be missing; {_REMEDY}"
            losses = list(dict.fromkeys(one for result in results for one in result.get(LOSSES, ())))
            if losses:
                more = f", and {counted(len(losses) - 1, 'more loss', 'more losses')}" if losses[1:] else ""
                return f"{losses[0]}{more}; {_REMEDY}"
    least = config.least_saving
    saved = 1 - results[0]["output_bytes"] / max(results[0]["source_bytes"], 1)
    if least is not None and (saved < least or saved <= 0):
        way = f"{saved:.1%} smaller" if saved > 0 else f"{-saved:.1%} larger"
        return f"the output would be {way}; the source stays"
    return None
