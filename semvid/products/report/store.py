"""Writes reports as JSON and reads them back; every field from a file is checked."""

from __future__ import annotations

import dataclasses
import json
import math
import re
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast, get_args, get_origin, get_type_hints

from semvid.core.checked import Malformed, parse_json, shown
from semvid.core.decoding import read_text
from semvid.core.errors import ConfigError, InputError, InputMissingError
from semvid.core.text import counted, encodable
from semvid.engine.job import Job
from semvid.products.report.data import MEASURES, VERSION, CloseUp, Report, Still, Thumbnail

_MOST_BYTES = 2**27
"""Of a report: those of ten hours have half as many."""
_MOST_PICTURE = 2**25
"""Characters of a picture; ours have at most 1280 pixels a side."""
_PICTURE = re.compile(r"data:image/(webp|png|jpeg);base64,[A-Za-z0-9+/]+={0,2}")
_PICTURES = {"source", "plain", "semvid", "heat", "where", "picture"}
"""Fields of stills, close-ups and thumbnails that hold one."""


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
        report = cast(Report, _read(record, Report, "report"))
        if job is not None:
            report = dataclasses.replace(report, job=Job.from_plain(job))
        _check(report)
    except (ValueError, ConfigError) as error:
        raise InputError(f"{name} is a damaged report: {error}; make it again with `write_report`") from error
    return report


def _read(value: Any, kind: Any, where: str) -> Any:
    """Check a value of JSON against a type and convert it; raises ValueError that says where."""
    if dataclasses.is_dataclass(kind):
        return _read_fields(value, cast(type, kind), where)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        items = _expect(value, list, where)
        kinds = [arguments[0]] * len(items) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) != len(items):
            raise ValueError(f"{where} has {counted(len(items), 'item')} instead of {len(kinds)}")
        return tuple(
            _read(one, item, f"{where}[{index}]")
            for index, (one, item) in enumerate(zip(items, kinds, strict=True))
        )
    if origin is Mapping:
        entries = _expect(value, dict, where)
        return types.MappingProxyType(
            {key: _read(one, arguments[1], f"{where}.{key}") for key, one in entries.items()}
        )
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{where} is {shown(value)}")
        return value
    if kind is float:
        return math.nan if value is None else float(_expect(value, (int, float), where))
    return _expect(value, kind, where)


def _read_fields(value: Any, kind: type, where: str) -> Any:
    entries = _expect(value, dict, where)
    hints = get_type_hints(kind)
    usual = {one.name for one in dataclasses.fields(kind) if one.default is not dataclasses.MISSING}
    missing = sorted(hints.keys() - entries.keys() - usual)
    if missing:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
    given = {name: hint for name, hint in hints.items() if name in entries}
    return kind(**{name: _read(entries[name], hint, f"{where}.{name}") for name, hint in given.items()})


def _expect(value: Any, kind: Any, where: str) -> Any:
    # To Python True is a number; to a report it is not.
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{where} is {shown(value)}")
    return value


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
    shown: tuple[Still | CloseUp | Thumbnail, ...] = (*report.stills, *report.closeups, *report.strip)
    for one in shown:
        for field in _PICTURES.intersection(item.name for item in dataclasses.fields(one)):
            picture = getattr(one, field)
            if len(picture) > _MOST_PICTURE or not _PICTURE.fullmatch(picture):
                raise ValueError(f"a picture ({field}) is none")
