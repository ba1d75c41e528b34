"""Turns sources into jobs: which output each gets, and which are done already."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path
from typing import Any

from semvid.batch.films.borders import expected_parts
from semvid.batch.jobs.identity import Identity, identify
from semvid.batch.jobs.records import Entry, NewJob
from semvid.batch.jobs.store import JobStore
from semvid.batch.sources import Source
from semvid.batch.tasks.task import Task
from semvid.codecs.registry import at_quality, find_codec
from semvid.core.config import BatchConfig, CompressConfig, ImageConfig
from semvid.core.errors import ConfigError, SemvidError
from semvid.core.records import dataclass
from semvid.core.threads import available_cores
from semvid.media.probe import probe
from semvid.media.stills.picture_file import is_still
from semvid.media.writing.containers import CONTAINERS
from semvid.media.writing.destination import default_output
from semvid.products.ways import has_wish

_PICTURE_SUFFIX = ".jpg"

OptionsReader = Callable[[Mapping[str, str], str], CompressConfig]
"""Makes a configuration of a source's own options; the second argument says where they are written."""


@dataclass(slots=True)
class Plan:
    """What there is to do."""

    jobs: list[NewJob] = field(default_factory=list)
    failures: dict[Path, str] = field(default_factory=dict)
    """By output: why a job cannot be done."""
    there: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Size and time of outputs that exist and may be replaced: those that a batch made."""


def plan_jobs(
    sources: Sequence[Source],
    output: Path | None,
    config: BatchConfig,
    store: JobStore,
    read_options: OptionsReader | None = None,
) -> Plan:
    """Decide what becomes of each source.

    Args:
        sources: What there is.
        output: The folder of all outputs; None = each takes the place of its source.
        config: How.
        store: Jobs of earlier runs: what is known of a source is not looked up again.
        read_options: For sources with options of their own.

    Raises:
        ConfigError: Two outputs would have the same name, one would be written over a source, or an option of
            a source is wrong.
    """
    plan = Plan()
    originals = set() if config.replace else {os.path.realpath(one.path) for one in sources}
    entries = list(store.entries())
    outputs = {one.source: one.output for one in entries}
    known_by_output = {one.output: one for one in entries}
    chosen = [_choose(one, output, config, outputs, read_options) for one in sources]
    taken = Counter(_key(one.target) for one in chosen)
    names: dict[str, Source] = {}
    # One for all that are compressed alike, of which there may be a million.
    records: dict[CompressConfig | ImageConfig, dict[str, Any]] = {}
    for one in chosen:
        target, fault = one.target, one.fault
        if taken[_key(target)] > 1 and one.source.path.suffix.lower() != target.suffix:
            # As clip.avi beside clip.mkv: both become .mkv, and one keeps its ending in the name.
            target = target.with_name(f"{one.source.path.name}{target.suffix}")
        other = names.setdefault(_key(target), one.source)
        if other is not one.source:
            raise ConfigError(
                f"{other.path} and {one.source.path} would both become {target}; rename one, or put them "
                "into two folders"
            )
        target = Path(os.path.abspath(target))
        if os.path.realpath(target) in originals:
            raise ConfigError(
                f"{target} is a source, and would be written over; choose another `output`, or give `replace`"
            )
        entry, known = known_by_output.get(target), store.identity_of(target)
        try:
            seen = identify(one.task.source, known)
        except SemvidError as error:
            seen, fault = known or Identity(0, 0, ""), fault or str(error)
        is_lost = is_made = False
        in_the_way = (
            f"{target} was changed since; pass `overwrite=True` to overwrite it",
            f"{target} exists, and no batch made it; pass `overwrite=True` to overwrite it",
        )
        if made := _ever_made(entry):
            is_lost = not target.exists()
            if target == one.task.source:
                is_made = any(each.is_content_of(seen) for each in made)
            elif not (config.overwrite or is_lost or _is_one_of(target, made)):
                fault = fault or in_the_way[0]
        elif target.exists() and target != one.task.source and not config.overwrite:
            fault = fault or in_the_way[1]
        if one.task.config not in records:
            records[one.task.config] = {
                **one.task.to_plain(), "least_saving": config.least_saving, "replace": config.replace,
                "part_seconds": config.part_seconds if one.task.may_be_divided else 0,
            }  # fmt: skip
        plan.jobs.append(NewJob(
            one.task.source, target, records[one.task.config], seen, is_lost=is_lost, is_made=is_made,
            is_freed=not fault and entry is not None and entry.reason in in_the_way,
        ))  # fmt: skip
        if not fault and target != one.task.source and target.exists():
            status = target.stat()
            plan.there[target] = status.st_size, status.st_mtime_ns
        if fault:
            plan.failures[target] = config.strictly(fault)
    return plan


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What is done with a source, and the name its output would have."""

    source: Source
    task: Task
    target: Path
    fault: str
    """Why nothing can be done; empty = it can."""


