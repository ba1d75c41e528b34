"""What profiles and the user's defaults make of ``semvid compress`` and ``image``, for pages."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

from semvid.cli.options import taken_config
from semvid.core.config import CompressConfig, ImageConfig
from semvid.core.errors import ConfigError

_one_at_a_time = threading.Lock()
"""A command keeps the defaults of the line that it reads: of two at once, one would get the other's."""


def config_of(name: str, folder: Path) -> CompressConfig:
    """Return what ``semvid compress FOLDER/VIDEO --profile NAME`` does.

    Args:
        name: Of the profile; empty = none, the user's defaults alone.
        folder: Whose file of defaults holds.

    Raises:
        ConfigError: There is no such profile, or it or a file of defaults is wrong.
    """
    return cast(CompressConfig, _taken("compress", name, folder / "video.mp4"))


def still_config_of(name: str, folder: Path) -> ImageConfig:
    """Return what ``semvid image FOLDER/PICTURE --profile NAME`` does; see ``config_of``."""
    return cast(ImageConfig, _taken("image", name, folder / "picture.jpg"))


def _taken(command: str, name: str, source: Path) -> CompressConfig | ImageConfig:
    from semvid.cli.advice import explain
    from semvid.cli.app import app, usage_error

    arguments = [command, *(["--profile", name] if name else []), "--", str(source)]
    try:
        with _one_at_a_time, taken_config() as taken:
            app(arguments, prog_name="semvid", standalone_mode=False)
    except usage_error as error:
        raise ConfigError(
            f"a file of defaults, or the profile, is wrong: {explain(error, arguments, ())}"
        ) from error
    assert taken  # noqa: S101 - the command has run
    return taken[0]
