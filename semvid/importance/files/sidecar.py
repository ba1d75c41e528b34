"""The sidecar: one small file with the maps of a video, exactly as they steered the encoder.

``docs/sidecar.md`` describes the format byte by byte.
"""

from __future__ import annotations

import json
import lzma
import shutil
import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from semvid.core.checked import Field, Malformed, parse_json
from semvid.core.decoding import decoded
from semvid.core.errors import ConfigError, MapError
from semvid.core.records import dataclass
from semvid.core.text import counted, setting
from semvid.core.threads import thread_budget

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future

    from semvid.importance.edits.edits import Edits

SUFFIX = ".svmap"
VERSION, EDITED = 1, 2
"""Of the format: of maps as they were made, and with edits."""

Grey = NDArray[np.uint8]

_NAME = b"semvid maps "
_MOST_MAPS_PER_BLOCK = 256
_BYTES_PER_BLOCK = 2**22
_END = struct.Struct("<IQ")
"""A block of no length, and the number of maps."""
_LENGTH = struct.Struct("<I")
_LARGEST_HEADER = 2**20
_LARGEST_SIDE = 2**20
"""Pixels per side; more than any picture has."""
_MOST_CELLS = 2**20
_MOST_UNPACKING_MEMORY = 2**27
"""Bytes of memory for unpacking a block. semvid's blocks take 1 MB; those of ``xz -9`` take 65."""
_XZ = [
    {
        "id": lzma.FILTER_LZMA2,
        # ``xz -9e`` takes three times as long for 1 to 5 % fewer bytes.
        "preset": 6,
        "mf": lzma.MF_HC4,
        "nice_len": 192,
        "depth": 4,
        "lc": 2,
        "lp": 0,
        "pb": 0,
        "dict_size": 2**20,
    }
]


