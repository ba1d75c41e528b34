"""Importance maps from files: a video, a folder of PNGs, one picture, numpy arrays, or offsets as text."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange

from semvid.core.errors import InputError, MapError
from semvid.core.geometry import grid_shape
from semvid.core.luma import has_luma_plane
from semvid.core.map_source import MapSource, ended
from semvid.core.resampling import averaged
from semvid.core.text import counted, setting
from semvid.core.types import FloatArray, Frame, ImportanceMap
from semvid.importance.files.array_file import AnyArray, ArrayFile
from semvid.importance.files.offset_text import read_offsets
from semvid.media.colour import range_of
from semvid.media.numbered import numbered
from semvid.media.reading.reader import VideoReader
from semvid.media.stills.grey_picture import read_grey
from semvid.media.stills.picture_file import is_still

TEXT_SUFFIXES = frozenset({".txt", ".roi"})
"""Quantizer offsets for kvazaar or SVT-AV1."""

ARRAY_SUFFIXES = frozenset({".npz", ".npy"})

_RESIZABLE = (np.uint8, np.uint16, np.float32)
"""Types OpenCV takes."""
_ENOUGH_SAMPLES_ACROSS = 480

COUNT_TOLERANCE = 2
"""Frames by which a header may be off before a map file of another length is refused in advance."""


class MapFileSource(MapSource):
    """Maps read from a file, one for each frame; black = 0, white = 1.

    Maps are of the upright picture and of any size: each is stretched over the whole frame.

    Args:
        path: A video whose luma is the map; a folder with one PNG for each frame, in the order of the numbers
            in their names (2 before 10); a single picture that serves for all frames; an ``.npz`` with
            ``maps`` of shape ``(n, h, w)``, 8 bit or floats in 0..1; or quantizer offsets for kvazaar or
            SVT-AV1 (``.txt``, ``.roi``).
        hold: Keep the last map when the video goes on after it.
        expected_frames: Frames the video will have by its header, None if unknown: a gross mismatch is
            reported before any work is done.

    Raises:
        MapError: The path is no map source, or is grossly shorter or longer than the video.
    """

    counts_frames = True

    def __init__(self, path: Path, *, hold: bool = False, expected_frames: int | None = None) -> None:
        self._path = path
        self._hold = hold
        self._last: ImportanceMap | None = None
        self._is_held = False
        self._file: VideoReader | ArrayFile | None = None
        count: int | None
        if not path.exists():
            raise MapError(f"{setting('maps', path)} does not exist; check the path", path=path)
        if path.is_dir():
            files = _pictures_in(path)
            count, self._maps = len(files), self._read_pictures(files)
        elif path.suffix.lower() in TEXT_SUFFIXES:
            # The last line holds on, as in SVT-AV1.
            self._is_held, count, self._maps = True, None, iter(())
        elif path.suffix.lower() in ARRAY_SUFFIXES:
            self._file = arrays = ArrayFile(path)
            count = arrays.shape[0]
            self._maps = (_importance(one, 0.0, _white(one)) for one in arrays.read())
        elif is_still(path):
            self._is_held = True
            count, self._maps = None, self._read_pictures([path])
        else:
            self._file = reader = self._open_video()
            count, self._maps = reader.info.num_frames_from_header, self._read_video(reader)
        if count is not None and expected_frames is not None:
            try:
                self._compare(count, expected_frames)
            except MapError:
                self.close()
                raise

    def _open_video(self) -> VideoReader:
        try:
            return VideoReader(self._path)
        except InputError as error:
            raise MapError(f"`maps`: {error}", path=self._path) from error

    def _compare(self, count: int, expected: int) -> None:
        is_short = count < expected - COUNT_TOLERANCE and not self._hold
        if is_short or count > expected + COUNT_TOLERANCE:
            remedy = "add maps or pass `hold=True` to keep the last one" if is_short else "remove the rest"
            first = min(count, expected)
            raise MapError(
                f"{setting('maps', self._path)} has {counted(count, 'map')} but the video has "
                f"{counted(expected, 'frame')}, they part at frame {first}; {remedy}",
                path=self._path,
                frame=first,
            )

    def _read_pictures(self, files: list[Path]) -> Iterator[FloatArray]:
        for index, file in enumerate(files):
            try:
                yield read_picture_map(file)
            except InputError as error:
                raise MapError(f"`maps`: frame {index}: {error}", path=self._path, frame=index) from error

    def _read_video(self, reader: VideoReader) -> Iterator[FloatArray]:
        for item in reader.read():
            if isinstance(item, Frame):
                black, white = _luma_range(item.picture, item.luma_bits)
                yield item.upright(_importance(item.luma, black, white))

    def update(self, frame: Frame) -> ImportanceMap:
        """See ``MapSource``."""
        try:
            if self._last is None:
                self._begin(frame)
            values = next(self._maps, None)
        except InputError as error:
            raise MapError(
                f"`maps`: {error} (frame {frame.index})", path=self._path, frame=frame.index
            ) from error
        if values is not None:
            self._last = ImportanceMap(values)
        elif self._last is None or not (self._hold or self._is_held):
            ended = f"ends after {counted(frame.index, 'map')}"
            raise MapError(
                f"{setting('maps', self._path)} {ended}: frame {frame.index} of the video has none; add "
                "maps or pass `hold=True` to keep the last one",
                path=self._path,
                frame=frame.index,
            )
        assert self._last is not None  # noqa: S101 - narrows the type; the branch above raised
        return self._last

    def _begin(self, frame: Frame) -> None:
        if self._path.suffix.lower() in TEXT_SUFFIXES:
            self._maps = read_offsets(self._path, frame.upright_size)
        for values in itertools.islice(self._maps, frame.index):
            # Where it is the last, it is kept.
            self._last = ImportanceMap(values)

    def finish(self, num_frames: int) -> str | None:
        """See ``MapSource``."""
        if self.is_part or next(self._maps, None) is None:
            return None
        return f"{setting('maps', self._path)} has maps left over: {ended(num_frames)}"

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


def _pictures_in(folder: Path) -> list[Path]:
    """Return the pictures of a folder in the order of their numbers: 2 before 10."""
    found = [
        one
        for one in folder.iterdir()
        # Operating systems leave hidden files beside pictures, with the same suffix.
        if one.suffix.lower() == ".png" and not one.name.startswith(".")
    ]
    if not found:
        raise MapError(f"{setting('maps', folder)} is a folder without .png files", path=folder)
    ordered, twins = numbered(found)
    if twins is not None:
        raise MapError(
            f"{setting('maps', folder)} has {twins[0].name} and {twins[1].name}: which of them comes first "
            "cannot be told; rename or remove one",
            path=folder,
        )
    return ordered


def read_picture_map(path: Path) -> FloatArray:
    """Read a picture as a map, ``(h, w)`` in 0..1, smaller than the picture if that is large.

    Raises:
        InputError: See ``read_grey``.
    """
    picture = read_grey(path)
    return _importance(picture, 0.0, _white(picture))


def _white(samples: AnyArray) -> float:
    return float(2 ** (8 * samples.itemsize) - 1) if samples.dtype.kind == "u" else 1.0


def _importance(samples: AnyArray, black: float, white: float) -> FloatArray:
    """Scale samples to 0..1, shrinking large maps first: blocks are coarser than their pixels anyway."""
    if samples.dtype not in _RESIZABLE:
        samples, black, white = samples.astype(np.float32) * np.float32(1 / white), 0.0, 1.0
    height, width = samples.shape
    factor = width // _ENOUGH_SAMPLES_ACROSS
    if factor > 1:
        samples = averaged(samples, *grid_shape(width, height, factor))
    scaled = (samples.astype(np.float32) - np.float32(black)) * np.float32(1 / (white - black))
    return np.clip(scaled, 0.0, 1.0, out=scaled)


def _luma_range(picture: VideoFrame, bits: int) -> tuple[float, float]:
    """Return the sample values of black and white."""
    name, scale = picture.format.name, 1 << (bits - 8)
    # What is neither was converted to grey, which has the full range.
    if has_luma_plane(name) and not name.startswith("gray") and range_of(picture) == ColorRange.MPEG:
        return 16.0 * scale, 235.0 * scale
    return 0.0, float((1 << bits) - 1)
