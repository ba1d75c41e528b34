"""Text files of quantizer offsets that other encoders read: kvazaar's ROI and SVT-AV1's ROI map.

kvazaar (``--roi``, text): for every picture a line ``COLUMNS ROWS`` and the offsets in QP steps, row by row;
semvid writes one for each coding tree unit of 64 x 64. SVT-AV1 (``--roi-map-file``): each line has the number
of a picture and a quantizer index offset for each 64 x 64 block, with at most eight different values; it
holds until the next line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

import numpy as np
from numpy.typing import NDArray

from semvid.allocate.vpx_scale import VP9_SCALE
from semvid.core.checked import Malformed, shown
from semvid.core.config import BACKGROUND_WEIGHT
from semvid.core.decoding import read_lines
from semvid.core.errors import MapError
from semvid.core.geometry import grid_shape
from semvid.core.text import counted, setting
from semvid.core.types import FloatArray

BLOCK_SIZE = 64
SVTAV1_CRF = 35.0
"""SVT-AV1's default: index offsets mean different QP steps at different quantizers."""

_MOST_SEGMENTS = 8
_MOST_OFFSETS = 2**20
_MOST_BYTES_PER_LINE = 6 * _MOST_OFFSETS
_LAST_PICTURE = 2**31 - 1
_NUMBERS = re.compile(r"\s*(?:[+-]?[0-9]{1,10}\s+)*[+-]?[0-9]{1,10}\s*")
_STRONGEST_STEPS, _STRONGEST_INDEX = 51, 255

Offsets = NDArray[np.int64]


def write_kvazaar(file: TextIO, index: int, steps: FloatArray) -> None:
    """Append one picture's ``(rows, cols)`` offsets in QP steps."""
    rows, cols = steps.shape
    file.write(f"{cols} {rows}\n")
    _write_rows(file, np.clip(np.rint(steps), -_STRONGEST_STEPS, _STRONGEST_STEPS).astype(np.int32))


def _write_rows(file: TextIO, rows: Iterable[Iterable[int]]) -> None:
    file.writelines(" ".join(map(str, row)) + "\n" for row in rows)


def write_svtav1(file: TextIO, index: int, steps: FloatArray) -> None:
    """Append the line of picture ``index``, ``(rows, cols)`` offsets in QP steps."""
    offsets = np.clip(
        np.rint(VP9_SCALE.index_offsets(steps, SVTAV1_CRF)), -_STRONGEST_INDEX, _STRONGEST_INDEX
    )
    spacing = 1
    while len(np.unique(np.rint(offsets / spacing))) > _MOST_SEGMENTS:
        spacing += 1
    rounded = (np.rint(offsets / spacing) * spacing).astype(np.int32)
    _write_rows(file, [[index, *rounded.ravel()]])


def read_offsets(path: Path, upright_size: tuple[int, int]) -> Iterator[FloatArray]:
    """Yield the importance of picture after picture; the last one is for the rest of the video.

    Args:
        path: A file of either kind; kvazaar's begins with a line of two numbers.
        upright_size: ``(width, height)`` of the video in pixels.

    Raises:
        MapError: It is neither, or has the wrong number of offsets.
    """
    try:
        with path.open("rb") as file:
            lines = _read_numbers(file, path)
            first = next(lines, None)
            if first is None:
                raise MapError(f"{setting('maps', path)} is empty; check the path", path=path)
            lines = itertools.chain([first], lines)
            # SVT-AV1's first picture is number 0, kvazaar's has at least a column.
            if len(first) == 2 and first[0]:
                yield from map(importance_of_steps, _read_kvazaar(lines, path))
            else:
                for offsets in _read_svtav1(lines, path, upright_size):
                    yield importance_of_steps(VP9_SCALE.steps_of_index_offsets(offsets, SVTAV1_CRF))
    except OSError as error:
        raise MapError(
            f"{setting('maps', path)} cannot be read: {error.strerror or error}", path=path
        ) from error


def importance_of_steps(steps: FloatArray) -> FloatArray:
    """Return the importance that leads to these offsets by the law of ``allocate``.

    A constant part cannot be told apart from the rate-neutral bias: the coarsest block gets importance 0, and
    blocks that are 6.6 or more steps finer get 1.

    Args:
        steps: ``(rows, cols)`` offsets in QP steps, negative = finer.
    """
    finer = float(steps.max()) - steps
    return np.asarray(np.clip(BACKGROUND_WEIGHT * (np.exp2(finer / 3) - 1), 0, 1), np.float32)


def _read_numbers(file: BinaryIO, path: Path) -> Iterator[Offsets]:
    number = 1
    try:
        for line in read_lines(file, _MOST_BYTES_PER_LINE):
            if line.strip():
                # Python accepts more as a number than others do, such as "1_000".
                if not _NUMBERS.fullmatch(line):
                    raise Malformed(f"{shown(line.strip())} are not whole numbers")
                yield np.array(line.split(), np.int64)
            number += 1
    except Malformed as error:
        raise MapError(
            f"{setting('maps', path)}, line {number}: {error}; give a file of offsets of kvazaar or SVT-AV1",
            path=path,
        ) from error


def _read_kvazaar(lines: Iterator[Offsets], path: Path) -> Iterator[FloatArray]:
    for index, head in enumerate(lines):
        if len(head) != 2 or min(head) < 1 or int(head[0]) * int(head[1]) > _MOST_OFFSETS:
            raise _misfit(path, index, "a line of columns and rows is missing")
        cols, rows = map(int, head)
        found: list[Offsets] = []
        count = 0
        while count < cols * rows:
            line = next(lines, None)
            if line is None:
                raise _misfit(
                    path, index, f"{counted(cols * rows - count, 'offset is', 'offsets are')} missing"
                )
            found.append(line)
            count += len(line)
        if count != cols * rows:
            raise _misfit(path, index, f"{counted(count, 'offset')} instead of {cols * rows}")
        yield _in_range(np.concatenate(found), _STRONGEST_STEPS, path, index).reshape(rows, cols)


def _read_svtav1(lines: Iterator[Offsets], path: Path, upright_size: tuple[int, int]) -> Iterator[FloatArray]:
    rows, cols = grid_shape(*upright_size, BLOCK_SIZE)
    current: FloatArray | None = None
    num_given = 0
    for line in lines:
        number, values = int(line[0]), line[1:]
        if len(values) != rows * cols:
            raise _misfit(
                path,
                number,
                f"{counted(len(values), 'offset')} instead of the {rows * cols} of {cols}x{rows} blocks",
            )
        if number < num_given or (current is None and number) or number > _LAST_PICTURE:
            raise _misfit(path, number, "pictures must be named from 0 on, in order")
        while current is not None and num_given < number:
            yield current
            num_given += 1
        current = _in_range(values, _STRONGEST_INDEX, path, number).reshape(rows, cols)
    if current is not None:
        yield current


def _in_range(offsets: Offsets, strongest: int, path: Path, picture: int) -> FloatArray:
    if len(offsets) and np.abs(offsets).max() > strongest:
        found = int(offsets[np.abs(offsets).argmax()])
        raise _misfit(path, picture, f"offset {found} is not in -{strongest} to {strongest}")
    return offsets.astype(np.float32)


def _misfit(path: Path, picture: int, what: str) -> MapError:
    return MapError(
        f"{setting('maps', path)}, picture {picture}: {what}; check that the file is whole and of this video",
        path=path,
        frame=picture,
    )
