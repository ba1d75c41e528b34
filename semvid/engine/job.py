"""One run as a value: what to compress, which part of it, the output, and the options."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from semvid.core.checked import Malformed, parse_json, shown
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError
from semvid.core.plain import from_plain, to_plain, without_folders
from semvid.core.settings import Settings, settings
from semvid.core.types import Span

SCHEMA, VERSION = "semvid-job", 1
"""Of the JSON; a reader refuses later versions."""


@settings
class Job(Settings):
    """One run of ``compress``: a value that can be hashed, copied, pickled, and written as JSON."""

    source: Path
    """The video."""
    span: Span | None = None
    """The part of it; None = all."""
    output: Path | None = None
    """Where to write; None = ``NAME.semvid.EXT`` beside the source."""
    config: CompressConfig = CompressConfig()
    """How."""

    def without_folders(self) -> Job:
        """Return the same job with file names without their folders, as reports show it."""
        bare = without_folders(self)
        maps = replace(bare.config.maps, model=self.config.maps.model_name)
        return replace(bare, config=replace(bare.config, maps=maps))

    def to_plain(self) -> dict[str, Any]:
        """Return the job as plain JSON values."""
        return {"schema": SCHEMA, "version": VERSION, **to_plain(self)}

    @classmethod
    def from_plain(cls, record: Any) -> Job:
        """Read what ``to_plain`` made; missing fields get their defaults.

        Raises:
            ConfigError: It is not a job, has a later version, or something in it is unknown or wrong.
        """
        if not isinstance(record, Mapping) or record.get("schema") != SCHEMA:
            raise ConfigError(f'it is not a job; give an object with "schema": "{SCHEMA}"')
        version = record.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or not 1 <= version <= VERSION:
            raise ConfigError(
                f"the job has version {shown(version)}, and this semvid reads {VERSION}; install a newer one"
            )
        rest = {name: value for name, value in record.items() if name not in {"schema", "version"}}
        return from_plain(cls, rest, "job")

    def to_json(self) -> str:
        """Write it as one line of JSON."""
        return json.dumps(self.to_plain(), separators=(",", ":"), allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Job:
        """Read what ``to_json`` wrote.

        Raises:
            ConfigError: See ``from_plain``; or it is not JSON.
        """
        try:
            return cls.from_plain(parse_json(text, has_names=True).value)
        except Malformed as error:
            raise ConfigError(f"the job cannot be read: {error}") from error
