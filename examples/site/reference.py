"""The pages of the reference: commands from the program, Python from the names that the package exports."""

from __future__ import annotations

from collections.abc import Iterator

import semvid
from semvid.cli.manual import exit_codes, read_all, read_program

_GROUPS = {
    "Videos": ("products.compress", "products.wished", "engine.job", "media.probe"),
    "Pictures": ("products.still",),
    "Many files": ("batch",),
    "Maps and overlays": (
        "products.maps",
        "products.overlay",
        "products.edited_maps",
        "core.map_source",
        "importance",
    ),
    "Scores and reports": ("products.compare", "products.bench", "products.report", "products.still_report"),
    "Live": ("streaming",),
    "Options": ("core.config",),
    "Rates and qualities": ("core.rate",),
    "Results": ("core.results",),
    "Events": ("core.events",),
    "Errors": ("core.errors",),
    "Types": ("core.types", "core.coded"),
}
"""Titles, and modules below ``semvid`` whose names are there. The longest module that fits counts; what is in
none comes last."""


def commands() -> str:
    """All commands with their options, as ``--help`` has them."""
    lines = ["# Commands", "", "Made from the program: what `semvid COMMAND --help` says.", "", exit_codes()]
    for one in (read_program(), *read_all()):
        lines += ["", f"## {f'semvid {one.name}'.strip()}", "", f"```\n{one.usage}\n```", ""]
        lines += [" ".join(_plain(part).split()) + "\n" for part in one.text.split("\n\n")]
        for title, entries in one.groups:
            lines += [f"**{title}**", "", "| | |", "|---|---|"]
            lines += [f"| `{_cell(entry.names)}` | {_plain(_cell(entry.text))} |" for entry in entries]
            lines.append("")
    return "\n".join(lines) + "\n"


def python() -> str:
    """What ``import semvid`` has, for mkdocstrings to fill in."""
    lines = ["# Python", "", "Made from the docstrings of all that `import semvid` has."]
    for title, names in _grouped():
        lines += ["", f"## {title}", ""]
        lines += [f"::: semvid.{name}\n" for name in names]
    return "\n".join(lines) + "\n"


def _grouped() -> Iterator[tuple[str, list[str]]]:
    left = [name for name in semvid.__all__ if not name.startswith("__")]
    for title, homes in _GROUPS.items():
        names = [name for name in left if _group(name) in homes]
        yield title, names
        left = [name for name in left if name not in names]
    if left:
        yield "More", left


def _home(name: str) -> str:
    return semvid._HOMES[name]


def _group(name: str) -> str:
    module = _home(name).removeprefix("semvid.")
    every = [home for homes in _GROUPS.values() for home in homes]
    fitting = [home for home in every if f"{module}.".startswith(f"{home}.") or _is_plural(module, home)]
    return max(fitting, key=len, default="")


def _is_plural(module: str, home: str) -> bool:
    return module == f"{home}s"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _plain(text: str) -> str:
    """Keep placeholders in angles, stars and underscores from being read as Markdown."""
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_").replace("[", "\\[")
