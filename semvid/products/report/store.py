"""Writes reports as JSON and reads them back; every field from a file is checked."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from semvid.core.checked import Malformed, parse_json
from semvid.core.decoding import read_text
from semvid.core.errors import InputError, InputMissingError
from semvid.core.geometry import Size
from semvid.core.plain import from_plain
from semvid.core.text import counted, encodable
from semvid.engine.job import Job
from semvid.products.report.data import MEASURES, VERSION, CloseUp, Report, Spot, Still, Thumbnail

_MOST_BYTES = 2**27
"""Of a report: those of ten hours have half as many."""
_MOST_PICTURE = 2**25
"""Characters of a picture; ours have at most 1280 pixels a side."""
_PICTURE = re.compile(r"data:image/(webp|png|jpeg);base64,[A-Za-z0-9+/]+={0,2}")
_PICTURES = {"source", "plain", "semvid", "heat", "where", "picture"}
"""Fields of stills, spots, close-ups and thumbnails that hold one."""


def plain_values(value: Any) -> Any:
    """Turn a report into plain JSON values; NaN becomes None."""
    if isinstance(value, Job):
        return plain_values(value.to_plain())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain_values(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain_values(one) for key, one in value.items()}
    if isinstance(value, tuple | list):
        return [plain_values(one) for one in value]
    if isinstance(value, str):
        # Names that are not UTF-8 are no text to a reader of JSON.
        return encodable(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def dump_report(report: Report) -> str:
    """Write a report as JSON; ``parse_report`` reads it back."""
    return json.dumps(plain_values(report), separators=(",", ":"), allow_nan=False) + "\n"


def load_report(path: Path | str) -> Report:
    """Read a report that ``write_report`` wrote as JSON.

    Raises:
        InputMissingError: It does not exist.
        InputError: It cannot be read, is not a report, is damaged, or comes from a newer semvid.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            text = read_text(file, _MOST_BYTES)
    except FileNotFoundError as error:
        raise InputMissingError(f"{path} does not exist; check the path") from error
    except Malformed as error:
        raise InputError(
            f"{path} is not a report: {error}; give a .json that `write_report` wrote"
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error
    return parse_report(text, str(path))


def parse_report(text: str, name: str) -> Report:
    """Read JSON of ``dump_report``; ``name`` is for messages. Raises InputError as ``load_report`` does."""
    try:
        record = parse_json(text).value
    except Malformed as error:
        raise InputError(
            f"{name} is not a report: {error}; give a .json that `write_report` wrote"
        ) from error
    version = record.get("version") if isinstance(record, dict) else None
    if not isinstance(version, int) or isinstance(version, bool):
        raise InputError(f"{name} is not a report; give a .json that `write_report` wrote")
    if version > VERSION:
        raise InputError(
            f"{name} is a report of version {version}, and this semvid reads {VERSION}; install a newer one"
        )
    try:
        job = record.pop("job", None)
        report = from_plain(Report, _with_nan(record), "report")
        if job is not None:
            report = dataclasses.replace(report, job=Job.from_plain(job))
        _check(report)
    except ValueError as error:
        why = str(error).partition(";")[0]
        raise InputError(f"{name} is a damaged report: {why}; make it again with `write_report`") from error
    return report


def _with_nan(value: Any) -> Any:
    """Put NaN where JSON has null."""
    if isinstance(value, dict):
        return {key: _with_nan(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_with_nan(one) for one in value]
    return math.nan if value is None else value


def _check(report: Report) -> None:
    """Raise ValueError where fields contradict each other or a picture is none."""
    num_frames = len(report.seconds)
    source = report.source
    if min(source.num_bytes, source.width, source.height, source.num_frames) < 1:
        raise ValueError("its source has no bytes, size or frames")
    if not num_frames or not report.stills:
        raise ValueError("it has no frames")
    for name, encode in (("mapped", report.mapped), ("plain", report.plain)):
        for what, values in (("bits", encode.bits), *encode.scores.items()):
            if len(values) != num_frames:
                raise ValueError(
                    f"{name}.{what} has {counted(len(values), 'value')} for {counted(num_frames, 'frame')}"
                )
        if encode.scores.keys() != encode.pooled.keys() or not encode.scores.keys() <= set(MEASURES):
            raise ValueError(f"{name}.scores and {name}.pooled are not of the known measures")
    if report.mapped.scores.keys() != report.plain.scores.keys():
        raise ValueError("its encodes were measured differently")
    spots = [spot for one in report.stills for spot in one.spots]
    boxes = [box for one in spots for box in ((one.x, one.y, one.width, one.height), one.view)]
    for box in boxes:
        if not _is_inside(box, (source.width, source.height)):
            raise ValueError(f"a spot, {box}, is not in the picture")
    _check_pictures(report, spots)


def _check_pictures(report: Report, spots: Sequence[Spot]) -> None:
    shown: tuple[Still | Spot | CloseUp | Thumbnail, ...] = (
        *report.stills, *spots, *report.closeups, *report.strip
    )  # fmt: skip
    for one in shown:
        for field in _PICTURES.intersection(item.name for item in dataclasses.fields(one)):
            picture = getattr(one, field)
            if len(picture) > _MOST_PICTURE or not _PICTURE.fullmatch(picture):
                raise ValueError(f"a picture ({field}) is none")


def _is_inside(box: tuple[int, int, int, int], size: Size) -> bool:
    return all(
        0 <= start < start + part <= full for start, part, full in zip(box[:2], box[2:], size, strict=True)
    )