def _choose(
    source: Source,
    output: Path | None,
    config: BatchConfig,
    outputs: Mapping[Path, Path],
    read_options: OptionsReader | None,
) -> _Chosen:
    task = _task(source, config, read_options)
    folder = source.path.parent if output is None else output / source.folder
    suffix, fault = _suffix(source.path, task, outputs.get(task.source))
    return _Chosen(source, task, folder / f"{source.path.stem}{suffix}", fault)


def made_of(result: Mapping[str, Any]) -> Identity:
    """Return what an output was when it was made, by what was noted."""
    return Identity(**result["output"])


def _ever_made(entry: Entry | None) -> list[Identity]:
    """Return what the output of a job may be: what it was made, and what was noted when it was made again."""
    if entry is None:
        return []
    noted = None if entry.result is None else made_of(entry.result)
    return [one for one in (entry.made, noted) if one is not None]


def _is_one_of(output: Path, made: Sequence[Identity]) -> bool:
    try:
        seen = identify(output, made[-1])
    except SemvidError:
        return False
    return any(seen.is_content_of(one) for one in made)


def _task(source: Source, config: BatchConfig, read_options: OptionsReader | None) -> Task:
    path = Path(os.path.abspath(source.path))
    if is_still(source.path):
        if source.options:
            raise ConfigError(
                f"{source.place}: {source.path} is a picture, and options in lists are for videos; leave "
                "them out"
            )
        return Task(path, config.picture)
    if source.options and read_options is not None:
        own = read_options(source.options, source.place)
        return Task(path, config.for_place(own))
    return Task(path, config.video)


def _suffix(source: Path, task: Task, known: Path | None) -> tuple[str, str]:
    """Return the ending of the output's name, and why there can be none."""
    if task.is_picture:
        return _PICTURE_SUFFIX, ""
    if known is not None:
        return known.suffix, ""
    assert isinstance(task.config, CompressConfig)  # noqa: S101 - it is no picture
    own = source.suffix.lower()
    try:
        info = probe(source)
        codec, config = find_codec(task.config.codec), task.config
        # What is searched has no quality yet; all else is checked here.
        begun = at_quality(config, codec.scale.default) if has_wish(config) else config
        coding_format = codec.coding(begun).coding_format
        return default_output(info, coding_format, replace(task.config, overwrite=True)).suffix, ""
    except SemvidError as error:
        return own if own in CONTAINERS else ".mkv", str(error)


def _key(path: Path) -> str:
    # Some systems do not tell upper case from lower case.
    return os.path.abspath(path).casefold()


def count_pieces(jobs: Sequence[NewJob]) -> int:
    """Return how many files and parts there are to work at, about; headers are only read where it matters."""
    if len(jobs) >= available_cores():
        return len(jobs)
    return sum(expected_parts(one.source, one.task["part_seconds"]) for one in jobs)
