"""What a profile and the user's defaults make of ``semvid compress``, for pages on which one is chosen."""

from __future__ import annotations

from pathlib import Path

from semvid.cli.many import taken_config
from semvid.core.config import CompressConfig


def config_of(name: str, folder: Path) -> CompressConfig:
    """Return what ``semvid compress FOLDER/VIDEO --profile NAME`` does.

    Args:
        name: Of the profile; empty = none, the user's defaults alone.
        folder: Whose file of defaults holds.

    Raises:
        ConfigError: There is no such profile, or it or a file of defaults is wrong.
    """
    from semvid.cli.app import app

    options, video = ["--profile", name] if name else [], str(folder / "video.mp4")
    with taken_config() as taken:
        app(["compress", *options, "--", video], prog_name="semvid", standalone_mode=False)
    assert taken  # noqa: S101 - the command has run
    return taken[0]
