"""Puts a benchmark into one HTML page, which needs no network, no scripts and no other files."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from semvid.core.text import counted, visible
from semvid.products.bench.data import VARIANTS, Bench, BenchClip
from semvid.products.bench.plots import Bar, Line, bars, curves, percent
from semvid.products.bench.summary import (
    MEASURES,
    clip_rates,
    kbps,
    mean_of,
    measures_of,
    range_of_whole,
    remarks,
    time_ratio,
)
from semvid.products.compare.rates import RateComparison
from semvid.products.report.page import asset, hashed

_LABELS = {"plain": "plain", "mapped": "semvid"}
_UNITS = {"salient": "dB", "psnr": "dB", "xpsnr": "dB", "vmaf": "VMAF", "ssim": "SSIM"}
_LONG = {
    "salient": "PSNR of luma where it matters", "psnr": "PSNR of whole frames",
    "ssim": "SSIM of whole frames", "xpsnr": "XPSNR of whole frames", "vmaf": "VMAF of whole frames",
}  # fmt: skip
_BARS = (("salient", "mapped"), ("vmaf", "formula"), ("xpsnr", "plain"))
"""Measures of the overview, and the colours of their bars."""
_PLOTTED = ("salient", "vmaf", "xpsnr", "psnr", "ssim")
"""Two of them are drawn for each clip, the first that are there."""
_DASH, _TIMES, _SPACE = "\N{EN DASH}", "\N{MULTIPLICATION SIGN}", "\N{NO-BREAK SPACE}"

_HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>semvid bench</title>
<style>{style}</style>
</head>
<body>
<header class="bar"><span class="brand">semvid <span class="quiet">bench</span></span></header>
<main>
"""
_FOOT = """</main>
<footer class="quiet small">Made by semvid {version}. Numbers were measured on the decoded videos.</footer>
</body>
</html>
"""
_HOW_TO_READ = (
    "How many more (+) or fewer (\N{MINUS SIGN}) bytes semvid needs than the plain encoder for equal "
    "quality, by each measure; below it, how much of the range of the two curves overlaps. The first two "
    "are PSNR of luma, where it matters and elsewhere; PSNR, SSIM, XPSNR and VMAF are of whole frames, by "
    "FFmpeg. Time is that of the encodes with maps against the plain ones. The maps were made before, once, "
    "in the seconds of the last column; whoever compresses a video has them made beside the encode."
)


def render_bench(bench: Bench) -> str:
    """Return the page."""
    comparisons = [clip_rates(one) for one in bench.clips]
    sheets = ("base.css", "products/report/page.css", "products/bench/page.css", "products/bench/plots.css")
    style = "\n".join(map(asset, sheets))
    policy = f"default-src 'none'; style-src '{hashed(style)}'; base-uri 'none'; form-action 'none'"
    settings = _table([], [[*map(_escaped, row)] for row in bench.settings], "words")
    parts = [
        _HEAD.format(policy=policy, style=style),
        _headline(bench, comparisons),
        _section("At equal quality", _overview(bench, comparisons) + _rates(bench, comparisons)),
        _section("Curves", "".join(map(_plots, bench.clips))),
        _section("Notes", _notes(bench, comparisons)),
        _section("All encodes", _encodes(bench)),
        _section("Settings", settings),
        _FOOT.format(version=_escaped(bench.semvid)),
    ]
    return "".join(parts)


def _headline(bench: Bench, comparisons: Sequence[RateComparison]) -> str:
    where = mean_of(comparisons, "salient").change
    encoder = _escaped(f"{bench.codec} {bench.preset}".strip())
    whole = " to ".join(f"{_judged(one)} ({MEASURES[name]})" for name, one in range_of_whole(comparisons))
    said = []
    if not math.isnan(where):
        said.append(f"For equal quality where it matters, semvid needs {_judged(where)} than plain {encoder}")
    if whole and said:
        said.append(f"for equal quality of whole frames, {whole}")
    elif whole:
        said.append(f"For equal quality of whole frames, semvid needs {whole} than plain {encoder}")
    lede = "; ".join(said) or "The curves reach no common quality"
    qualities = ", ".join(f"{one:g}" for one in bench.qualities)
    basis = (
        "Means over clips of the rate difference (BD-rate); where it matters, of PSNR of luma. Plain is the "
        "same encoder with the same preset, without maps."
    )
    return (
        f'<section id="headline"><h1>{counted(len(bench.clips), "clip")}, CRF {qualities}</h1>'
        f'<p class="lede">{lede}.</p><p class="quiet small">{basis}</p></section>\n'
    )


def _judged(change: float) -> str:
    kind, word = ("gain", "fewer") if change < 0 else ("loss", "more")
    return f'<span class="{kind}">{abs(100 * change):.1f}{_SPACE}% {word} bytes</span>'


def _overview(bench: Bench, comparisons: Sequence[RateComparison]) -> str:
    kinds = [(name, kind) for name, kind in _BARS if name in measures_of(comparisons)]
    groups = [
        (
            visible(clip.name),
            [
                Bar(kind, _LONG[name], 100 * one.rates[name].change if name in one.rates else math.nan)
                for name, kind in kinds
            ],
        )
        for clip, one in zip(bench.clips, comparisons, strict=True)
    ]
    legend = _legend([(kind, _LONG[name]) for name, kind in kinds])
    drawn = bars("Bytes more or fewer than plain, for equal quality", groups)
    top = f'<div class="top"><h3>Bytes against plain</h3>{legend}</div>'
    return f'<figure class="chart wide">{top}{_scrolling(drawn, "Plot")}</figure>'


