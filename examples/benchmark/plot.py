"""Draw what ``rd.py`` measured: tables and plots for ``docs/rate-distortion.md``.

    python examples/benchmark/plot.py

It reads ``results/rd.json`` alone, and replaces ``docs/rate-distortion.md`` and ``docs/rd-*.svg``.
"""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import REPOSITORY, RESULTS, table

from semvid.products.bench.plots import Bar, Line, alone, bars, curves
from semvid.products.bench.run import QUALITIES
from semvid.scores.bd_rate import LEAST_POINTS, SMALLEST_OVERLAP, BdRate, bd_rate

DOCS = REPOSITORY / "docs"
OBJECT = {"salient": "PSNR", "object_ssim": "SSIM", "object_xpsnr": "XPSNR", "object_vmaf": "VMAF"}
WHOLE = {"psnr": "PSNR", "ssim": "SSIM", "xpsnr": "XPSNR", "vmaf": "VMAF", "vmaf_neg": "VMAF-NEG"}
KINDS = {"plain": "plain", "msroi": "mapped", "truth": "truth", "spectral": "formula"}
LABELS = {"plain": "plain", "msroi": "msroi", "truth": "truth masks", "spectral": "spectral"}
Points = dict[float, dict[str, Any]]


@dataclass(frozen=True)
class Group:
    """Encodes of one material by one encoder and preset."""

    material: str
    codec: str
    preset: str
    curves: Mapping[tuple[str, str, str], Points]
    """By clip, AQ and source."""

    @property
    def clips(self) -> list[str]:
        """Clips with a plain curve, in order."""
        return sorted({clip for clip, aq, source in self.curves if (aq, source) == ("default", "plain")})

    def sources(self) -> list[str]:
        """Sources of maps, in the order to show them."""
        found = {source for _, aq, source in self.curves if aq == "default" and source != "plain"}
        return sorted(found, key=lambda one: (list(KINDS).index(one.partition("@")[0]), one))

    def rate(
        self, clip: str, source: str, measure: str, anchor_aq: str = "default", aq: str = "default"
    ) -> BdRate | None:
        """Compare a source with plain encodes; None where it is not measured or has too few encodes."""
        pair = [
            [(one["bytes"], one[measure]) for one in self.curves.get(key, {}).values() if measure in one]
            for key in ((clip, anchor_aq, "plain"), (clip, aq, source))
        ]
        return bd_rate(*pair) if min(map(len, pair)) >= LEAST_POINTS else None


def read_groups(points: Mapping[str, Mapping[str, Any]]) -> list[Group]:
    """Sort encodes by what they have in common."""
    groups: dict[tuple[str, str, str], dict[tuple[str, str, str], Points]] = {}
    for key, point in points.items():
        material, clip, codec, preset, aq, source, crf = key.split("/")
        found = groups.setdefault((material, codec, preset), {})
        found.setdefault((clip, aq, source), {})[float(crf)] = dict(point)
    return [Group(*key, found) for key, found in groups.items()]


def percent(values: Iterable[float]) -> str:
    """Write the mean of shares; a dash if there are none."""
    known = [one for one in values if math.isfinite(one)]
    return f"{100 * np.mean(known):+.1f} %" if known else "-"


def changes(group: Group, source: str, measure: str, anchor_aq: str = "default") -> list[float]:
    """Return the rate differences of all clips that have one."""
    rates = (group.rate(clip, source, measure, anchor_aq) for clip in group.clips)
    return [one.change for one in rates if one is not None and math.isfinite(one.change)]


def other_aqs(group: Group) -> dict[str, list[str]]:
    """Return the AQ modes of plain encodes, besides the default, and the clips that have them."""
    modes = sorted({aq for _, aq, source in group.curves if source == "plain"} - {"default"})
    found = {
        mode: [clip for clip in group.clips if group.rate(clip, "plain", "salient", aq=mode) is not None]
        for mode in modes
    }
    return {mode: clips for mode, clips in found.items() if clips}


def aq_changes(group: Group, mode: str, measure: str, clips: Sequence[str]) -> list[float]:
    """Return the rate differences of plain encodes with another AQ mode."""
    rates = (group.rate(clip, "plain", measure, aq=mode) for clip in clips)
    return [one.change for one in rates if one is not None and math.isfinite(one.change)]


