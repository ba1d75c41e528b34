"""Importance from boxes that any detector or tracker wrote: JSON lines or MOT text."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from semvid.errors import MapError
from semvid.saliency.map_files import COUNT_TOLERANCE
from semvid.saliency.source import ImportanceSource
from semvid.types import FloatArray, Frame, ImportanceMap

_PIXELS_PER_SAMPLE = 4
"""Boxes are drawn on maps of a quarter of the frame's size, outlines exact by area."""


@dataclass(frozen=True, slots=True)
class Box:
    """One detection in upright pixels."""

    frame: int
    """Zero-based frame index."""
    x: float
    y: float
    width: float
    height: float
    category: str
    score: float
    """Confidence in 0..1; it is the importance inside the box."""
    line: int
    """One-based line of the file, for messages."""


class BoxSource(ImportanceSource):
    """Maps drawn from boxes: inside a box its score, where boxes overlap the highest, elsewhere 0.

    Accepted files:

    - JSON lines, a box a line,
      ``{"frame": 0, "box": [x, y, width, height], "class": "person", "score": 0.9}``; frames count from
      0; ``class`` and ``score`` may be absent (any class, 1.0).
    - MOT text, ``frame,id,left,top,width,height,confidence[,class,visibility]``; frames count from 1; a
      confidence of -1 means unknown and counts as 1.

    Boxes that hang over the edge are clipped; a box with no part inside the frame is an error.

    Raises:
        MapError: Unreadable, malformed, or boxes beyond the last frame.
    """

    def __init__(self, path: Path, *, expected_frames: int | None = None) -> None:
        self._path = path
        self._by_frame: dict[int, list[Box]] = defaultdict(list)
        for box in read_boxes(path):
            self._by_frame[box.frame].append(box)
        self._last = max(self._by_frame, default=-1)
        if expected_frames is not None and self._last >= expected_frames + COUNT_TOLERANCE:
            raise MapError(
                f"--boxes {path}, line {self._by_frame[self._last][0].line}: frame {self._last} does not "
                f"exist, the video has {expected_frames} frames; check that both are of the same video",
                path=path,
                frame=self._last,
            )

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``ImportanceSource``."""
        width, height = frame.upright_size
        rows, cols = -(-height // _PIXELS_PER_SAMPLE), -(-width // _PIXELS_PER_SAMPLE)
        values = np.zeros((rows, cols), np.float32)
        for box in self._by_frame.pop(frame.index, ()):
            down = _coverage(box.y, box.height, height, rows)
            across = _coverage(box.x, box.width, width, cols)
            if not (down.any() and across.any()):
                raise MapError(
                    f"--boxes {self._path}, line {box.line}: frame {box.frame}: box "
                    f"[{box.x:g}, {box.y:g}, {box.width:g}, {box.height:g}] has no part inside the "
                    f"{width}x{height} frame; boxes are [x, y, width, height] in upright pixels",
                    path=self._path,
                    frame=box.frame,
                )
            np.maximum(values, np.float32(box.score) * np.outer(down, across), out=values)
        return ImportanceMap(values)

    def finish(self, num_frames: int) -> str | None:
        """See ``ImportanceSource``."""
        if not self._by_frame:
            return None
        return (
            f"--boxes {self._path} has boxes for frame {min(self._by_frame)} "
            f"but the video ended after {num_frames} frames"
        )


def _coverage(start: float, length: float, extent: int, samples: int) -> FloatArray:
    """Share of each of ``samples`` equal parts of ``0..extent`` that lies in ``start..start + length``."""
    edges = np.linspace(0, extent, samples + 1)
    overlap = np.minimum(edges[1:], start + length) - np.maximum(edges[:-1], start)
    share = np.clip(overlap / (edges[1] - edges[0]), 0, 1)
    return np.asarray(share, np.float32)


def read_boxes(path: Path) -> list[Box]:
    """Read a box file; the format is told from its first line.

    Raises:
        MapError: Unreadable or malformed; the message names line and frame.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise MapError(f"--boxes {path} does not exist; check the path", path=path) from error
    except (OSError, UnicodeDecodeError) as error:
        raise MapError(f"--boxes {path} cannot be read as text: {error}", path=path) from error
    parse = _parse_json if text.lstrip().startswith("{") else _parse_mot
    boxes = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            box = parse(line, number)
            _check(box)
        except (ValueError, KeyError, TypeError, IndexError) as error:
            why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise MapError(
                f"--boxes {path}, line {number}: {why}; expected "
                '{"frame": 0, "box": [x, y, width, height], "class": "...", "score": 0.9} or MOT text',
                path=path,
            ) from error
        boxes.append(box)
    return boxes


def _parse_json(line: str, number: int) -> Box:
    record: dict[str, Any] = json.loads(line)
    x, y, width, height = (float(one) for one in record["box"])
    return Box(
        frame=int(record["frame"]), x=x, y=y, width=width, height=height,
        category=str(record.get("class", "")), score=float(record.get("score", 1.0)), line=number,
    )  # fmt: skip


def _parse_mot(line: str, number: int) -> Box:
    fields = [float(one) for one in line.split(",")]
    if len(fields) < 7:
        raise ValueError(f"{len(fields)} fields where MOT has at least 7")
    return Box(
        frame=int(fields[0]) - 1, x=fields[2], y=fields[3], width=fields[4], height=fields[5],
        category=str(int(fields[7])) if len(fields) > 7 else "",
        score=1.0 if fields[6] == -1 else fields[6], line=number,
    )  # fmt: skip


def _check(box: Box) -> None:
    where = f"frame {box.frame}"
    if box.frame < 0:
        raise ValueError(f"{where} does not exist")
    if not np.isfinite([box.x, box.y, box.width, box.height]).all() or min(box.width, box.height) <= 0:
        raise ValueError(
            f"{where}: a box needs a positive width and height, got {box.width:g} x {box.height:g}"
        )
    if not 0 <= box.score <= 1:
        raise ValueError(f"{where}: score {box.score:g} is not in 0..1")
