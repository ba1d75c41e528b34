"""Does the work of a film in parts: finds out how to encode it, encodes a part, and joins all of them."""

from __future__ import annotations

import json
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from semvid.batch.films.check import check_film
from semvid.batch.films.joined import check_borders
from semvid.batch.films.losses import LOSSES, losses_among
from semvid.batch.films.result import sum_up
from semvid.core.config import CompressConfig, DroppableKind
from semvid.core.events import Event, Notice, Progress, Stage
from semvid.core.plain import from_plain
from semvid.core.rate import ScoreWish
from semvid.core.results import Result
from semvid.core.types import Span
from semvid.engine.job import Job
from semvid.engine.quick import expected_frames
from semvid.media.probe import probe
from semvid.media.writing.concat import concat
from semvid.media.writing.containers import CONTAINERS
from semvid.media.writing.decode_check import decode_all
from semvid.products.part import part_events
from semvid.products.wished import solve_events

_ALL_BUT_PICTURES: frozenset[DroppableKind] = frozenset({"audio", "subtitle", "attachment", "data", "video"})

Told = Progress | Stage | Notice


def solve(
    source: Path, output: Path, config: CompressConfig, suffix: str
) -> Generator[Told, None, dict[str, Any]]:
    """Find out how to encode the parts of a film.

    Args:
        source: The film.
        output: A file that gets the solution too, as JSON.
        config: What was asked for.
        suffix: Of what the film becomes.

    Returns:
        The ``solution``, and sizes as of any job.

    Raises:
        SemvidError: What was asked for is out of reach, or the film cannot be read.
    """
    # It is tried what comes into the container, but nothing is written there.
    tried = output.with_name(f"tried{suffix if suffix in CONTAINERS else '.mkv'}")
    solution = yield from _passed(solve_events(Job(source, None, tried, config)), [])
    output.write_text(json.dumps(solution.to_plain()))
    sizes = {"source_bytes": source.stat().st_size, "output_bytes": output.stat().st_size}
    return {**sizes, "solution": solution.to_plain()}


def encode_part(job: Job, film: Mapping[str, Any]) -> Generator[Told, None, tuple[Result, dict[str, Any]]]:
    """Encode a part of a film.

    Args:
        job: What to do; only the picture is kept.
        film: What is known of the whole: ``num_whole``, ``maps`` and ``measured``, see ``part_events``; and
            ``is_first``, that no encode of the part was before this one.

    Returns:
        What came of it, and what else is noted.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    started = time.monotonic()
    # Other streams come from the film when parts are joined, and all is verified then.
    config = replace(job.config, drop=_ALL_BUT_PICTURES, strict=False, verify="quick")
    num_whole = film.get("num_whole") or expected_frames(probe(job.source), Span())
    maps = None if film.get("maps") is None else Path(film["maps"])
    if maps is not None and not maps.parent.is_dir():
        # On a machine that does not see it; an encode after this one makes them again.
        maps = None
    rate = film.get("measured")
    wanted = None if rate is None else from_plain(CompressConfig, {"rate": rate}, "config").rate
    score = wanted if isinstance(wanted, ScoreWish) else None
    told: list[str] = []
    result, measured = yield from _passed(
        # What an encode that was killed left is not read: from beginning to end it would be the same, but for
        # what the encoder sees before the part.
        part_events(
            replace(job, config=config), num_whole, maps, score, are_kept=not film.get("is_first", True)
        ),
        told,
    )
    noted: dict[str, Any] = {"seconds": time.monotonic() - started, LOSSES: losses_among(told)}
    if measured is not None:
        noted |= {"measured": asdict(measured[0]), "num_measured": measured[1]}
    return result, noted


def join(
    source: Path, parts: Sequence[Path], output: Path, config: CompressConfig, film: Mapping[str, Any]
) -> Generator[Told, None, dict[str, Any]]:
    """Put the parts of a film together, and check all of it.

    Args:
        source: The film, which the other streams come from.
        parts: Files.
        output: Where to write.
        config: What was asked for.
        film: What is known of it: ``state`` (see ``check_film``) and ``pieces``, what came of each part.

    Returns:
        What came of it; or, as ``again`` (see ``Verdict``), which parts need another quality.

    Raises:
        SemvidError: Parts do not fit together, or what was asked for is out of reach.
    """
    yield Stage("joining")
    notices = concat(parts, output, source, config)
    sizes = {"source_bytes": source.stat().st_size, "output_bytes": output.stat().st_size}
    pieces: Sequence[Mapping[str, Any]] = film["pieces"]
    found = sum_up(pieces, sizes["output_bytes"])
    if film["state"] is not None:
        verdict = check_film(config, film["state"], pieces, output)
        if verdict.again is not None:
            return {**sizes, "again": verdict.again, "remark": verdict.remark}
        if verdict.remark:
            yield Notice(verdict.remark)
        found |= verdict.found
    yield from map(Notice, notices)
    num_frames = check_borders(output, [one["num_frames"] for one in pieces])
    if config.verify == "full":
        yield Stage("decoding the output")
        for count in decode_all(output, 0, num_frames, output):
            yield Progress(count, num_frames, 0)
    return {**sizes, **found, LOSSES: [*losses_among(notices), *found[LOSSES]]}


def _passed(events: Generator[Event, None, Any], told: list[str]) -> Generator[Told, None, Any]:
    """Pass on what is told of a job, keep its notices in ``told``, and return what comes of it."""
    with closing(events):
        while True:
            try:
                event = next(events)
            except StopIteration as end:
                return end.value
            told += [event.message] if isinstance(event, Notice) else []
            if isinstance(event, Told):
                yield event
