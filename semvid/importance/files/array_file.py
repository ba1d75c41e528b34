"""Maps in numpy's ``.npz``, written and read one by one.

What a file claims about its contents is checked before it is read.
"""

from __future__ import annotations

import math
import re
import shutil
import struct
import tempfile
import zipfile
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from semvid.core.checked import Malformed, shown
from semvid.core.errors import MapError
from semvid.core.resampling import stretched
from semvid.core.text import counted, setting
from semvid.core.types import FloatArray, Frame, from_grey, to_grey
from semvid.importance.files.map_sink import MapSink, SinkContext

AnyArray = NDArray[np.integer[Any] | np.floating[Any]]

MOST_SAMPLES = 2**25
"""Samples of one map: 8192 x 4096, which take 128 MB as floats. Encoder blocks are coarser anyway."""
_MOST_BYTES_AT_ONCE = 2**29
"""Bytes of maps in Fortran order, which cannot be read one by one."""
_MOST_HEADER = 2**16
_COPIED_AT_ONCE = 2**20
_MEMBER = "maps.npy"
_DAMAGE = (OSError, EOFError, ValueError, RuntimeError, struct.error, zlib.error, zipfile.BadZipFile)
"""What ``zipfile`` raises for damaged archives; the errors share no base class."""
_MAGIC = b"\x93NUMPY"
_PARTS = (
    re.compile(rb"'descr':\s*'([<>|=](?:u[1248]|f[248]))'"),
    re.compile(rb"'fortran_order':\s*(True|False)"),
    re.compile(rb"'shape':\s*\(\s*([0-9]{1,9})L?,\s*([0-9]{1,9})L?,\s*([0-9]{1,9})L?,?\s*\)"),
)


