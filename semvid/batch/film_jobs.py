"""A film as jobs: finding out how to encode it, its parts, and joining them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from semvid.batch.jobs.records import Entry, NewJob, Taken
from semvid.batch.tasks.task import Task
from semvid.codecs.registry import at_quality
from semvid.core.config import CompressConfig
from semvid.core.plain import to_plain
from semvid.core.rate import ScoreWish
from semvid.core.records import dataclass

Bare = Mapping[str, Any]
"""A part of it as JSON; see ``carry_out``."""

PARTS = "parts"
"""The folder of the finished parts of videos, beside the store."""


@dataclass(frozen=True, slots=True)
class Joining:
    """All parts are there: they are put together, and checked."""

    parts: tuple[Path, ...]
    record: Mapping[str, Any]
    """What is known of the film and its parts; see ``Film`` in ``task.py``."""


class FilmJobs:
    """The jobs of one film.

    Args:
        taken: The film, held.
        entries: Its jobs so far; all are done.
        folder: For its parts.
    """

    def __init__(self, taken: Taken, entries: Sequence[Entry], folder: Path) -> None:
        self._taken, self._folder, self._is_known = taken, folder, bool(entries)
        results = [(one, one.result or {}) for one in entries]
        solved = [(one.id, result) for one, result in results if "solution" in result]
        self._pieces = {
            (one["part"], one["asked"]): (each.output, one) for each, one in results if "part" in one
        }
        self.solver: int | None = solved[0][0] if solved else None
        """The number of the job that found out how to encode it; None = there was none."""
        self._state: Mapping[str, Any] | None = solved[0][1] if solved else None

    @property
    def is_empty(self) -> bool:
        """Whether there is no job yet."""
        return not self._is_known

    @property
    def is_undivided(self) -> bool:
        """Whether it is known how to encode it, and its parts are still to be made."""
        return not self._pieces and self._state is not None

    def first(self, spans: Sequence[Bare]) -> list[NewJob]:
        """Return what comes first: the parts, or what has to be found out before.

        Args:
            spans: Of each part.
        """
        if not Task.from_plain(self._taken.task, self._taken.source).is_solved_whole:
            return [self._part(number, spans, None, {}) for number in _longest_first(spans)]
        task = {**self._taken.task, "solves": spans, "part_seconds": 0}
        return [self._job("solution.json", task)]

    def parts(self) -> tuple[list[NewJob], dict[str, Any]]:
        """Return the parts, once it is known how to encode them, and what is noted of the film then."""
        assert self._state is not None  # noqa: S101 - it is known
        quality, spans = self._state["solution"]["quality"], self._state["spans"]
        chosen = {"rounds": [], "base": quality, "qualities": [quality] * len(spans)}
        return self._missing(chosen["qualities"]), {**self._state, **chosen}

    def again(self, chosen: Mapping[str, Any]) -> tuple[list[NewJob], dict[str, Any]]:
        """Return the parts that need another quality, and what is noted of the film then.

        Args:
            chosen: See ``Verdict.again``.
        """
        assert self._state is not None  # noqa: S101 - it was checked
        return self._missing(chosen["qualities"]), {**self._state, **chosen}

    def joining(self) -> Joining:
        """Return what there is to join."""
        if self._state is None:
            found = [self._pieces[one] for one in sorted(self._pieces)]
        else:
            found = [self._pieces[one] for one in enumerate(self._state["qualities"])]
        record = {"state": self._state, "pieces": [one for _, one in found]}
        return Joining(tuple(output for output, _ in found), record)

    def _missing(self, qualities: Sequence[float]) -> list[NewJob]:
        assert self._state is not None  # noqa: S101 - it is known
        config = Task.from_plain(self._taken.task, self._taken.source).config
        assert isinstance(config, CompressConfig)  # noqa: S101 - it is a film
        # Most films need none, and it loads what encodes.
        from semvid.engine.solution import Solution

        solution = Solution.from_plain(self._state["solution"])
        common = {
            "num_whole": solution.num_frames,
            "measured": to_plain(config)["rate"] if isinstance(config.rate, ScoreWish) else None,
        }  # fmt: skip
        jobs = []
        for number in _longest_first(self._state["spans"]):
            quality = qualities[number]
            if (number, quality) in self._pieces:
                continue
            is_first = quality == solution.quality or not solution.slope
            own = solution.config if is_first else at_quality(solution.config, quality)
            # Whoever encodes the part again needs the same maps.
            keeps = bool(solution.slope) and own.allocation.strength > 0
            maps = str(self._folder / f"{number:04}.svmap") if keeps else None
            more = {**common, "maps": maps, "is_first": is_first, "config": to_plain(own)}
            jobs.append(self._part(number, self._state["spans"], quality, more))
        return jobs

    def _part(
        self,
        number: int,
        spans: Sequence[Bare],
        quality: float | None,
        more: Mapping[str, Any],
    ) -> NewJob:
        name = f"{number:04}" if quality is None else f"{number:04}-{quality:g}"
        task = {
            **self._taken.task, "span": spans[number]["span"], "part_seconds": 0, "part": number,
            "asked": quality, "num_parts": len(spans), **more,
        }  # fmt: skip
        return self._job(f"{name}{self._taken.output.suffix}", task)

    def _job(self, name: str, task: Mapping[str, Any]) -> NewJob:
        return NewJob(self._taken.source, self._folder / name, task, self._taken.identity)


def _longest_first(spans: Sequence[Bare]) -> list[int]:
    """Return the numbers of parts in the order they are begun in: what is long does not end last, alone."""
    return sorted(range(len(spans)), key=lambda number: -spans[number]["seconds"])
