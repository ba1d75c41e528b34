"""Plots as SVG: curves of rate and quality, and bars of rate differences; a style sheet has the colours."""

from __future__ import annotations

import html
import math
from collections.abc import Sequence

from semvid.core.records import dataclass
from semvid.products.report.page import asset

_WIDTH, _HEIGHT = 480, 270
_LEFT, _RIGHT, _TOP, _BOTTOM = 52, 14, 24, 38
_LEAST_BAR = 2.0
_LONGEST_NAME = 18


@dataclass(frozen=True, slots=True)
class Line:
    """A curve."""

    kind: str
    """Class in the style sheet: ``plain``, ``mapped``, ``truth`` or ``formula``."""
    label: str
    points: Sequence[tuple[float, float]]
    """Rate above 0, and score."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One value."""

    kind: str
    """As in ``Line``."""
    label: str
    value: float
    """NaN = there is none."""


def curves(title: str, lines: Sequence[Line], x_name: str, y_name: str) -> str:
    """Draw curves over the logarithm of the rate, as rate differences see them."""
    points = [point for one in lines for point in one.points]
    if not points:
        return ""
    logs = [math.log(rate) for rate, _ in points]
    scores = [score for _, score in points]
    low, high = _widened(min(logs), max(logs), 0.05)
    bottom, top = _widened(min(scores), max(scores), 0.07)

    def to_x(rate: float) -> float:
        return _LEFT + (math.log(rate) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)

    def to_y(score: float) -> float:
        return _HEIGHT - _BOTTOM - (score - bottom) / (top - bottom) * (_HEIGHT - _TOP - _BOTTOM)

    parts = []
    for value in _ticks(bottom, top, 5):
        y = to_y(value)
        parts.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, "grid"))
        parts.append(_text(_LEFT - 6, y + 4, _number(value, top - bottom), "end"))
    for rate in _round_rates(math.exp(low), math.exp(high)):
        x = to_x(rate)
        parts.append(_line(x, _TOP, x, _HEIGHT - _BOTTOM, "grid"))
        parts.append(_text(x, _HEIGHT - _BOTTOM + 16, f"{rate:g}", "middle"))
    parts.append(_text(_WIDTH - _RIGHT, _HEIGHT - 6, x_name, "end"))
    parts.append(_text(_LEFT - 6, 14, y_name, "start"))
    for one in lines:
        ordered = sorted(one.points)
        path = " ".join(
            f"{'L' if index else 'M'}{to_x(x):.1f},{to_y(y):.1f}" for index, (x, y) in enumerate(ordered)
        )
        parts.append(f'<path class="{one.kind}" d="{path}"/>')
        parts += [
            f'<circle class="{one.kind}" cx="{to_x(x):.1f}" cy="{to_y(y):.1f}" r="3.5">'
            f"<title>{html.escape(f'{one.label}: {x:.4g} {x_name}, {y:.4g} {y_name}')}</title></circle>"
            for x, y in ordered
        ]
    return _svg(_WIDTH, _HEIGHT, title, parts)


def bars(title: str, groups: Sequence[tuple[str, Sequence[Bar]]]) -> str:
    """Draw groups of horizontal bars of percentages, from 0 to the left and to the right.

    Args:
        title: For those who cannot see it.
        groups: Name and bars of each.
    """
    values = [one.value for _, each in groups for one in each if math.isfinite(one.value)]
    if not values:
        return ""
    low, high = min(0.0, *values), max(0.0, *values)
    room, width, thick = 150, 640, 14
    margin = 0.16 * (high - low) or 1.0
    low, high = low - margin * (low < 0), high + margin * (high > 0 or low == 0)

    def to_x(value: float) -> float:
        return room + (value - low) / (high - low) * (width - room - _RIGHT)

    parts, y = [], 8.0
    for name, each in groups:
        shown = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}\N{HORIZONTAL ELLIPSIS}"
        parts.append(_text(room - 10, y + len(each) * thick / 2 + 4, shown, "end", "name"))
        for one in each:
            if math.isfinite(one.value):
                start, end = sorted((to_x(0), to_x(one.value)))
                size = f'width="{max(end - start, _LEAST_BAR):.1f}" height="{thick - 2}"'
                title = f"<title>{html.escape(one.label)}</title>"
                parts.append(
                    f'<rect class="{one.kind}" x="{start:.1f}" y="{y + 1:.1f}" {size}>{title}</rect>'
                )
                place, anchor = (start - 5, "end") if one.value < 0 else (end + 5, "start")
                parts.append(_text(place, y + thick - 3, percent(one.value), anchor))
            y += thick
        y += 9
    zero = to_x(0)
    return _svg(width, round(y), title, [*parts, _line(zero, 2, zero, y - 4, "axis")])


def percent(value: float) -> str:
    """Write a percentage with its sign."""
    return f"{value:+.1f}\N{NO-BREAK SPACE}%".replace("-", "\N{MINUS SIGN}")


def alone(svg: str, legend: Sequence[Line | Bar] = ()) -> str:
    """Make a plot a file of its own, in light and dark, with a legend above it.

    Args:
        svg: From ``curves`` or ``bars``.
        legend: Whose kinds and labels to explain.
    """
    head, _, rest = svg.partition(">")
    size = head.split('viewBox="0 0 ')[1].split('"')[0]
    width, height = map(int, size.split())
    entries, x = [], 12.0
    for one in legend:
        entries.append(f'<rect class="{one.kind}" x="{x:.0f}" y="9" width="18" height="5"/>')
        entries.append(_text(x + 24, 16, one.label, "start", "name"))
        x += 24 + 7.2 * len(one.label) + 22
    above = 26 if legend else 0
    style = asset("products/bench/alone.css") + asset("products/bench/plots.css")
    head = head.replace(f'viewBox="0 0 {size}"', f'viewBox="0 0 {width} {height + above}" width="{width}"')
    return (
        f'{head} xmlns="http://www.w3.org/2000/svg"><style>{style}</style>'
        f'<rect class="ground" width="{width}" height="{height + above}"/>{"".join(entries)}'
        f'<g transform="translate(0 {above})">{rest.removesuffix("</svg>")}</g></svg>\n'
    )


def _svg(width: int, height: int, title: str, parts: Sequence[str]) -> str:
    drawn = "".join(parts)
    label = html.escape(title)
    return f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">{drawn}</svg>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, text: str, anchor: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{html.escape(text)}</text>'


def _widened(low: float, high: float, share: float) -> tuple[float, float]:
    margin = share * (high - low) or abs(low) * share or 1.0
    return low - margin, high + margin


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Return round numbers that cover a range in about ``count`` steps."""
    step = _step(low, high, count)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _step(low: float, high: float, count: int) -> float:
    rough = (high - low) / count
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def _number(value: float, extent: float) -> str:
    return f"{value:.{max(0, -math.floor(math.log10(_step(0, extent, 5)) + 1e-9))}f}".replace(
        "-", "\N{MINUS SIGN}"
    )


def _round_rates(low: float, high: float) -> list[float]:
    """Return 1, 2 and 5 times powers of ten in a range; where they are few, all round numbers."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [
        factor * 10.0**power
        for power in powers
        for factor in (1, 2, 5)
        if low <= factor * 10.0**power <= high
    ]
    return found if len(found) > 1 else _ticks(low, high, 4)
