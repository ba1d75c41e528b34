"""What is to be done with one source, as JSON, and the doing of it."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from semvid.batch.joined import check_borders
from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig, DroppableKind, ImageConfig
from semvid.core.events import Chosen, Done, Notice, Progress, Stage
from semvid.core.plain import from_plain, to_plain
from semvid.core.rate import Crf
from semvid.core.records import dataclass
from semvid.core.text import Loss
from semvid.core.types import Span
from semvid.engine.job import Job
from semvid.media.writing.concat import concat
from semvid.media.writing.containers import CONTAINERS
from semvid.media.writing.decode_check import decode_all
from semvid.products.compress import job_events
from semvid.products.still import compress_image
from semvid.products.wished import estimate_events

_VIDEO, _PICTURE = "video", "picture"
_ALL_BUT_PICTURES: frozenset[DroppableKind] = frozenset({"audio", "subtitle", "attachment", "data", "video"})
_TOLD = (
    "num_frames",
    "duration_seconds",
    "quality",
    "plain_bytes",
    "saving",
    "is_input_damaged",
    "num_missing_frames",
    "map_left_out",
)
"""Of the result of a video, what is kept beside its sizes."""
LOSSES = "losses"
"""In the record of what came of a task: sentences about what of the source its output lacks."""


@dataclass(frozen=True, slots=True)
class Task:
    """How one source is compressed; ``config`` is of a video or of a picture."""

    source: Path
    config: CompressConfig | ImageConfig
    span: Span | None = None
    """Only this part, and only the picture; None = all."""
    parts: tuple[Path, ...] = ()
    """Files of the parts, to put together; none = it is compressed."""

    @property
    def is_picture(self) -> bool:
        """Whether it is a still."""
        return isinstance(self.config, ImageConfig)

    @property
    def may_be_divided(self) -> bool:
        """Whether parts come out as the whole would: at constant quality, with a map and nothing to match."""
        if not isinstance(self.config, CompressConfig) or self.config.maps.has_file:
            return False
        if not self.config.edit.is_all:
            return False
        config = self.config
        is_constant = (config.rate is None or isinstance(config.rate, Crf)) and config.peak is None
        is_free = config.allocation.chosen_match != "size" or config.allocation.strength == 0
        return is_constant and is_free and find_codec(config.codec).takes_offsets and config.save_maps is None

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, without the source and without what does not change the output."""
        return {
            "kind": _PICTURE if self.is_picture else _VIDEO,
            "config": to_plain(replace(self.config, threads=0, overwrite=False)),
            "span": None if self.span is None else [self.span.start, self.span.end],
        }

    @classmethod
    def from_plain(cls, record: Mapping[str, Any], source: Path, parts: Sequence[Path] = ()) -> Task:
        """Read what ``to_plain`` made.

        Args:
            record: As a parser of JSON gave it.
            source: What is compressed.
            parts: What it was compressed to, part by part; none = it is still to be done.

        Raises:
            ConfigError: Something in it is unknown or wrong.
        """
        kind: Any = ImageConfig if record["kind"] == _PICTURE else CompressConfig
        span = None if record["span"] is None else Span(*record["span"])
        return cls(source, from_plain(kind, record["config"], "config"), span, tuple(parts))

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
                "quality": picture.quality, LOSSES: _losses(picture.notices),
            }  # fmt: skip
        config = replace(self.config, threads=threads, overwrite=True)
        if self.parts:
            told = concat(self.parts, output, self.source, config)
            yield from map(Notice, told)
            num_frames = check_borders(output, self.parts)
            if config.verify == "full":
                yield Stage("decoding the output")
                for count in decode_all(output, 0, num_frames, output):
                    yield Progress(count, num_frames, 0)
            sizes = self.source.stat().st_size, output.stat().st_size
            return {"source_bytes": sizes[0], "output_bytes": sizes[1], LOSSES: _losses(told)}
        if self.span is not None:
            # What is measured of a part says little of the whole, which is checked when it is joined.
            drop = _ALL_BUT_PICTURES
            config = replace(config, drop=drop, strict=False, verify="quick")
            if config.allocation.strength > 0:
                config = replace(config, probe="none")
        told = []
        with closing(job_events(Job(self.source, self.span, output, config))) as events:
            for event in events:
                if isinstance(event, Done):
                    result = event.result
                elif isinstance(event, Progress | Stage | Notice):
                    told += [event.message] if isinstance(event, Notice) else []
                    yield event
        return {
            "source_bytes": result.source_bytes, "output_bytes": result.output_bytes,
            LOSSES: _losses(told), **{name: getattr(result, name) for name in _TOLD},
        }  # fmt: skip

    def estimate(
        self, folder: Path, threads: int
    ) -> Generator[Progress | Stage | Notice, None, dict[str, Any]]:
        """Find out by parts of a video what it would come to; a still is compressed.

        Args:
            folder: For what is tried.
            threads: As for ``run``.

        Returns:
            ``source_bytes``, ``output_bytes`` and ``seconds`` that it would take, as JSON.

        Raises:
            SemvidError: It would fail.
        """
        source_bytes, started = self.source.stat().st_size, time.monotonic()
        if isinstance(self.config, ImageConfig):
            tried = folder / f"tried-{os.getpid()}.jpg"
            try:
                result = yield from self.run(tried, threads)
            finally:
                tried.unlink(missing_ok=True)
            return {**result, "seconds": time.monotonic() - started}
        suffix = self.source.suffix.lower()
        output = folder / f"tried{suffix if suffix in CONTAINERS else '.mkv'}"
        config = replace(self.config, threads=threads, overwrite=True)
        with closing(estimate_events(Job(self.source, None, output, config))) as events:
            for event in events:
                if isinstance(event, Chosen):
                    chosen = event
                elif isinstance(event, Progress | Stage | Notice):
                    yield event
        return {
            "source_bytes": source_bytes, "output_bytes": chosen.trial.output_bytes,
            "seconds": chosen.expected_seconds, "quality": chosen.trial.quality,
        }  # fmt: skip


def _losses(told: Iterable[str]) -> list[str]:
    return [str(one) for one in told if isinstance(one, Loss)]
