"""Draw the plots of ``docs/benchmarks.md`` from nothing but the JSON in ``examples/benchmark/results``.

    python examples/site/plots.py

It replaces ``docs/plots/*.svg``; ``tests/unit/test_site.py`` fails where they are not those of the JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from semvid.products.bench.plots import Bar, alone, bars
from semvid.scores.bd_rate import bd_rate

REPOSITORY = Path(__file__).resolve().parents[2]
RESULTS = REPOSITORY / "examples" / "benchmark" / "results"
PLOTS = REPOSITORY / "docs" / "plots"
KINDS = {"truth": ("truth", "truth masks"), "msroi": ("mapped", "msroi"), "spectral": ("formula", "spectral")}
"""Maps: their class in the style sheet, and their name."""
CODECS = ("x264", "x265", "vp8", "av1")
DOMAINS = {
    "meeting": "faces in meetings",
    "night": "night cameras",
    "screen": "screens",
    "cartoon": "cartoons",
    "sports": "sports from far",
    "drone": "from a drone",
}


def all_plots() -> dict[str, str]:
    """Return all plots as SVG, by the names of their files."""
    return {
        "maps-by-encoder.svg": _maps_by_encoder(),
        "domains.svg": _domains(),
        "same-crf.svg": _same_crf(),
    }


def _read(name: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{name}.json").read_text())  # type: ignore[no-any-return]


def _plot(title: str, groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    shown = {one.kind: one for _, each in groups for one in each}
    return alone(bars(title, groups), list(shown.values()))


def _maps_by_encoder() -> str:
    points = _read("davis")["points"]
    groups = []
    for codec in CODECS:
        found = []
        for source, (kind, label) in KINDS.items():
            sequences = [key.rsplit("/", 1)[1] for key in points if key.startswith(f"{codec}/{source}/")]
            rates = [
                _object_rate(points[f"{codec}/plain/{one}"], points[f"{codec}/{source}/{one}"])
                for one in sequences
            ]
            if rates:
                found.append(Bar(kind, label, fmean(rates)))
        groups.append((codec, found))
    return _plot("Bytes for equal PSNR of the object, ten DAVIS sequences, by encoder and map", groups)


def _domains() -> str:
    clips = _read("generality")["clips"].values()
    groups = []
    for domain in dict.fromkeys(one["domain"] for one in clips):
        curves = [one["curves"] for one in clips if one["domain"] == domain]
        found = [
            Bar(kind, label, fmean(_object_rate(one["plain"], one[source]) for one in curves))
            for source, (kind, label) in KINDS.items()
        ]
        groups.append((DOMAINS.get(domain, domain), found))
    return _plot("Bytes for equal PSNR of what matters, 24 clips of six domains, x264", groups)


def _same_crf() -> str:
    sequences = _read("savings")["davis"].values()
    groups = []
    for crf in (23, 28, 33, 38):
        found = [
            Bar(*KINDS[source], 100 * fmean(_change(one, crf, source) for one in sequences))
            for source in ("truth", "msroi")
        ]
        groups.append((f"CRF {crf}", found))
    return _plot("Size against the plain encode at the same CRF, eight DAVIS sequences, x264", groups)


def _change(encodes: Mapping[str, Mapping[str, float]], crf: int, source: str) -> float:
    return encodes[f"{crf}/{source}"]["bytes"] / encodes[f"{crf}/plain"]["bytes"] - 1


def _object_rate(plain: Sequence[Mapping[str, float]], test: Sequence[Mapping[str, float]]) -> float:
    curves = [[(one["bytes"], one["object_psnr"]) for one in each] for each in (plain, test)]
    return 100 * bd_rate(*curves).change


def main() -> None:
    """Write all plots."""
    PLOTS.mkdir(exist_ok=True)
    for old in PLOTS.glob("*.svg"):
        old.unlink()
    for name, picture in all_plots().items():
        (PLOTS / name).write_text(picture)


if __name__ == "__main__":
    main()
