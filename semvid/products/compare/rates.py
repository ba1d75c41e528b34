"""Compares two ways to encode a video by curves of rate and quality, measure by measure."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from semvid.core.config import CompareConfig
from semvid.core.errors import ConfigError
from semvid.core.events import Event
from semvid.core.records import dataclass
from semvid.core.text import counted
from semvid.media.probe import open_packets, probe
from semvid.products.compare.compare import compare_all
from semvid.scores.bd_rate import LEAST_POINTS, USUAL_POINTS, BdRate, bd_rate

OnEvent = Callable[[Event], None]


@dataclass(frozen=True, slots=True)
class RatePoint:
    """One encode on a curve."""

    name: str
    """Of its file; in reports, its CRF or quality."""
    video_bytes: int
    """Of the video stream alone."""
    scores: Mapping[str, float]
    """Means over all frames, by measure."""


@dataclass(frozen=True, slots=True)
class RateComparison:
    """Two curves of rate and quality, and how they differ."""

    anchor: tuple[RatePoint, ...]
    """What is compared with."""
    test: tuple[RatePoint, ...]
    rates: Mapping[str, BdRate]
    """By measure."""
    notices: tuple[str, ...] = ()
    """A sentence for each thing that had to be changed or left out, and what makes a number doubtful."""


def compare_rates(
    reference: Path | str,
    tests: Sequence[Path | str],
    against: Sequence[Path | str],
    config: CompareConfig | None = None,
    *,
    on_event: OnEvent = lambda event: None,
) -> RateComparison:
    """Compare two sets of encodes of a video at equal quality.

    Args:
        reference: The original.
        tests: Encodes of it at several rates, in any order.
        against: Others, which count as the anchor.
        config: As for ``compare``.
        on_event: As for ``compare_all``.

    Raises:
        ConfigError: A set has fewer than two encodes.
        SemvidError: See ``compare``.
    """
    sets = [[Path(one) for one in paths] for paths in (against, tests)]
    for paths, name in zip(sets, ("`against`", "`tests`"), strict=True):
        if len(paths) < LEAST_POINTS:
            raise ConfigError(
                f"{name} has {counted(len(paths), 'encode')}: a curve needs {LEAST_POINTS} at least, and "
                f"{USUAL_POINTS} are usual; encode at more qualities"
            )
    found = compare_all(reference, [*sets[0], *sets[1]], config, on_event=on_event)
    points = [
        RatePoint(
            one.test.name, video_bytes_of(one.test), {name: each.mean for name, each in one.pooled.items()}
        )
        for one in found
    ]
    count = len(sets[0])
    return differences(points[:count], points[count:], [notice for one in found for notice in one.notices])


def differences(
    anchor: Sequence[RatePoint], test: Sequence[RatePoint], notices: Sequence[str]
) -> RateComparison:
    """Compare two curves measure by measure; ``notices`` are those there are already."""
    rates: dict[str, BdRate] = {}
    told = list(dict.fromkeys(notices))
    for name in dict.fromkeys(name for one in (*anchor, *test) for name in one.scores):
        if any(math.isnan(one.scores.get(name, math.nan)) for one in (*anchor, *test)):
            told.append(f"{name} is left out: not every encode has it")
            continue
        rates[name] = bd_rate(
            *([(one.video_bytes, one.scores[name]) for one in points] for points in (anchor, test))
        )
    remarks = dict.fromkeys(remark for one in rates.values() for remark in one.remarks)
    for remark in remarks:
        about = [name for name, one in rates.items() if remark in one.remarks]
        told.append(remark if len(about) == len(rates) else f"{', '.join(about)}: {remark}")
    order = [sorted(points, key=lambda one: one.video_bytes) for points in (anchor, test)]
    return RateComparison(tuple(order[0]), tuple(order[1]), rates, tuple(told))


def video_bytes_of(path: Path) -> int:
    """Return the bytes of the packets of a file's main video."""
    info = probe(path)
    with open_packets(path) as container:
        return sum(one.size for one in container.demux(container.streams[info.stream_index]))
