"""``semvid devices``: which cameras and screens a live stream can begin at."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array on stdout.")] = False,
) -> None:
    """List the cameras and screens that `semvid stream` can read."""
    from semvid.streaming.devices import list_capture_devices

    devices = list_capture_devices(with_formats=True)
    if as_json:
        print(json.dumps([dataclasses.asdict(one) for one in devices]))
        return
    if not devices:
        print(
            "No camera and no screen is there. Connect a camera (in a container or virtual machine: pass it "
            "through), or stream a file, a URL, or lavfi:testsrc2."
        )
        return
    from rich.console import Console
    from rich.table import Table

    table = Table("source", "name", "path", "may be opened", "offers")
    for one in devices:
        table.add_row(one.source, one.name, one.path, _permission(one.permission), "\n".join(one.formats))
    Console(highlight=False).print(table)


def _permission(value: str) -> str:
    if value == "denied":
        return "[red]no: join group video (sudo usermod -aG video $USER), log in again[/]"
    return "[green]yes[/]" if value == "ok" else "not known before it is tried"
