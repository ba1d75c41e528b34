"""Importance from the boxes of a detector or tracker: JSON lines or MOT text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from semvid.core.checked import Field, Malformed, parse_json, shown
from semvid.core.decoding import read_lines
from semvid.core.errors import MapError
from semvid.core.geometry import grid_shape
from semvid.core.map_source import MapSource, ended
from semvid.core.records import dataclass
from semvid.core.text import counted, setting
from semvid.core.types import FloatArray, Frame, ImportanceMap
from semvid.importance.files.map_files import COUNT_TOLERANCE

_PIXELS_PER_SAMPLE = 4
"""Boxes are drawn on maps of a quarter of the frame's size, outlines exact by area."""
_MOST_BYTES_PER_LINE = 2**16
"""A box takes about 80."""
_MOST_BOXES = 2_000_000
"""18 in every frame of an hour; they take half a gigabyte of memory."""
_MOST_BOXES_PER_FRAME = 10_000
"""Drawing them takes seconds."""
_LAST_FRAME = 2**31
_FARTHEST = 1e7
"""Pixels; libraries for video stop at 65,536."""
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_EXPECTED = '{"frame": 0, "box": [x, y, width, height], "class": "...", "score": 0.9} or MOT text'


@dataclass(frozen=True, slots=True)
class Box:
    """One detection in upright pixels."""

    frame: int
    """Zero-based frame index."""
    x: float
    y: float
    width: float
    height: float
    score: float
    """Confidence in 0..1; it is the importance inside the box."""
    line: int
    """One-based line of the file, for messages."""


