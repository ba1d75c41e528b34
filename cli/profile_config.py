"""What a profile makes of ``semvid compress``, for pages on which one is chosen."""

from __future__ import annotations

from pathlib import Path

from semvid.cli.many import taken_config
from semvid.core.config import CompressConfig


def config_of(name: str, video: Path) -> CompressConfig:
    """Return what ``semvid compress VIDEO --profile NAME`` does.

    Raises:
        ConfigError: There is no such profile, or it is wrong.
    """
    from semvid.cli.app import app

    with taken_config() as taken:
        app(["compress", "--profile", name, "--", str(video)], prog_name="semvid", standalone_mode=False)
    assert taken  # noqa: S101 - the command has run
    return taken[0]
