"""Compares what maps do with plain encodes at equal quality, by reports of several runs."""

from __future__ import annotations

from collections.abc import Sequence

from semvid.core.errors import ConfigError
from semvid.products.compare.rates import RateComparison, RatePoint, differences
from semvid.products.report.data import MEASURES, Encode, Report
from semvid.products.report.page import check_same_source
from semvid.scores.bd_rate import LEAST_POINTS, USUAL_POINTS


def compare_reports(reports: Sequence[Report]) -> RateComparison:
    """Compare what maps do with plain encodes at equal quality, by reports of several runs of one video.

    Args:
        reports: Of runs at several rates, in any order, with one encoder and preset.

    Raises:
        ConfigError: There are fewer than two, or they are of different videos, encoders or presets.
    """
    if len(reports) < LEAST_POINTS:
        raise ConfigError(
            f"a curve needs {LEAST_POINTS} reports at least, and {USUAL_POINTS} are usual, and here is "
            f"{len(reports)}; compress at more qualities"
        )
    check_same_source(reports)
    kinds = {f"{one.codec} {one.preset}".strip(): None for one in reports}
    if len(kinds) > 1:
        raise ConfigError(
            f"the runs are of different encoders, {' and '.join(list(kinds)[:2])}, which make no curve "
            "together; give runs of one"
        )
    anchor, test = (
        [_point(one) for one in each] for each in zip(*((r.plain, r.mapped) for r in reports), strict=True)
    )
    return differences(anchor, test, [])


def _point(encode: Encode) -> RatePoint:
    scores = {name: encode.pooled[name].mean for name in MEASURES if name in encode.pooled}
    return RatePoint(f"{encode.quality:g}", encode.video_bytes, scores)