@dataclass(frozen=True, slots=True)
class SidecarHeader:
    """What holds for all maps of a sidecar."""

    picture: tuple[int, int]
    """``(width, height)`` in pixels of the upright picture."""
    grid: tuple[int, int]
    """``(rows, cols)`` of every map."""
    time_base: Fraction
    """Seconds per unit of ``pts``."""
    made_by: Mapping[str, Any]
    """What made the maps, and with which settings; JSON values."""
    edits: Edits | None = None
    """What a user corrected; then all maps are there twice: with the edits, and as they were made."""

    @property
    def maps_per_block(self) -> int:
        """Maps in every block but the last."""
        return max(min(_MOST_MAPS_PER_BLOCK, _BYTES_PER_BLOCK // (self.grid[0] * self.grid[1])), 1)


@dataclass(frozen=True, slots=True)
class TimedMap:
    """The map of one frame."""

    pts: int
    """When the frame is shown, in units of the header's time base."""
    grey: Grey
    """``(rows, cols)``: importance times 255."""


class SidecarWriter:
    """Writes a sidecar to a binary file as the maps come. Close it; the caller closes the file.

    With edits all maps are there twice: with them, and then as they were made; see
    ``SidecarReader.copy_unedited``.
    """

    def __init__(self, file: BinaryIO, header: SidecarHeader) -> None:
        self._file = file
        self._header = header
        self._waiting: list[TimedMap] = []
        self._packer: Executor | None = None
        self._packing: Future[bytes] | None = None
        self.num_maps = 0
        record = {
            "picture": header.picture, "grid": header.grid, "time_base": str(header.time_base),
            "made_by": dict(header.made_by),
        }  # fmt: skip
        version = VERSION
        if header.edits is not None:
            version, record["edits"] = EDITED, header.edits.to_plain()
        text = json.dumps(record, sort_keys=True, separators=(",", ":")) + "\n"
        if len(text) > _LARGEST_HEADER:
            raise ConfigError(
                f"the edits take {len(text)} bytes, and {_LARGEST_HEADER} are the most; undo some, or paint "
                "with fewer points"
            )
        file.write(_NAME + f"{version}\n{text}".encode())

    def write(self, one: TimedMap) -> None:
        """Append the next map.

        Raises:
            ValueError: It has another shape than the header says.
        """
        if one.grey.shape != self._header.grid:
            raise ValueError(f"a map of shape {one.grey.shape} in a sidecar of {self._header.grid}")
        self._waiting.append(one)
        self.num_maps += 1
        if len(self._waiting) == self._header.maps_per_block:
            self._pack_meanwhile()

    def finish(self) -> None:
        """Write what is still buffered, and the end of the maps."""
        last = _packed(self._waiting) if self._waiting else None
        self._write_packed()
        if last is not None:
            self._write_block(last)
        self._waiting = []
        self._file.write(_END.pack(0, self.num_maps))
        self.num_maps = 0

    def close(self) -> None:
        """Let go of the thread that packs blocks."""
        if self._packer is not None:
            self._packer.shutdown(cancel_futures=True)

    def _pack_meanwhile(self) -> None:
        """Have a thread pack the block: that takes as long as making a tenth of its maps."""
        self._write_packed()
        if self._packer is None:
            self._packer = thread_budget().pool("semvid-sidecar", 1, steps_back=True)
        self._packing = self._packer.submit(_packed, self._waiting)
        self._waiting = []

    def _write_packed(self) -> None:
        """Write the block that a thread packs, if there is one."""
        if self._packing is not None:
            self._write_block(self._packing.result())
            self._packing = None

    def _write_block(self, packed: bytes) -> None:
        self._file.write(_LENGTH.pack(len(packed)) + packed)


def _edits_of(record: Field) -> Edits:
    # Few sidecars have any.
    from semvid.importance.edits.edits import edits_from

    return edits_from(record.get("edits"))


def _packed(maps: list[TimedMap]) -> bytes:
    """Return a block without its length."""
    pts = np.array([one.pts for one in maps], "<i8")
    greys = np.stack([one.grey for one in maps])
    occurs = np.bincount(greys.ravel(), minlength=256) > 0
    levels = np.flatnonzero(occurs).astype(np.uint8)
    index = (np.cumsum(occurs) - 1).astype(np.uint8)[greys]
    # Most cells keep their level from map to map: zeros, which cost next to nothing.
    pts[1:], index[1:] = np.diff(pts), np.diff(index, axis=0)
    plain = bytes([len(levels) - 1]) + levels.tobytes() + pts.tobytes() + index.tobytes()
    return lzma.compress(plain, lzma.FORMAT_XZ, check=lzma.CHECK_CRC32, filters=_XZ)


class SidecarReader:
    """Reads a sidecar block by block. Close it.

    Raises:
        MapError: It is not a sidecar, is of a later version, is cut off or damaged; on opening or later.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._file = path.open("rb")
            # Pipes cannot seek, and the end of the file is read first.
            self._file.seek(0)
        except OSError as error:
            raise MapError(
                f"{setting('maps', path)} cannot be read: {error.strerror or error}", path=path
            ) from error
        try:
            self.header = self._read_header()
            self._begin = self._file.tell()
            self.num_maps = self._read_end()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def maps(self) -> Iterator[TimedMap]:
        """Yield the maps, with the edits."""
        self._file.seek(self._begin)
        yield from self._maps()

    def unedited_maps(self) -> Iterator[TimedMap]:
        """Yield the maps as they were made."""
        self._seek_unedited()
        yield from self._maps()

    def copy_unedited(self, file: BinaryIO) -> None:
        """Write the maps as they were made, packed as they are, and their end."""
        self._seek_unedited()
        shutil.copyfileobj(self._file, file)

    def _seek_unedited(self) -> None:
        self._file.seek(self._begin)
        if self.header.edits is not None:
            while length := self._read_length(0):
                self._file.seek(length, 1)
            self._file.seek(_END.size - _LENGTH.size, 1)

    def _maps(self) -> Iterator[TimedMap]:
        num_read = 0
        while length := self._read_length(num_read):
            block = self._read_block(length, num_read)
            yield from block
            num_read += len(block)
        if num_read != self.num_maps:
            raise self._damaged(num_read)

    def _read_block(self, length: int, num_before: int) -> list[TimedMap]:
        rows, cols = self.header.grid
        plain = self._unpack(length, num_before)
        num_levels = plain[0] + 1
        count, rest = divmod(len(plain) - 1 - num_levels, 8 + rows * cols)
        if rest or count < 1:
            raise self._damaged(num_before)
        levels = np.frombuffer(plain, np.uint8, num_levels, 1)
        pts = np.cumsum(np.frombuffer(plain, "<i8", count, 1 + num_levels))
        index = np.frombuffer(plain, np.uint8, offset=1 + num_levels + 8 * count)
        index = np.add.accumulate(index.reshape(count, rows, cols), axis=0, dtype=np.uint8)
        if index.max() >= num_levels or (np.diff(pts) <= 0).any():
            raise self._damaged(num_before)
        return [TimedMap(*one) for one in zip(pts.tolist(), levels[index], strict=True)]

    def _read_header(self) -> SidecarHeader:
        name, _, version = self._file.readline(32).rpartition(b" ")
        if name + b" " != _NAME:
            raise MapError(
                f"{setting('maps', self._path)} is not a semvid sidecar; check the path", path=self._path
            )
        if version.strip() not in {str(one).encode() for one in (VERSION, EDITED)}:
            raise MapError(
                f"{setting('maps', self._path)} has format version "
                f"{version.strip().decode(errors='replace')}, and this semvid reads versions {VERSION} and "
                f"{EDITED}; update semvid or make the maps again",
                path=self._path,
            )
        try:
            record = parse_json(decoded(self._file.readline(_LARGEST_HEADER)))
            width, height = (
                one.whole(1, _LARGEST_SIDE) for one in record.get("picture").items(least=2, most=2)
            )
            rows, cols = (one.whole(1, _MOST_CELLS) for one in record.get("grid").items(least=2, most=2))
            if rows * cols > _MOST_CELLS:
                raise Malformed(f"grid has {rows * cols} cells; {_MOST_CELLS} are the most")
            return SidecarHeader(
                (width, height), (rows, cols), record.get("time_base").fraction(),
                record.get("made_by").mapping(),
                _edits_of(record) if version.strip() == str(EDITED).encode() else None,
            )  # fmt: skip
        except Malformed as error:
            raise MapError(
                f"{setting('maps', self._path)} has a damaged header: {error}; make it again", path=self._path
            ) from error

    def _read_end(self) -> int:
        """Check the end first, so that a truncated file is refused before any work is done."""
        start = self._file.tell()
        self._file.seek(0, 2)
        if self._file.tell() - start < _END.size:
            raise self._damaged(0)
        self._file.seek(-_END.size, 2)
        length, count = _END.unpack(self._file.read(_END.size))
        if length:
            raise MapError(
                f"{setting('maps', self._path)} is cut off: its end is missing; copy it again or make it "
                "again",
                path=self._path,
            )
        self._file.seek(start)
        return int(count)

    def _read_length(self, num_before: int) -> int:
        data = self._file.read(_LENGTH.size)
        if len(data) < _LENGTH.size:
            raise self._damaged(num_before)
        return int(_LENGTH.unpack(data)[0])

    def _unpack(self, length: int, num_before: int) -> bytes:
        rows, cols = self.header.grid
        largest = 257 + self.header.maps_per_block * (8 + rows * cols)
        packed = self._file.read(min(length, 2 * largest))
        unpacker = lzma.LZMADecompressor(lzma.FORMAT_XZ, _MOST_UNPACKING_MEMORY)
        try:
            plain = unpacker.decompress(packed, largest)
        except lzma.LZMAError as error:
            raise self._damaged(num_before) from error
        if len(packed) < length or not unpacker.eof or not plain:
            raise self._damaged(num_before)
        return plain

    def _damaged(self, num_before: int) -> MapError:
        return MapError(
            f"{setting('maps', self._path)} is damaged after {counted(num_before, 'map')}; copy it again or "
            "make it again",
            path=self._path,
            frame=num_before,
        )
