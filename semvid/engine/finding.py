"""Finds the quality of a wish: on parts of the video before the encode, and by the encodes themselves."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from semvid.codecs.base.codec import Codec, QualityScale
from semvid.codecs.registry import at_quality, find_codec
from semvid.core.config import CompressConfig
from semvid.core.errors import MissedError
from semvid.core.events import Chosen, Event, Notice, Tried
from semvid.core.rate import Crf
from semvid.core.records import dataclass
from semvid.core.results import Trial
from semvid.engine.probe import plain_config
from semvid.engine.search import Search
from semvid.engine.trials import PartsTrial, Trials
from semvid.engine.wishes import Miss, Wish


@dataclass(frozen=True, slots=True)
class Found:
    """What the trials found."""

    search: Search[PartsTrial]
    chosen: Chosen
    """What to encode everything at, and what is expected of it."""
    made: PartsTrial | None = None
    """The trial at that quality, with its packets, if it is an encode of everything."""


def scale_of(codec: Codec, config: CompressConfig) -> QualityScale:
    """Return the qualities to search: with a map there is something between whole numbers."""
    scale = codec.scale
    has_offsets = codec.takes_offsets and scale.map_fractions and codec.steers(config)
    return replace(scale, takes_fractions=scale.takes_fractions or has_offsets)


def find_quality(trials: Trials, wish: Wish, config: CompressConfig) -> Generator[Event, None, Found]:
    """Try parts of the video at one quality after another.

    Args:
        trials: The parts; their maps are made.
        wish: What to reach.
        config: How to encode; its rate is the quality to begin with.

    Yields:
        ``Stage`` and ``Progress``, ``Tried`` after each trial, and ``Chosen`` last.

    Raises:
        MissedError: It cannot be reached.
    """
    codec, tolerance = find_codec(config.codec), wish.tolerance
    scale = scale_of(codec, config)
    enough = tolerance.of_whole if trials.is_whole else tolerance.of_trial
    search = Search[PartsTrial](
        scale, wish.steps_per_distance(scale), lambda distance: abs(distance) < enough, most=wish.most_trials
    )
    quality: float | None = config.rate.value if isinstance(config.rate, Crf) else scale.default
    tried: list[Trial] = []
    nearest: PartsTrial | None = None
    while quality is not None:
        parts = yield from trials.encode(f"trying CRF {quality:g}", at_quality(config, quality))
        miss = wish.judge(parts)
        point = search.note(quality, miss.distance, parts.without_packets())
        if search.best is point:
            nearest = parts
        tried.append(trial_of(quality, parts.video_bytes, miss, parts.seconds))
        yield Tried(tried[-1])
        quality = search.next()
    best = search.best
    assert best is not None  # noqa: S101 - there is at least one trial
    closest = tried[search.points.index(best)]
    ends = (scale.highest, scale.lowest) if scale.steps_per_octave > 0 else (scale.lowest, scale.highest)
    is_too_low = best.quality == ends[0] and best.miss > tolerance.hopeless
    is_too_high = best.quality == ends[1] and best.miss < -tolerance.hopeless
    if is_too_low or (is_too_high and not tolerance.is_kept(closest.missed_by)):
        raise MissedError(wish.explain(closest), best=closest)
    chosen = scale.round(search.where(0.0))
    is_tried = any(one.quality == chosen for one in tried)
    # A trial of everything is taken as it is, if it is as asked for or the search comes no closer.
    if trials.is_whole and (is_tried or tolerance.is_near(closest.missed_by)):
        chosen = best.quality
    expected = closest if chosen == best.quality else _expected(tried, chosen)
    event = Chosen(expected, best.value.seconds / trials.share)
    yield event
    made = nearest if trials.is_whole and chosen == best.quality else None
    return Found(search, event, made)


def try_beside_plain(
    trials: Trials, config: CompressConfig, other_bytes: int
) -> Generator[Event, None, Chosen]:
    """Try parts of the video at the quality of ``config``, and without a map.

    Args:
        trials: The parts; their maps are made.
        config: How to encode; its rate is a ``Crf``.
        other_bytes: What the output has beside the video.

    Yields:
        ``Stage``, ``Progress``, ``Tried`` and ``Chosen``; the latter is returned too. Its trial misses the
        size of the plain encode by what is saved.
    """
    codec = find_codec(config.codec)
    quality = config.rate.value if isinstance(config.rate, Crf) else codec.scale.default
    made: list[Trial] = []
    for name, one in (("a plain encode of some parts", plain_config(config)), ("with maps", config)):
        if one.allocation.strength == 0 and made:
            continue
        parts = yield from trials.encode(name, one)
        size = parts.video_bytes + other_bytes
        missed = size / made[0].output_bytes - 1 if made else 0.0
        has_map = one.allocation.strength > 0
        made.append(Trial(quality, parts.video_bytes, size, missed, parts.seconds, has_map=has_map))
        yield Tried(made[-1])
    is_left_out = codec.leaves_out_losing_maps and made[-1].missed_by > 0
    if is_left_out and codec.coding(config).keeps_region:
        yield Notice("a map does not pay here: one without is smaller, and as good where it matters")
        made.append(made[0])
    event = Chosen(made[-1], made[-1].seconds / trials.share, "a plain encode")
    yield event
    return event


def _expected(tried: Sequence[Trial], quality: float) -> Trial:
    """Say what a quality between two trials, or just beyond them, comes to."""
    nearest = sorted(tried, key=lambda one: abs(one.quality - quality))[:2]
    first, last = nearest[0], nearest[-1]
    gap = last.quality - first.quality
    share = (quality - first.quality) / gap if gap else 0.0

    def between(one: float | None, other: float | None) -> float | None:
        return None if one is None or other is None else one + share * (other - one)

    ratio = max(last.video_bytes, 1) / max(first.video_bytes, 1)
    video_bytes = round(first.video_bytes * ratio**share)
    return replace(
        first,
        quality=quality,
        video_bytes=video_bytes,
        output_bytes=first.output_bytes - first.video_bytes + video_bytes,
        missed_by=first.missed_by + share * (last.missed_by - first.missed_by),
        score=between(first.score, last.score),
        rest=between(first.rest, last.rest),
    )


def trial_of(
    quality: float, video_bytes: int, miss: Miss, seconds: float, *, is_whole: bool = False
) -> Trial:
    """Put together what is known of a trial."""
    return Trial(
        quality, video_bytes, miss.output_bytes, miss.missed_by, seconds, is_whole=is_whole,
        score=miss.score, rest=miss.rest,
    )  # fmt: skip
