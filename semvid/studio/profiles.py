"""Profiles and the user's own defaults, which only the command line can read."""

from __future__ import annotations

from dataclasses import field
from pathlib import Path
from typing import Protocol

from semvid.core.config import CompressConfig, ImageConfig
from semvid.core.errors import ConfigError
from semvid.core.records import dataclass


class ProfileReader(Protocol):
    """Makes options of a profile."""

    def __call__(self, name: str, folder: Path) -> CompressConfig:
        """Return what it says, over the defaults for videos of a folder.

        Args:
            name: Of the profile; empty = none, the defaults alone.
            folder: Of the video.

        Raises:
            ConfigError: There is no such profile, or it or a file of defaults is wrong.
        """


class StillProfileReader(Protocol):
    """Makes options of a profile, for photographs."""

    def __call__(self, name: str, folder: Path) -> ImageConfig:
        """As ``ProfileReader``."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """What can be chosen, and what holds where nothing is."""

    reader: ProfileReader | None = None
    """None = there are no profiles, and no defaults but semvid's own."""
    known: dict[str, str] = field(default_factory=dict)
    """By name, what each is for."""
    still_reader: StillProfileReader | None = None
    """None = likewise, for photographs."""

    def read(self, name: str, folder: Path) -> CompressConfig:
        """Return the options of a profile: see ``ProfileReader``."""
        if self.reader is not None:
            return self.reader(name, folder)
        if name:
            raise ConfigError("there are no profiles here; choose none")
        return CompressConfig()

    def read_still(self, name: str, folder: Path) -> ImageConfig:
        """Return the options of a profile for photographs: see ``ProfileReader``."""
        if self.still_reader is not None:
            return self.still_reader(name, folder)
        if name:
            raise ConfigError("there are no profiles here; choose none")
        return ImageConfig()
