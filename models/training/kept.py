"""What takes long to make, and is kept: a file is there whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO


def keep(path: Path, write: Callable[[IO[bytes]], None]) -> None:
    """Write a file, under another name until it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        write(file)
    partial.replace(path)
