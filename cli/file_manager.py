"""The file manager of the desktop that the studio runs on."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import typer

from semvid.core.errors import ConfigError


def has_file_manager() -> bool:
    """Return whether there is a desktop that can show a folder."""
    if sys.platform in {"win32", "darwin"}:
        return True
    has_display = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return has_display and shutil.which("xdg-open") is not None


def show_file(path: Path) -> None:
    """Open the folder of a file in the file manager, with the file marked where that is possible.

    Raises:
        ConfigError: It does not open.
    """
    if typer.launch(str(path), locate=True):
        raise ConfigError(f"no file manager opens here; {path.name} is in {path.parent}")
