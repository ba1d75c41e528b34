"""What ``same.py`` records of a case: its words, without what varies between runs, and all files it left."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import av
from makers import FFMPEG

_MEDIA = frozenset({".mp4", ".mkv", ".mov", ".webm", ".avi", ".ts"})
_VARYING = (
    (r"\x1b\[[0-9;]*m", ""),
    (r"in [\d.]+ s \([\d.]+ fps\)", "in # s (# fps)"),
    (r"in [\d.]+ s, (\d+ dropped), lately .*", r"in # s, \1"),
    (r'("elapsed_seconds": )[\d.e-]+', r"\1#"),
    (r"(?m)^.*\"event\": \"progress\".*\n", ""),
    (re.escape(tempfile.gettempdir()) + r"/[\w./-]*", "TEMPORARY"),
)
"""Progress is printed at most twice a second."""
_CODED_DATA = (r'"data": "[^"]*"', '"data": "#"')
_NOT_KEPT = re.compile(r"\s*(encoder|_STATISTICS\S*) *:|Input #|At least one output")
_LOOSE_FIELDS = ("pts", "dts", "duration", "is_key")
_FIELDS = (*_LOOSE_FIELDS, "flags", "size", "sha")
_TIMED_KEYS = frozenset({"elapsed_seconds", "seconds", "created", "made"})


def case_facts(folder: Path, outcomes: list[dict[str, Any]], *, loose: bool) -> dict[str, Any]:
    """Return everything about a case that must not change.

    Args:
        folder: Where it ran; all files in it belong to it.
        outcomes: Of its steps.
        loose: What its packets hold depends on when maps were ready: leave that out.
    """
    steps = []
    for one in outcomes:
        lines = [said(one["out"], folder, loose=loose), said(one["err"], folder, loose=loose)]
        steps.append({"exit": one["exit"], "out": lines[0], "messages": lines[1]})
    files = {
        str(path.relative_to(folder)): file_facts(path, loose=loose)
        for path in sorted(folder.rglob("*")) if path.is_file()
    }  # fmt: skip
    return {"steps": steps, "files": files}


def said(text: str, folder: Path, *, loose: bool) -> list[str]:
    """Return lines of output without paths, times and speeds."""
    text = text.replace(str(folder), "FOLDER").replace(str(folder.parents[1]), "WORK")
    for pattern, instead in (*_VARYING, *((_CODED_DATA,) if loose else ())):
        text = re.sub(pattern, instead, text)
    return [line.rstrip() for line in text.splitlines()]


def file_facts(path: Path, *, loose: bool) -> dict[str, Any]:
    """Return what is in a file: streams and packets, JSON without times, or its bytes."""
    if path.suffix in _MEDIA:
        return _media_facts(path, loose=loose)
    data = path.read_bytes()
    if path.suffix == ".json":
        return {
            key: _sha(json.dumps(_without_times(value)).encode()) for key, value in json.loads(data).items()
        }
    if path.suffix == ".m3u8":
        return {"lines": data.decode().splitlines()}
    return {"size": len(data), "sha": _sha(data)}


def _without_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_times(one) for key, one in value.items() if key not in _TIMED_KEYS}
    return [_without_times(one) for one in value] if isinstance(value, list) else value


def _media_facts(path: Path, *, loose: bool) -> dict[str, Any]:
    try:
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except av.error.FFmpegError as error:
        return {"unreadable": type(error).__name__, "sha": _sha(path.read_bytes())}
    with container:
        facts: dict[str, Any] = {"format": container.format.name, "said by FFmpeg": _dump(path, loose=loose)}
        for stream in container.streams:
            codec = stream.codec_context
            name = f"{stream.index} {stream.type}"
            extradata = codec.extradata if codec is not None else None
            facts[name] = {
                "codec": codec.codec.canonical_name if codec is not None else None,
                "time_base": str(stream.time_base),
                "extradata": _sha(extradata) if extradata else None,
                "packets": [],
            }
        order = hashlib.sha1()
        for packet in container.demux():
            if packet.size:
                order.update(bytes([packet.stream.index]))
                row = [packet.pts, packet.dts, packet.duration, packet.is_keyframe]
                if not loose:
                    flags = [packet.is_discard, packet.is_corrupt, packet.is_disposable]
                    row += ["".join(str(int(one)) for one in flags), packet.size, _sha(bytes(packet))]
                    row += [f"{one.data_type} {_sha(bytes(one))}" for one in packet.iter_sidedata()]
                facts[f"{packet.stream.index} {packet.stream.type}"]["packets"].append(row)
        if not loose:
            facts["interleaving"] = order.hexdigest()[:12]
    return facts


def _dump(path: Path, *, loose: bool) -> list[str]:
    """FFmpeg's own words on tags, colours, shape, side data, dispositions and chapters."""
    done = subprocess.run(
        [FFMPEG, "-hide_banner", "-nostdin", "-i", f"file:{path}"], capture_output=True, check=False
    )
    lines = done.stderr.decode(errors="replace").splitlines()
    kept = [line.strip() for line in lines if not _NOT_KEPT.match(line)]
    words = [re.sub(r" @ 0x[0-9a-f]+", "", line).replace(str(path.parent), "FOLDER") for line in kept]
    if loose:
        words = [re.sub(r"(bitrate: )?\d+ kb/s|\d+ kb/s", "#", line) for line in words]
    return words


def _sha(data: bytes) -> str:
    return hashlib.sha1(data).hexdigest()[:12]


def differences(before: Any, after: Any, where: str = "") -> list[tuple[str, str, str]]:
    """Return each difference as (where, before, after); lists of packets in one line each."""
    if isinstance(before, dict) and isinstance(after, dict):
        found = []
        for key in dict.fromkeys([*before, *after]):
            inner = f"{where}: {key}" if where else str(key)
            if key not in before or key not in after:
                found.append((inner, _short(before.get(key, "(none)")), _short(after.get(key, "(none)"))))
            else:
                found += differences(before[key], after[key], inner)
        return found
    if before == after:
        return []
    if isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            gone = [one for one in before if one not in after]
            new = [one for one in after if one not in before]
            return [(where, f"{len(before)} entries; not in the other: {_short(gone)}",
                     f"{len(after)} entries; not in the other: {_short(new)}")]  # fmt: skip
        unlike = [index for index, one in enumerate(before) if one != after[index]]
        first = unlike[0]
        if len(unlike) == 1 and isinstance(before[first], dict):
            return differences(before[first], after[first], f"{where}[{first}]")
        note = f"{len(unlike)} of {len(before)} differ, first [{first}] "
        if isinstance(before[first], list) and len(before[first]) >= len(_FIELDS):
            pairs = zip(_FIELDS, before[first], after[first], strict=False)
            fields = [name for name, a, b in pairs if a != b]
            note += f"in {', '.join(fields) or 'side data'} "
        return [(where, note + _short(before[first]), _short(after[first]))]
    return [(where, _short(before), _short(after))]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 300 else text[:297] + "..."
