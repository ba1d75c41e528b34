"""What is to be done with one source, as JSON, and the doing of it."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from semvid.core.config import CompressConfig, ImageConfig
from semvid.core.events import Done, Notice, Progress, Stage
from semvid.core.plain import from_plain, to_plain
from semvid.core.records import dataclass
from semvid.engine.job import Job
from semvid.products.compress import job_events
from semvid.products.still import compress_image

_VIDEO, _PICTURE = "video", "picture"
_TOLD = (
    "num_frames",
    "duration_seconds",
    "quality",
    "plain_bytes",
    "saving",
    "is_input_damaged",
    "map_left_out",
)
"""Of the result of a video, what is kept beside its sizes."""


@dataclass(frozen=True, slots=True)
class Task:
    """How one source is compressed; ``config`` is of a video or of a picture."""

    source: Path
    config: CompressConfig | ImageConfig

    @property
    def is_picture(self) -> bool:
        """Whether it is a still."""
        return isinstance(self.config, ImageConfig)

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, without the source and without what does not change the output."""
        return {
            "kind": _PICTURE if self.is_picture else _VIDEO,
            "config": to_plain(replace(self.config, threads=0, overwrite=False)),
        }

    @classmethod
    def from_plain(cls, record: Mapping[str, Any], source: Path) -> Task:
        """Read what ``to_plain`` made.

        Args:
            record: As a parser of JSON gave it.
            source: What is compressed.

        Raises:
            ConfigError: Something in it is unknown or wrong.
        """
        kind: Any = ImageConfig if record["kind"] == _PICTURE else CompressConfig
        return cls(source, from_plain(kind, record["config"], "config"))

    def run(self, output: Path, threads: int) -> Generator[Progress | Stage | Notice, None, dict[str, Any]]:
        """Do it.

        Args:
            output: Where to write; there is no such file yet.
            threads: Cores to keep busy, at least 1. It hardly changes the output, and is no part of a task.

        Returns:
            What came of it, as JSON: at least ``source_bytes`` and ``output_bytes``.

        Raises:
            SemvidError: It failed; see ``semvid.core.errors``.
        """
        if isinstance(self.config, ImageConfig):
            still = replace(self.config, threads=threads, overwrite=True)
            picture = compress_image(self.source, output, still)
            yield from map(Notice, picture.notices)
            return {
                "source_bytes": picture.source_bytes, "output_bytes": picture.output_bytes,
                "quality": picture.quality,
            }  # fmt: skip
        config = replace(self.config, threads=threads, overwrite=True)
        with closing(job_events(Job(self.source, None, output, config))) as events:
            for event in events:
                if isinstance(event, Done):
                    result = event.result
                elif isinstance(event, Progress | Stage | Notice):
                    yield event
        return {
            "source_bytes": result.source_bytes, "output_bytes": result.output_bytes,
            **{name: getattr(result, name) for name in _TOLD},
        }  # fmt: skip
