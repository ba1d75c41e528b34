"""Puts a report and everything it needs into one HTML file."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files

from semvid.core.errors import ConfigError
from semvid.core.text import counted
from semvid.products.report.data import Report
from semvid.products.report.store import plain_values

_FRAME = "products/report/frame.html"
_STYLES = ("base.css", "products/report/page.css")
_SCRIPTS = tuple(f"products/report/{name}.js" for name in ("common", "slider", "page", "viewer", "charts"))


def render_page(report: Report, others: Sequence[Report] = ()) -> str:
    """Return the page.

    Args:
        report: What to show.
        others: More runs of the same source, for the rate-distortion plot.

    Raises:
        ConfigError: A run is of another source.
    """
    check_same_source((report, *others))
    data = {**plain_values(report), "points": [_point(one) for one in (report, *others)]}
    return fill_page("products/report/page.html", f"{report.source.name}: semvid report", _SCRIPTS, data)


def fill_page(
    main: str,
    title: str,
    scripts: Sequence[str],
    data: object,
    styles: Sequence[str] = (),
    name: str = "report",
) -> str:
    """Return a page that loads nothing.

    Args:
        main: What is between its head and its foot, by its path in the package.
        title: Shown by browsers.
        scripts: Those after the one that all reports have, by their paths in the package.
        data: JSON that the scripts draw.
        styles: Sheets after those that all reports have, by their paths in the package.
        name: What kind of page it is.
    """
    style, script = ("\n".join(map(asset, names)) for names in ((*_STYLES, *styles), ("theme.js", *scripts)))
    fields = {
        "NAME": name,
        "MAIN": asset(main),
        "TITLE": html.escape(title),
        "POLICY": (
            f"default-src 'none'; img-src data:; style-src '{hashed(style)}'; script-src '{hashed(script)}'; "
            "base-uri 'none'; form-action 'none'"
        ),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": embedded_json(data),
    }
    # In one pass: what is filled in is not searched for fields again.
    return re.sub("@@([A-Z]+)@@", lambda found: fields[found[1]], asset(_FRAME))


def embedded_json(value: object) -> str:
    """Write JSON that cannot end the script element it stands in."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def check_same_source(reports: Sequence[Report]) -> None:
    """Raise ConfigError unless all runs are of one video."""
    first, *others = reports
    for one in others:
        if _fingerprint(one) != _fingerprint(first):
            raise ConfigError(
                f"the runs are of different videos, {_named(first)} and {_named(one)}; give runs of one"
            )


def _fingerprint(report: Report) -> tuple[int, ...]:
    source = report.source
    return source.num_bytes, source.num_frames, source.width, source.height


def _named(report: Report) -> str:
    source = report.source
    return f"{source.name} ({counted(source.num_bytes, 'byte')}, {counted(source.num_frames, 'frame')})"


def _point(report: Report) -> object:
    """What the rate-distortion plot needs of a run."""
    return {
        "codec": report.codec,
        "preset": report.preset,
        **{
            name: {
                "quality": one.quality,
                "kbps": one.video_bytes * 8 / 1000 / max(report.source.duration_seconds, 1e-3),
                "bytes": one.video_bytes,
                "scores": plain_values({measure: pooled.mean for measure, pooled in one.pooled.items()}),
            }
            for name, one in (("mapped", report.mapped), ("plain", report.plain))
        },
    }


def asset(name: str) -> str:
    """Return a file of the package as text, by its path in it."""
    return files("semvid").joinpath(name).read_text("utf-8")


def hashed(text: str) -> str:
    """Return what a page's policy allows a style or script by."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
