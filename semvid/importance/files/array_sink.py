"""Writes maps as numpy arrays."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from array import array
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np

from semvid.core.resampling import stretched
from semvid.core.types import FloatArray, Frame, from_grey, to_grey
from semvid.importance.files.map_sink import MapSink, SinkContext

_COPIED_AT_ONCE = 2**20


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
            with arrays.open("maps.npy", "w", force_zip64=True) as member:
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
