"""A score with a floor: what does not matter is made less coarse until it is good enough too."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace

from semvid.codecs.registry import at_quality, find_codec
from semvid.core.config import AllocationConfig, CompressConfig
from semvid.core.errors import MissedError
from semvid.core.events import Chosen, Event
from semvid.core.text import setting
from semvid.engine.finding import Found, find_quality
from semvid.engine.run import passed_on
from semvid.engine.scored import ScoreOf
from semvid.engine.search import MOST_TRIALS
from semvid.engine.trials import Trials
from semvid.engine.wishes import Wish

_FIRST_TRIALS = 3
"""For the score alone; the others are for the floor."""
_FEWEST_STEPS = 0.5
"""By which the offset is lowered at least."""


def find_above_floor(
    trials: Trials, wish: Wish, config: CompressConfig
) -> Generator[Event, None, tuple[Found, CompressConfig]]:
    """Do what ``find_quality`` does, and lower ``coarsest`` until the rest has the score it must have.

    Returns:
        What was found, and the config with the ``coarsest`` to take.

    Raises:
        MissedError: The score or the floor cannot be reached.
    """
    if not isinstance(wish, ScoreOf) or wish.floor is None:
        return (yield from find_quality(trials, wish, config)), config
    num_left, highest = MOST_TRIALS, _highest_offset(config.allocation)
    # What is missing to the floor at the highest offset that was tried, once the score is as asked for.
    known: list[tuple[float, float]] = []
    offset = highest
    while True:
        is_first = not known
        wish.most_trials = _FIRST_TRIALS if is_first else 1 if num_left > 1 or offset == 0 else num_left
        tried = config if is_first else _limited(config, offset)
        # What is chosen is told once.
        found = yield from passed_on(
            find_quality(trials, wish, tried), lambda event: not isinstance(event, Chosen)
        )
        num_left -= len(found.search.points)
        missing = -wish.over_floor(found.chosen.trial.rest)
        if missing <= 0:
            yield found.chosen
            return found, tried
        if offset == 0 or num_left <= 0:
            break
        known.append((offset, missing))
        offset = (
            _next(known, wish.steps_per_distance(find_codec(config.codec).scale)) if num_left > 1 else 0.0
        )
        config = at_quality(config, found.chosen.trial.quality)
    best = found.chosen.trial
    raise MissedError(
        f"{setting('floor', f'{wish.floor:g}')} is out of reach: coded like what matters, the rest "
        f"has {best.rest:.2f}; give a lower floor, or ask for more",
        best=best,
    )  # fmt: skip


def _next(known: list[tuple[float, float]], steps: float) -> float:
    """Return the offset to try: by the last two, or the usual slope."""
    offset, missing = known[-1]
    slope = abs(steps)
    if len(known) > 1:
        before, more = known[-2]
        if more > missing:
            slope = min(max((before - offset) / (more - missing), slope / 3), slope * 4)
    lower = offset - max(slope * missing, _FEWEST_STEPS)
    return max(lower, 0.0)


def _highest_offset(allocation: AllocationConfig) -> float:
    """Return the offset where nothing matters."""
    weight = allocation.background_weight
    return min(allocation.coarsest, 3 * allocation.strength * math.log2((1 + weight) / weight))


def _limited(config: CompressConfig, coarsest: float) -> CompressConfig:
    return replace(config, allocation=replace(config.allocation, coarsest=round(coarsest, 2)))
