"""Results as notebooks show them: a small table, and a picture if it is one."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from semvid.core.text import for_people

_LARGEST_PICTURE = 1 << 20
"""In bytes: a notebook keeps what it shows."""


def table(title: str, rows: Iterable[Sequence[str]], names: Sequence[str] = ()) -> str:
    """Make a table of HTML; all text is escaped.

    Args:
        title: Above it.
        rows: A name and what it is, or as many cells as there are ``names``.
        names: Of the columns, the first one included; empty = no head.
    """
    head = "<tr>" + "".join(f"<th>{_escaped(one)}</th>" for one in names) + "</tr>" if names else ""
    cell = "text-align:right;overflow-wrap:break-word"
    body = "".join(
        f"<tr><th style='text-align:left'>{_escaped(first)}</th>"
        + "".join(f"<td style='{cell}'>{_escaped(one)}</td>" for one in rest)
        + "</tr>"
        for first, *rest in rows
    )
    # Long names break, in any place, before numbers are cut off: nothing would tell that a table goes on.
    style = "max-width:100%;overflow-wrap:anywhere"
    return f"<table style='{style}'><caption>{_escaped(title)}</caption>{head}{body}</table>"


def picture(path: Path) -> str:
    """Show a JPEG of up to 1 MiB; empty if it is larger, or gone."""
    try:
        if path.stat().st_size > _LARGEST_PICTURE:
            return ""
        data = base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return ""
    return f'<img style="max-width:100%" alt="{_escaped(path.name)}" src="data:image/jpeg;base64,{data}">'


def size(count: int) -> str:
    """Write a number of bytes with three digits, as in 1.74 MB."""
    value, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 999.5:
            break
        value, unit = value / 1000, larger
    digits = 0 if unit == "bytes" else (value < 9.995) + (value < 99.95)
    return f"{value:.{digits}f} {unit}"


def change(before: int, after: int) -> str:
    """Write by how much a size changed, as in -52 %."""
    return f"{100 * (after / before - 1):+.0f} %" if before else ""


def _escaped(text: str) -> str:
    return html.escape(for_people(text))