def best_aq(group: Group, measure: str) -> str:
    """Return the AQ with which plain encodes need the fewest bytes, of those that all clips have."""
    means = {"default": 0.0}
    for mode, clips in other_aqs(group).items():
        if clips == group.clips:
            means[mode] = float(np.mean(aq_changes(group, mode, measure, clips)))
    return min(means, key=lambda one: means[one])


def rate_table(group: Group, *, against_best: bool) -> str:
    """Make the table of means: object and whole frame by all measures."""
    measures = {**OBJECT, **WHOLE}
    anchors = {name: best_aq(group, name) if against_best else "default" for name in measures}
    rows = []
    for source in group.sources():
        found = [changes(group, source, name, anchors[name]) for name in measures]
        rows.append([label(source), max(map(len, found)), *map(percent, found)])
    if against_best:
        rows.append(["its aq-mode", "", *anchors.values()])
    for mode, clips in ({} if against_best else other_aqs(group)).items():
        means = [percent(aq_changes(group, mode, name, clips)) for name in measures]
        rows.append([f"none, aq-mode {mode}", len(clips), *means])
    heads = [*(f"object {one}" for one in OBJECT.values()), *(f"whole {one}" for one in WHOLE.values())]
    return table(["maps", "clips", *heads], rows)


def label(source: str) -> str:
    """Return what to call a source of maps."""
    name, _, match = source.partition("@")
    return LABELS[name] + (f", `--match {match}`" if match else "")


def clip_table(group: Group) -> str:
    """Make the table of all clips: object PSNR and whole-frame VMAF, with the overlap of the curves."""
    rows = []
    for clip in group.clips:
        row = [clip]
        for source in group.sources():
            for measure in ("salient", "psnr", "vmaf"):
                one = group.rate(clip, source, measure)
                if one is None or not math.isfinite(one.change):
                    row.append("-")
                else:
                    doubt = "" if one.overlap >= SMALLEST_OVERLAP and one.is_monotone else " (!)"
                    row.append(f"{100 * one.change:+.1f} % ({one.overlap:.0%}){doubt}")
        rows.append(row)
    heads = [
        f"{label(source)}: {name}"
        for source in group.sources()
        for name in ("object PSNR", "whole PSNR", "whole VMAF")
    ]
    return table(["clip", *heads], rows)


def equal_crf_table(group: Group) -> str:
    """Make the table of what the same CRF gives: size, the object's quality, and banding."""
    rows = []
    for source in group.sources():
        for crf in sorted({crf for each in group.curves.values() for crf in each}):
            pairs = []
            for clip in group.clips:
                keys = ((clip, "default", "plain"), (clip, "default", source))
                plain, mapped = (group.curves.get(key, {}).get(crf) for key in keys)
                if plain and mapped:
                    pairs.append((plain, mapped))
            if pairs:
                size = [mapped["bytes"] / plain["bytes"] - 1 for plain, mapped in pairs]
                gaps = [
                    f"{np.mean([mapped[name] - plain[name] for plain, mapped in pairs]):+.2f}"
                    for name in ("salient", "psnr", "vmaf", "cambi")
                ]
                rows.append([label(source), f"{crf:g}", len(pairs), percent(size), *gaps])
    return table(
        ["maps", "CRF", "clips", "size", "object PSNR, dB", "whole PSNR, dB", "whole VMAF", "CAMBI"], rows
    )


def draw_bars(group: Group, path: Path) -> None:
    """Draw the rate differences of all clips: the object, and whole frames."""
    sources = [one for one in group.sources() if one in KINDS]
    groups = []
    for measure, name in (("salient", "object"), ("vmaf", "whole")):
        for clip in group.clips:
            rates = [(source, group.rate(clip, source, measure)) for source in sources]
            each = [
                Bar(KINDS[source], LABELS[source], 100 * one.change if one is not None else math.nan)
                for source, one in rates
            ]
            groups.append((f"{name}: {clip}", each))
    legend = [Bar(KINDS[one], LABELS[one], 0) for one in sources]
    title = f"Bytes more or fewer than plain {group.codec} for equal PSNR of the object and VMAF of the frame"
    path.write_text(alone(bars(title, groups), legend))


