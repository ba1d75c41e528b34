"""What a benchmark says: rate differences of each clip and of all, and a table of all encodes."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence

from semvid.core.records import dataclass
from semvid.core.text import encodable
from semvid.products.bench.data import VARIANTS, Bench, BenchClip, BenchEncode
from semvid.products.compare.rates import RateComparison, RatePoint, differences

MEASURES: Mapping[str, str] = {
    "salient": "where it matters", "background": "elsewhere", "psnr": "PSNR", "ssim": "SSIM",
    "xpsnr": "XPSNR", "vmaf": "VMAF",
}  # fmt: skip
"""Measures to show and their names: PSNR of luma where it matters and elsewhere, and of whole frames."""
WHOLE = ("psnr", "ssim", "xpsnr", "vmaf")


@dataclass(frozen=True, slots=True)
class Mean:
    """Rate differences of several clips by one measure."""

    change: float
    """Mean of them all, as in ``BdRate``; NaN if there is none."""
    worst: float
    """Of the clip with the largest."""
    num_clips: int


def clip_rates(clip: BenchClip) -> RateComparison:
    """Compare the encodes of a clip with maps to the plain ones."""
    plain, mapped = (
        [RatePoint(f"{one.quality:g}", one.video_bytes, one.scores) for one in clip.of(variant)]
        for variant in VARIANTS
    )
    return differences(plain, mapped, [])


def mean_of(comparisons: Sequence[RateComparison], measure: str) -> Mean:
    """Average the rate differences of clips by a measure; those without one are left out."""
    changes = [one.rates[measure].change for one in comparisons if measure in one.rates]
    known = [one for one in changes if not math.isnan(one)]
    if not known:
        return Mean(math.nan, math.nan, 0)
    return Mean(sum(known) / len(known), max(known), len(known))


def measures_of(comparisons: Sequence[RateComparison]) -> list[str]:
    """Return the measures that any clip has, in the order to show them."""
    return [name for name in MEASURES if any(name in one.rates for one in comparisons)]


def range_of_whole(comparisons: Sequence[RateComparison]) -> list[tuple[str, float]]:
    """Return the measures of whole frames with the least and the largest mean difference, and these."""
    means = [(name, mean_of(comparisons, name).change) for name in WHOLE]
    known = sorted((one for one in means if not math.isnan(one[1])), key=lambda one: one[1])
    return [known[0], known[-1]] if len(known) > 1 else known


def time_ratio(clip: BenchClip) -> float:
    """Return how much longer encodes with maps took than plain ones, without the making of the maps."""
    plain, mapped = (sum(one.seconds for one in clip.of(variant)) for variant in VARIANTS)
    return mapped / max(plain, 1e-9)


def kbps(clip: BenchClip, encode: BenchEncode) -> float:
    """Return the bit rate of an encode's video in kilobits a second."""
    return encode.video_bytes * 8 / 1000 / max(clip.duration_seconds, 1e-3)


def remarks(bench: Bench, comparisons: Sequence[RateComparison]) -> list[str]:
    """Return sentences on how to read the numbers, and on what makes them doubtful."""
    by_maps = [
        clip.name
        for clip, one in zip(bench.clips, comparisons, strict=True)
        if "weighted" in one.rates and not clip.has_masks
    ]
    found = []
    if by_maps:
        which = "" if len(by_maps) == len(bench.clips) else f"in {', '.join(by_maps)} "
        found.append(
            f"what matters {which}is judged by the maps that steered the encodes, which favours semvid; "
            "masks of your own judge without bias"
        )
    said = []
    for clip, one in zip(bench.clips, comparisons, strict=True):
        said.append([*clip.notices, *one.notices])
        if "weighted" in one.rates and "salient" not in one.rates:
            said[-1].append("nothing in it is judged to matter, so only whole frames are compared")
    of_all = [each for each in dict.fromkeys(said[0] if said else ()) if all(each in one for one in said)]
    for clip, mine in zip(bench.clips, said, strict=True):
        found += [f"{clip.name}: {each}" for each in mine if each not in of_all]
    return found + of_all


def to_csv(bench: Bench) -> str:
    """Write all encodes, one a line."""
    encodes = [(clip, one) for clip in bench.clips for one in clip.encodes]
    names = [name for name in (*MEASURES, "weighted") if any(name in one.scores for _, one in encodes)]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    facts = ["clip", "codec", "preset", "variant", "crf", "video_bytes", "kbps", "seconds", "has_masks"]
    writer.writerow([*facts, *names])
    for clip, one in encodes:
        scores = [f"{one.scores[name]:.6g}" if name in one.scores else "" for name in names]
        writer.writerow([
            encodable(clip.name), bench.codec, bench.preset, one.variant, f"{one.quality:g}", one.video_bytes,
            f"{kbps(clip, one):.3f}", f"{one.seconds:.3f}", int(clip.has_masks), *scores,
        ])  # fmt: skip
    return text.getvalue()
