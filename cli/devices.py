"""``semvid devices``: list the cameras and screens that can be streamed."""

from __future__ import annotations

import dataclasses
from typing import Annotated

import typer

from semvid.core.text import visible


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array on stdout.")] = False,
) -> None:
    """List the cameras and screens that `semvid stream` can read."""
    from semvid.cli.draw import to_json
    from semvid.cli.streams import emit, emit_drawn
    from semvid.streaming.capture.devices import list_capture_devices

    devices = list_capture_devices(with_formats=True)
    if as_json:
        emit(to_json([dataclasses.asdict(one) for one in devices]))
        return
    if not devices:
        emit(
            "No camera or screen was found. Connect a camera (pass it through to a container or virtual "
            "machine), or stream a file, a URL, or lavfi:testsrc2."
        )
        return
    from rich.table import Table
    from rich.text import Text

    table = Table("source", "name", "path", "permission", "formats")
    for one in devices:
        formats = Text("\n".join(map(visible, one.formats)))
        names = (Text(visible(text)) for text in (one.source, one.name, one.path))
        table.add_row(*names, _permission(one.permission), formats)
    emit_drawn(table)


def _permission(value: str) -> str:
    if value == "denied":
        return "[red]no: join group video (sudo usermod -aG video $USER), log in again[/]"
    return "[green]yes[/]" if value == "ok" else "unknown until it is opened"