def draw_curves(group: Group, clip: str, measure: str, y_name: str, path: Path) -> None:
    """Draw the curves of one clip."""
    lines = [
        Line(KINDS[source], LABELS[source], [(one["bytes"] / 1000, one[measure]) for one in found.values()])
        for source in ("plain", *group.sources())
        if source in KINDS and len(found := group.curves.get((clip, "default", source), {})) >= LEAST_POINTS
    ]
    path.write_text(alone(curves(f"{clip}: {y_name}", lines, "kB", y_name), lines))


def section(group: Group) -> str:
    """Write about one encoder, and draw its plots."""
    encoder = f"{group.codec}" if group.preset == "default" else f"{group.codec}, preset {group.preset}"
    lines = group.material.removeprefix("clips")
    where = "DAVIS, truth masks"
    if group.material != "davis":
        size = f" of {lines} lines" if lines else ""
        where = f"ordinary clips{size}; the object is what the maps of `msroi` mark, which favours `msroi`"
    name = f"rd-{group.codec}" + ("" if group.material == "davis" else f"-{group.material}")
    parts = [f"## {encoder} ({where})"]
    draw_bars(group, DOCS / f"{name}.svg")
    parts.append(f"![bytes against plain {encoder}, clip by clip]({name}.svg)")
    parts.append(
        "Bytes against plain encodes with the encoder's default AQ, for equal quality (mean BD-rate):"
    )
    parts.append(rate_table(group, against_best=False))
    if any(best_aq(group, name) != "default" for name in (*OBJECT, *WHOLE)):
        parts.append(
            "Against plain encodes with the AQ that is best by each measure, while the encodes with maps "
            "keep the default:"
        )
        parts.append(rate_table(group, against_best=True))
    parts.append(
        "Clip by clip, with the overlap of the two curves; (!) marks less than half, or curves that fall:"
    )
    parts.append(clip_table(group))
    parts.append("At the same CRF, maps less plain (means; a higher CAMBI is more banding):")
    parts.append(equal_crf_table(group))
    order = sorted(
        group.clips, key=lambda clip: getattr(group.rate(clip, "msroi", "salient"), "change", math.nan)
    )
    for clip in dict.fromkeys([order[0], order[-1]]):
        for measure, y_name in (("salient", "object PSNR, dB"), ("vmaf", "VMAF of the frame")):
            path = DOCS / f"{name}-{clip}-{measure}.svg"
            draw_curves(group, clip, measure, y_name, path)
            parts.append(f"![{clip}: {y_name}]({path.name})")
    return "\n\n".join(parts)


def shown_groups(record: Mapping[str, Any]) -> list[Group]:
    """Return the groups in which anything can be compared, in the order to show them."""
    groups = (one for one in read_groups(record["points"]) if one.clips and one.sources())
    return sorted(groups, key=lambda one: (one.material != "davis", list(QUALITIES).index(one.codec)))


def document(record: Mapping[str, Any]) -> str:
    """Write the page."""
    environment = record["environment"]
    num_points = len(record["points"])
    made = (
        "Made by `examples/benchmark/plot.py` from `results/rd.json`, which `rd.py` measured "
        f"({num_points} encodes, commit {environment['commit']}, PyAV {environment['av']}). Plain and "
        "mapped encodes differ in the map alone. Negative numbers are bytes saved at equal quality, and "
        "losses are shown like gains. The object is what the truth masks mark; `truth` has them as maps, "
        "`msroi` and `spectral` have not seen them. Encodes with maps keep to the default of `semvid "
        "compress`: where it matters as good as plain at the same CRF, and the rest coarser. Scores are "
        "means over frames, rate differences as by `semvid compare --bd`. There are no times: the machine "
        "was shared."
    )
    head = f"# Rate and quality\n\n{textwrap.fill(made, 136, break_on_hyphens=False)}"
    return "\n\n".join([head, *map(section, shown_groups(record))]) + "\n"


def main() -> None:
    """Write the page and its plots, and print its first table of each encoder, for the README."""
    record = json.loads((RESULTS / "rd.json").read_text())
    for old in DOCS.glob("rd-*.svg"):
        old.unlink()
    (DOCS / "rate-distortion.md").write_text(document(record))
    for group in shown_groups(record):
        print(f"{group.codec}, {group.material}\n\n{rate_table(group, against_best=False)}\n")


if __name__ == "__main__":
    main()