class BoxSource(MapSource):
    """Maps drawn from boxes: inside a box its score, where boxes overlap the highest, elsewhere 0.

    Accepted files:

    - JSON lines, one box per line,
      ``{"frame": 0, "box": [x, y, width, height], "class": "person", "score": 0.9}``; frames count from
      0; ``class`` and ``score`` may be absent (any class, 1.0).
    - MOT text, ``frame,id,left,top,width,height,confidence[,class,visibility]``; frames count from 1; a
      confidence of -1 means unknown and counts as 1.

    Text is UTF-8, or UTF-16 with a byte order mark. Boxes that hang over the edge are clipped; a box with no
    part inside the frame is an error.

    Args:
        path: The file.
        expected_frames: Frames by the video's header, None if unknown.
        option: That named the file, for messages.

    Raises:
        MapError: Unreadable, malformed, or boxes beyond the last frame.
    """

    counts_frames = True

    def __init__(self, path: Path, *, expected_frames: int | None = None, option: str = "boxes") -> None:
        self._path = path
        self._option = option
        self._by_frame: dict[int, list[Box]] = defaultdict(list)
        for box in read_boxes(path, option):
            boxes = self._by_frame[box.frame]
            boxes.append(box)
            if len(boxes) > _MOST_BOXES_PER_FRAME:
                raise MapError(
                    f"{setting(option, path)}, line {box.line}: frame {box.frame} has more than "
                    f"{_MOST_BOXES_PER_FRAME} boxes; leave out those of low score",
                    path=path,
                    frame=box.frame,
                )
        self._last = max(self._by_frame, default=-1)
        if expected_frames is not None and self._last >= expected_frames + COUNT_TOLERANCE:
            raise MapError(
                f"{setting(option, path)}, line {self._by_frame[self._last][0].line}: frame {self._last} "
                f"does not exist, the video has {counted(expected_frames, 'frame')}; check that both are of "
                "the same video",
                path=path,
                frame=self._last,
            )

    @property
    def first(self) -> int | None:
        """Index of the first frame whose boxes were not drawn yet; None = all were."""
        return min(self._by_frame, default=None)

    def has(self, index: int) -> bool:
        """Whether there are boxes on a frame."""
        return index in self._by_frame

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``MapSource``."""
        width, height = frame.upright_size
        rows, cols = grid_shape(width, height, _PIXELS_PER_SAMPLE)
        values = np.zeros((rows, cols), np.float32)
        for box in self._by_frame.pop(frame.index, ()):
            down = _coverage(box.y, box.height, height, rows)
            across = _coverage(box.x, box.width, width, cols)
            if not (down.any() and across.any()):
                raise MapError(
                    f"{setting(self._option, self._path)}, line {box.line}: frame {box.frame}: box "
                    f"[{box.x:g}, {box.y:g}, {box.width:g}, {box.height:g}] has no part inside the "
                    f"{width}x{height} frame; boxes are [x, y, width, height] in upright pixels",
                    path=self._path,
                    frame=box.frame,
                )
            lines, columns = _touched(down), _touched(across)
            part = values[lines, columns]
            np.maximum(part, np.float32(box.score) * np.outer(down[lines], across[columns]), out=part)
        return ImportanceMap(values)

    def finish(self, num_frames: int) -> str | None:
        """See ``MapSource``."""
        if self.is_part or not self._by_frame:
            return None
        return (
            f"{setting(self._option, self._path)} has boxes for frame {min(self._by_frame)} "
            f"but {ended(num_frames)}"
        )


def _coverage(start: float, length: float, extent: int, samples: int) -> FloatArray:
    """Share of each of ``samples`` equal parts of ``0..extent`` that lies in ``start..start + length``."""
    edges = np.linspace(0, extent, samples + 1)
    overlap = np.minimum(edges[1:], start + length) - np.maximum(edges[:-1], start)
    share = np.clip(overlap / (edges[1] - edges[0]), 0, 1)
    return np.asarray(share, np.float32)


def _touched(share: FloatArray) -> slice:
    places = np.flatnonzero(share)
    return slice(int(places[0]), int(places[-1]) + 1)


def read_boxes(path: Path, option: str = "boxes") -> list[Box]:
    """Read a box file; its first line tells the format.

    Args:
        path: The file.
        option: That named it, for messages.

    Raises:
        MapError: Unreadable, malformed, or too large; the message names the line.
    """
    boxes: list[Box] = []
    number = 1
    try:
        with path.open("rb") as file:
            parse: Callable[[str, int], Box] | None = None
            for line in read_lines(file, _MOST_BYTES_PER_LINE):
                if line.strip():
                    parse = parse or _parser_for(line)
                    boxes.append(parse(line, number))
                    if len(boxes) > _MOST_BOXES:
                        raise Malformed(f"more than {_MOST_BOXES} boxes; leave out those of low score")
                number += 1
    except FileNotFoundError as error:
        raise MapError(f"{setting(option, path)} does not exist; check the path", path=path) from error
    except OSError as error:
        raise MapError(
            f"{setting(option, path)} cannot be read: {error.strerror or error}", path=path
        ) from error
    except Malformed as error:
        raise MapError(
            f"{setting(option, path)}, line {number}: {error}; expected {_EXPECTED}", path=path
        ) from error
    return boxes


def _parser_for(line: str) -> Callable[[str, int], Box]:
    if line.lstrip().startswith("["):
        raise Malformed("a JSON array cannot be read; write one box a line, without brackets around all")
    return _parse_json if line.lstrip().startswith("{") else _parse_mot


def _parse_json(line: str, number: int) -> Box:
    record = parse_json(line)
    category = record.find("class")
    if category is not None and isinstance(category.value, int):
        category.whole(0, _LAST_FRAME)
    elif category is not None:
        category.text()
    frame, sides = record.get("frame").whole(0, _LAST_FRAME), record.get("box").items(least=4, most=4)
    return _box(frame, sides, record.find("score"), number)


def _parse_mot(line: str, number: int) -> Box:
    parts = line.strip().removesuffix(",").split(",")
    if len(parts) < 7:
        raise Malformed(f"{counted(len(parts), 'field')} where MOT has at least 7")
    fields = [_mot_field(one, f"field {index}") for index, one in enumerate(parts[:8], 1)]
    score = None if fields[6].value == -1 else fields[6]
    for category in fields[7:]:
        category.whole(-_LAST_FRAME, _LAST_FRAME)
    return _box(fields[0].whole(1, _LAST_FRAME) - 1, fields[2:6], score, number)


def _mot_field(text: str, place: str) -> Field:
    # Python accepts more as a number than MOT does: "1_000", "nan", Arabic digits.
    text = text.strip()
    if not _NUMBER.fullmatch(text):
        raise Malformed(f"{place} is {shown(text)}, not a number")
    return Field(float(text), place)


def _box(frame: int, sides: list[Field], score: Field | None, line: int) -> Box:
    where = f"frame {frame}"
    x, y, width, height = (one.number(-_FARTHEST, _FARTHEST) for one in sides)
    if min(width, height) <= 0:
        raise Malformed(f"{where}: a box needs a positive width and height, got {width:g} x {height:g}")
    return Box(frame, x, y, width, height, 1.0 if score is None else score.number(0, 1), line)