class ArrayFile:
    """The array ``maps`` of an ``.npz``, of shape ``(n, h, w)``. Close it.

    Raises:
        MapError: It is no ``.npz``, or has no such array of unsigned integers or of floats.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except _DAMAGE as error:
            raise self._wrong("it is not an .npz file") from error
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        members = {one.filename: one for one in self._archive.infolist()}
        if _MEMBER not in members:
            held = ", ".join(shown(one) for one in list(members)[:5]) or "nothing"
            raise self._wrong(f"it holds {held} and no {_MEMBER}")
        member = members[_MEMBER]
        if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or member.flag_bits & 1:
            raise self._wrong(f"{_MEMBER} is encrypted or compressed in a way numpy does not know")
        try:
            self._file = cast(BinaryIO, self._archive.open(_MEMBER))
            self._dtype, self._is_fortran, self.shape, header = _read_header(self._file)
        except Malformed as error:
            raise self._wrong(str(error)) from error
        except _DAMAGE as error:
            raise self._wrong(f"{_MEMBER} is damaged") from error
        claimed = math.prod(self.shape) * self._dtype.itemsize
        if member.file_size != claimed + header:
            raise self._wrong(f"{_MEMBER} has {member.file_size} bytes instead of {claimed + header}")
        if not 0 < self.shape[1] * self.shape[2] <= MOST_SAMPLES or not self.shape[0]:
            raise self._wrong(f"maps of shape {self.shape} have no samples, or more than {MOST_SAMPLES} each")
        if self._is_fortran and claimed > _MOST_BYTES_AT_ONCE:
            raise self._wrong(
                f"its {claimed} bytes are in Fortran order and would have to be read at once; save "
                "numpy.ascontiguousarray(maps)"
            )

    def read(self) -> Iterator[AnyArray]:
        """Yield map after map, ``(h, w)``.

        Raises:
            MapError: The file is damaged, or a float is not in 0..1.
        """
        count, *size = self.shape
        whole = self._read_samples(0, math.prod(self.shape)) if self._is_fortran else None
        for index in range(count):
            if whole is not None:
                one = whole.reshape(self.shape, order="F")[index]
            else:
                one = self._read_samples(index, math.prod(size)).reshape(size)
            if one.dtype.kind == "f" and not (one.min() >= 0 and one.max() <= 1):
                # NaN fails every comparison.
                raise self._wrong(f"map {index} has values that are not in 0..1", index)
            yield one

    def _read_samples(self, index: int, count: int) -> AnyArray:
        num_bytes = count * self._dtype.itemsize
        try:
            data = self._file.read(num_bytes)
        except _DAMAGE as error:
            raise self._wrong(f"{_MEMBER} is damaged after {counted(index, 'map')}", index) from error
        if len(data) != num_bytes:
            raise self._wrong(f"{_MEMBER} is cut off after {counted(index, 'map')}", index)
        return np.frombuffer(data, self._dtype).astype(self._dtype.newbyteorder("="), copy=False)

    def close(self) -> None:
        """Close the file."""
        self._archive.close()

    def _wrong(self, what: str, frame: int | None = None) -> MapError:
        return MapError(
            f"{setting('maps', self._path)}: {what}; it must have an array 'maps' of shape (n, h, w), of "
            "unsigned integers or of floats in 0..1; numpy.savez_compressed(FILE, maps=maps) writes it",
            path=self._path,
            frame=frame,
        )


def _read_header(file: BinaryIO) -> tuple[np.dtype[Any], bool, tuple[int, int, int], int]:
    """Return dtype, whether the order is Fortran's, shape, and length of the header.

    numpy's own reader evaluates the header as Python, and allocates what it claims.
    """
    start = file.read(8)
    if start[:6] != _MAGIC:
        raise Malformed(f"{_MEMBER} is not a numpy array")
    digits = 2 if start[6:7] == b"\1" else 4
    length = int.from_bytes(file.read(digits), "little")
    if length > _MOST_HEADER:
        raise Malformed(f"{_MEMBER} has a header of {length} bytes; {_MOST_HEADER} are the most")
    text = file.read(length)
    kind, order, shape = (part.search(text) for part in _PARTS)
    if kind is None or order is None or shape is None:
        raise Malformed(f"{_MEMBER} is {shown(text.decode('latin-1').strip())}")
    sides = (int(shape[1]), int(shape[2]), int(shape[3]))
    return np.dtype(kind[1].decode()), order[1] == b"True", sides, 8 + digits + length


class ArraySink(MapSink):
    """Arrays for numpy: ``maps``, ``pts``, ``time_base`` and ``picture``."""

    def __init__(self, path: Path, context: SinkContext) -> None:
        self._path = path
        self._context = context
        # An array's header states the number of maps, so they wait on the disk until it is known.
        self._maps: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close
        self._shape = (0, 0)
        self._pts = array("q")
        self._size = (0, 0)

    @property
    def bytes_written(self) -> int:
        """See ``MapSink``."""
        return self._maps.tell()

    def _write(self, frame: Frame, importance: FloatArray, *, is_cut: bool) -> FloatArray:
        grey = to_grey(importance)
        if not self._pts:
            self._shape = (grey.shape[0], grey.shape[1])
        grey = stretched(grey, *self._shape)
        self._maps.write(grey.tobytes())
        self._pts.append(frame.picture.pts or 0)
        self._size = frame.upright_size
        return from_grey(grey)

    def finish(self) -> None:
        """See ``MapSink``."""
        base = self._context.info.time_base
        with zipfile.ZipFile(self._path, "w", zipfile.ZIP_DEFLATED) as arrays:
            with arrays.open(_MEMBER, "w", force_zip64=True) as member:
                shape = (len(self._pts), *self._shape)
                header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(cast(Any, member), header)
                self._maps.seek(0)
                shutil.copyfileobj(self._maps, member, _COPIED_AT_ONCE)
            time_base = (base.numerator, base.denominator)
            for name, values in {"pts": self._pts, "time_base": time_base, "picture": self._size}.items():
                with arrays.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(cast(Any, member), np.array(values, np.int64))

    def close(self) -> None:
        """See ``MapSink``."""
        self._maps.close()