def _rates(bench: Bench, comparisons: Sequence[RateComparison]) -> str:
    names = measures_of(comparisons)
    rows = []
    for clip, one in zip(bench.clips, comparisons, strict=True):
        times = f"x{time_ratio(clip):.2f}", f"{clip.maps_seconds:.1f}{_SPACE}s"
        rows.append([_escaped(clip.name), *(_change(one, name) for name in names), *times])
    if len(bench.clips) > 1:
        means = [mean_of(comparisons, name) for name in names]
        ratio = sum(map(time_ratio, bench.clips)) / len(bench.clips)
        cells = [
            f"<b>{_percent(one.change)}</b><small>{counted(one.num_clips, 'clip')}</small>" for one in means
        ]
        rows.append(["<b>mean</b>", *cells, f"<b>x{ratio:.2f}</b>", ""])
        rows.append(["worst", *(_percent(one.worst) for one in means), "", ""])
    heads = ["", *(MEASURES[name] for name in names), "time", "maps"]
    return f'<p class="quiet small">{_HOW_TO_READ}</p>{_table(heads, rows, "scores")}'


def _change(comparison: RateComparison, name: str) -> str:
    rate = comparison.rates.get(name)
    if rate is None:
        return _DASH
    kind = "" if math.isnan(rate.change) else "gain" if rate.change < 0 else "loss"
    return f'<span class="{kind}">{_percent(rate.change)}</span><small>{rate.overlap:.0%} overlap</small>'


def _percent(share: float) -> str:
    return _DASH if math.isnan(share) else percent(100 * share)


def _plots(clip: BenchClip) -> str:
    figures = []
    for name in [name for name in _PLOTTED if all(name in one.scores for one in clip.encodes)][:2]:
        lines = [
            Line(kind, _LABELS[kind], [(kbps(clip, one), one.scores[name]) for one in clip.of(kind)])
            for kind in VARIANTS
        ]
        drawn = curves(f"{visible(clip.name)}: {_LONG[name]}", lines, "kbit/s", _UNITS[name])
        figures.append(f"<figure><figcaption>{_LONG[name]}</figcaption>{drawn}</figure>")
    judge = "masks" if clip.has_masks else "the maps, which favours semvid"
    facts = f"{clip.width}{_TIMES}{clip.height}, {counted(clip.num_frames, 'frame')}"
    if any("weighted" in one.scores for one in clip.encodes):
        facts += f"; what matters is judged by {judge}"
    legend = _legend([(kind, _LABELS[kind]) for kind in VARIANTS])
    return (
        f'<div class="chart"><div class="top"><h3>{_escaped(clip.name)}</h3>{legend}</div>'
        f'<p class="quiet small">{facts}.</p>'
        f'<div class="plots">{"".join(figures)}</div></div>\n'
    )


def _legend(entries: Sequence[tuple[str, str]]) -> str:
    shown = "".join(f'<span><i class="{kind}"></i>{_escaped(label)}</span>' for kind, label in entries)
    return f'<div class="legend" aria-hidden="true">{shown}</div>'


def _notes(bench: Bench, comparisons: Sequence[RateComparison]) -> str:
    said = [f"{name} could not be measured: {why}" for name, why in bench.failed]
    items = "".join(f"<li>{_escaped(one)}</li>" for one in (*said, *remarks(bench, comparisons)))
    return f'<ul class="notes small">{items}</ul>' if items else ""


def _encodes(bench: Bench) -> str:
    encodes = [(clip, one) for clip in bench.clips for kind in VARIANTS for one in clip.of(kind)]
    names = [name for name in MEASURES if any(name in one.scores for _, one in encodes)]
    rows = []
    for clip, one in encodes:
        scores = [_score(name, one.scores[name]) if name in one.scores else _DASH for name in names]
        facts = [f"{one.quality:g}", f"{kbps(clip, one):.0f}", f"{one.seconds:.1f}"]
        rows.append([_escaped(clip.name), _LABELS[one.variant], *facts, *scores])
    heads = ["clip", "", "CRF", "kbit/s", "seconds", *(MEASURES[name] for name in names)]
    shown = _table(heads, rows, "")
    return f"<details><summary>Sizes, times and scores of all encodes</summary>{shown}</details>"


def _score(name: str, value: float) -> str:
    return f"{value:.{4 if name == 'ssim' else 2}f}"


def _section(title: str, content: str) -> str:
    return f"<section><h2>{title}</h2>{content}</section>\n" if content else ""


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], kind: str) -> str:
    """Lay out a table of cells that are HTML already."""
    head = "".join(f'<th scope="col">{one}</th>' for one in heads)
    lines = (
        f'<tr><th scope="row">{first}</th>{"".join(f"<td>{one}</td>" for one in others)}</tr>'
        for first, *others in rows
    )
    head = f"<thead><tr>{head}</tr></thead>" if head else ""
    return _scrolling(f'<table class="{kind}">{head}<tbody>{"".join(lines)}</tbody></table>', "Table")


def _scrolling(content: str, name: str) -> str:
    """Let what is wide be moved, with a shadow where it goes on."""
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{name}">{content}</div>'


def _escaped(text: str) -> str:
    return html.escape(visible(text))
