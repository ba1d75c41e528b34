"""What is to be done with one source, as JSON, and the doing of it."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from semvid.batch.films.losses import LOSSES, losses_among
from semvid.batch.films.work import encode_part, join, solve
from semvid.codecs.registry import find_codec
from semvid.core.config import CompressConfig, ImageConfig
from semvid.core.events import Chosen, Done, Notice, Progress, Stage
from semvid.core.frozen import FrozenMapping
from semvid.core.plain import from_plain, to_plain
from semvid.core.rate import AsGoodAs
from semvid.core.records import dataclass
from semvid.core.results import Result
from semvid.core.types import Span
from semvid.engine.job import Job
from semvid.media.writing.containers import CONTAINERS
from semvid.products.compress import job_events
from semvid.products.still import compress_image
from semvid.products.ways import has_two_passes, has_wish
from semvid.products.wished import estimate_events

_VIDEO, _PICTURE = "video", "picture"
_OF_FILM = ("solves", "num_whole", "maps", "is_first", "measured", "state", "pieces")
_TOLD = (
    "num_frames",
    "duration_seconds",
    "quality",
    "video_bytes",
    "plain_bytes",
    "plain_bytes_estimate",
    "saving",
    "saving_error",
    "is_input_damaged",
    "num_missing_frames",
    "map_left_out",
    "measure",
    "score",
    "rest_score",
    "num_scored",
    "gain_db",
)
"""Of the result of a video, what is kept beside its sizes."""


@dataclass(frozen=True, slots=True)
class Task:
    """How one source is compressed; ``config`` is of a video or of a picture."""

    source: Path
    config: CompressConfig | ImageConfig
    span: Span | None = None
    """Only this part, and only the picture; None = all."""
    parts: tuple[Path, ...] = ()
    """Files of the parts, to put together; none = it is compressed."""
    film: Mapping[str, Any] = FrozenMapping()
    """Of a film in parts, as JSON: what is known of the whole (``film_work.py``)."""

    @property
    def codec(self) -> str:
        """The name of what it is compressed with."""
        return self.config.codec if isinstance(self.config, CompressConfig) else "jpeg"

    @property
    def is_picture(self) -> bool:
        """Whether it is a still."""
        return isinstance(self.config, ImageConfig)

    @property
    def may_be_divided(self) -> bool:
        """Whether parts together come out as the whole would; ``docs/batch.md`` says why others do not."""
        config = self.config
        if not isinstance(config, CompressConfig) or config.maps.has_file or config.save_maps is not None:
            return False
        codec, rate = find_codec(config.codec), config.rate
        if not codec.takes_offsets or config.peak is not None or not config.edit.is_all:
            return False
        # What is refused in one piece is refused.
        is_refused = has_two_passes(config) and config.probe is not None
        is_refused |= getattr(rate, "floor", None) is not None and not codec.steers(config)
        return not is_refused and not isinstance(rate, AsGoodAs)

    @property
    def is_solved_whole(self) -> bool:
        """Whether something has to be found out on all of a video before parts of it can be encoded."""
        config = self.config
        if not isinstance(config, CompressConfig):
            return False
        # Where a map may not pay, all parts go without, or none.
        is_doubtful = find_codec(config.codec).leaves_out_losing_maps and config.allocation.keeps_region
        return has_wish(config) or (is_doubtful and config.chosen_probe != "none")

    def to_plain(self) -> dict[str, Any]:
        """Return it as plain JSON values, without the source and without what does not change the output."""
        return {
            "kind": _PICTURE if self.is_picture else _VIDEO,
            "config": to_plain(replace(self.config, threads=0, overwrite=False)),
            "span": None if self.span is None else list(astuple(self.span)),
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
        film = {name: record[name] for name in _OF_FILM if name in record}
        return cls(source, from_plain(kind, record["config"], "config"), span, tuple(parts), film)

    def run(self, output: Path, threads: int) -> Generator[Progress | Stage | Notice, None, dict[str, Any]]:
        """Do it.

        Args:
            output: Where to write; there is no such file yet.
            threads: Cores to keep busy; 0 = all. It hardly changes the output, and is no part of a task.

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
                "quality": picture.quality, LOSSES: losses_among(picture.notices),
            }  # fmt: skip
        config = replace(self.config, threads=threads, overwrite=True)
        if "solves" in self.film:
            return (yield from solve(self.source, output, config, self.source.suffix))
        if self.parts:
            return (yield from join(self.source, self.parts, output, config, self.film))
        if self.span is not None:
            part = yield from encode_part(Job(self.source, self.span, output, config), self.film)
            return _told(part[0]) | part[1]
        told: list[str] = []
        with closing(job_events(Job(self.source, self.span, output, config))) as events:
            for event in events:
                if isinstance(event, Done):
                    result = event.result
                elif isinstance(event, Progress | Stage | Notice):
                    told += [event.message] if isinstance(event, Notice) else []
                    yield event
        return _told(result) | {LOSSES: losses_among(told)}

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


def _told(result: Result) -> dict[str, Any]:
    """Return what is kept of the result of a video."""
    sizes = {"source_bytes": result.source_bytes, "output_bytes": result.output_bytes}
    return {**sizes, **{name: getattr(result, name) for name in _TOLD}}
