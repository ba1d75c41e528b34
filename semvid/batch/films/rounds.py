"""Decides what a film in parts needs to be as was asked for, once all of its parts are known. No files here.

Parts are encoded at the quality that trials found. If all of them together miss what was asked for, as few
as possible are encoded again, a little coarser or finer; if they miss it by much, all are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from semvid.codecs.base.codec import QualityScale
from semvid.core.records import dataclass
from semvid.engine.search import Search
from semvid.engine.wishes import Tolerance

MOST_ROUNDS = 4
"""Encodes of all parts, or some: one, and those that correct it."""
MOST_APART = 1.0
"""Steps of the quality between parts that were corrected and those that were not."""
_FARTHER = 1.5
"""Times as far as the search says, if nothing that may be kept was found in time."""


@dataclass(frozen=True, slots=True)
class Round:
    """All parts at some qualities."""

    base: float
    """The quality that parts have which were not corrected."""
    qualities: tuple[float, ...]
    """Of each part."""
    distance: float
    """See ``Miss``."""
    missed_by: float
    """See ``Trial``."""


@dataclass(frozen=True, slots=True)
class Next:
    """What to do with the parts now."""

    base: float
    """See ``Round``."""
    qualities: tuple[float, ...]
    """Of each part; those that were encoded at it are taken as they are."""


def decide(
    rounds: Sequence[Round],
    weights: Sequence[float],
    scale: QualityScale,
    slope: float,
    tolerance: Tolerance,
) -> Next | bool:
    """Decide what becomes of a film.

    Args:
        rounds: All so far, at least one; the last is what there is now.
        weights: What each part counts for in the whole, as it is now: its bytes, or its frames.
        scale: The encoder's qualities.
        slope: Steps of the quality that a distance of 1 is worth, by the trials.
        tolerance: How near the whole has to be.

    Returns:
        What to do next; True = it is kept as it is; False = what was asked for was not reached.
    """
    last, before = rounds[-1], [one.qualities for one in rounds[:-1]]
    # What was there before is only taken again to be kept.
    if tolerance.is_near(last.missed_by) or last.qualities in before:
        return True
    search = _search(rounds, weights, scale, slope)
    if len(rounds) < MOST_ROUNDS:
        shift = search.where(0.0) - _mean(last.qualities, weights)
        proposed = shifted(last, weights, shift, scale)
        if proposed.qualities != last.qualities and proposed.qualities not in before:
            return proposed
    kept = [one for one in rounds if tolerance.is_kept(one.missed_by)]
    if kept:
        nearest = min(kept, key=lambda one: abs(one.distance))
        return nearest.qualities == last.qualities or Next(nearest.base, nearest.qualities)
    if len(rounds) > MOST_ROUNDS:
        return False
    nearest = min(rounds, key=lambda one: abs(one.distance))
    shift = _FARTHER * search.slope * nearest.distance
    proposed = shifted(nearest, weights, shift, scale, at_least=True)
    return proposed if all(proposed.qualities != one.qualities for one in rounds) else False


def shifted(
    last: Round, weights: Sequence[float], shift: float, scale: QualityScale, *, at_least: bool = False
) -> Next:
    """Change the mean quality of parts by encoding as few as possible again.

    Args:
        last: What there is now.
        weights: As for ``decide``.
        shift: Steps by which the mean is to change.
        scale: The encoder's qualities.
        at_least: Rather change it by too much than by too little.

    Returns:
        Qualities with that mean, as nearly as the scale has them. None is farther than ``MOST_APART`` from
        ``base``, which is another one if no such qualities have the mean.
    """
    wanted, way = abs(shift) * sum(weights), math.copysign(1.0, shift)
    end = _end(last.base, way, scale)
    room = [max(way * (end - quality), 0.0) for quality in last.qualities]
    most = [weight * one for weight, one in zip(weights, room, strict=True)]
    if sum(most) < wanted:
        mean = _mean(last.qualities, weights) + shift
        base = scale.round(mean)
        if at_least and way * (base - mean) < 0:
            base = scale.round(base + way)
        return Next(base, (base,) * len(weights))
    is_exact = scale.takes_fractions or at_least
    chosen = _fewest(most, wanted) if is_exact else _whole_steps(most, wanted)
    if not chosen:
        return Next(last.base, last.qualities)
    share = wanted / sum(most[one] for one in chosen) if scale.takes_fractions and not at_least else 1.0
    changed = [
        scale.round(quality + way * share * room[one]) if one in chosen else quality
        for one, quality in enumerate(last.qualities)
    ]
    return Next(last.base, tuple(changed))


def _end(base: float, way: float, scale: QualityScale) -> float:
    """Return the farthest quality that parts may have beside others of ``base``."""
    end = scale.round(base + way * MOST_APART)
    if scale.joined_within is None:
        return end
    lowest = math.floor(base / scale.joined_within) * scale.joined_within
    highest = lowest + scale.joined_within - scale.step
    return scale.round(min(max(end, lowest), highest))


def _fewest(most: Sequence[float], wanted: float) -> set[int]:
    """Return the fewest parts that can take a change together."""
    chosen: set[int] = set()
    total = 0.0
    for one in sorted(range(len(most)), key=lambda one: -most[one]):
        if total >= wanted:
            break
        chosen.add(one)
        total += most[one]
    return chosen


def _whole_steps(most: Sequence[float], wanted: float) -> set[int]:
    """Return parts that each take a whole step, and come nearest to a change together."""
    chosen: set[int] = set()
    total = 0.0
    for one in sorted(range(len(most)), key=lambda one: -most[one]):
        if most[one] and abs(total + most[one] - wanted) < abs(total - wanted):
            chosen.add(one)
            total += most[one]
    return chosen


def _search(
    rounds: Sequence[Round], weights: Sequence[float], scale: QualityScale, slope: float
) -> Search[None]:
    search: Search[None] = Search(scale, slope, lambda distance: distance == 0, most=MOST_ROUNDS)
    for one in rounds:
        search.note(_mean(one.qualities, weights), one.distance, None)
    return search


def _mean(qualities: Sequence[float], weights: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(qualities, weights, strict=True)) / sum(weights)
