"""The SVT-AV1 library that PyAV brings, called past FFmpeg's wrapper, which does not pass maps on.

Layouts are those of SVT-AV1 4.0 to 4.2 (``EbSvtAv1.h``, ``EbSvtAv1Enc.h``). Its configuration is filled by
name, through the library's own parser; only the switch for maps has no name (see ``session.py``).
"""

from __future__ import annotations

import ctypes
import re
import sys
from collections.abc import Iterator
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_char_p,
    c_double,
    c_int,
    c_int8,
    c_int16,
    c_int32,
    c_int64,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)  # fmt: skip
from functools import cache
from pathlib import Path
from typing import Any

import av

from semvid.core.errors import EncoderError

OLDEST, NEWEST = (4, 0), (4, 2)
"""Versions whose layouts are known."""
MOST_SEGMENTS = 8
"""AV1 has so many in a picture."""
SUCCESS = 0
EMPTY_QUEUE = c_int32(0x80002033).value
"""``EB_NoErrorEmptyQueue``."""
END_OF_STREAM = 1
"""Flag of pictures and of packets."""
INTER_PICTURE, KEY_PICTURE, ANY_PICTURE = 0, 3, 0xFF
"""Picture types."""
ROI_MAP_EVENT = 2
_ERRORS = 1
"""``SVT_AV1_LOG_ERROR``; fatal errors have 0."""


class Planes(Structure):
    """``EbSvtIOFormat``: where samples lie; strides are in samples, and that of Cr comes before Cb's."""

    _fields_ = (
        ("luma", c_void_p), ("cb", c_void_p), ("cr", c_void_p),
        ("luma_stride", c_uint32), ("cr_stride", c_uint32), ("cb_stride", c_uint32),
    )  # fmt: skip


class Buffer(Structure):
    """``EbBufferHeaderType``: a picture or a packet."""

    _fields_ = (
        ("size", c_uint32), ("data", c_void_p), ("filled", c_uint32), ("allocated", c_uint32),
        ("private", c_void_p), ("wrapper", c_void_p), ("ticks", c_uint32), ("dts", c_int64), ("pts", c_int64),
        ("temporal_layer", c_uint8), ("qp", c_uint32), ("mean_qp", c_uint32), ("picture_type", c_uint32),
        ("sse", c_uint64 * 3), ("flags", c_uint32), ("ssim", c_double * 3), ("metadata", c_void_p),
    )  # fmt: skip


class PrivateData(Structure):
    """``EbPrivDataNode``: what accompanies a picture."""

    _fields_ = (("kind", c_uint32), ("data", c_void_p), ("size", c_uint32), ("next", c_void_p))


class RoiMap(Structure):
    """``SvtAv1RoiMapEvt``: a segment for every block of 64x64 pixels, and the offsets of segments."""

    _fields_ = (
        ("picture", c_uint64), ("segments", c_void_p), ("offsets", c_int16 * MOST_SEGMENTS),
        ("last_segment", c_int8), ("next", c_void_p),
    )  # fmt: skip


_Packet = POINTER(Buffer)
_FUNCTIONS: dict[str, tuple[tuple[Any, ...], Any]] = {
    "svt_av1_get_version": ((), c_char_p),
    "svt_av1_set_log_callback": ((c_void_p, c_void_p), None),
    "svt_av1_enc_init_handle": ((POINTER(c_void_p), c_void_p), c_int32),
    "svt_av1_enc_parse_parameter": ((c_void_p, c_char_p, c_char_p), c_int32),
    "svt_av1_enc_set_parameter": ((c_void_p, c_void_p), c_int32),
    "svt_av1_enc_init": ((c_void_p,), c_int32),
    "svt_av1_enc_stream_header": ((c_void_p, POINTER(_Packet)), c_int32),
    "svt_av1_enc_stream_header_release": ((_Packet,), c_int32),
    "svt_av1_enc_send_picture": ((c_void_p, _Packet), c_int32),
    "svt_av1_enc_get_packet": ((c_void_p, POINTER(_Packet), c_uint8), c_int32),
    "svt_av1_enc_release_out_buffer": ((POINTER(_Packet),), None),
    "svt_av1_enc_deinit": ((c_void_p,), c_int32),
    "svt_av1_enc_deinit_handle": ((c_void_p,), c_int32),
}


def packet_pointer() -> Any:
    """Return a pointer for the library to point at a packet."""
    return _Packet()


class Library:
    """The functions of one SVT-AV1 library, by the names they have in C.

    Args:
        path: Its file.

    Attributes:
        version: As it tells it.

    Raises:
        EncoderError: It cannot be loaded, lacks a function, or is of a version whose layouts are unknown.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        remedy = "reinstall the package av"
        try:
            self._functions = ctypes.CDLL(str(path))
        except OSError as error:
            raise EncoderError(f"{path.name} cannot be loaded ({error}); {remedy}") from error
        for name, (arguments, result) in _FUNCTIONS.items():
            function = getattr(self._functions, name, None)
            if function is None:
                raise EncoderError(f"{path.name} has no function {name}; {remedy}")
            function.argtypes, function.restype = arguments, result
        self.version = self.svt_av1_get_version().decode("ascii", "replace").removeprefix("v")
        found = re.match(r"(\d+)\.(\d+)", self.version)
        if not found or not OLDEST <= (int(found[1]), int(found[2])) <= NEWEST:
            known = " to ".join(".".join(map(str, one)) for one in (OLDEST, NEWEST))
            raise EncoderError(
                f"SVT-AV1 {self.version} is in this package av, and semvid knows {known}; install av 18.1"
            )
        # It would write to the terminal.
        self.svt_av1_set_log_callback(ctypes.cast(_keep_error_in_c, c_void_p), None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._functions, name)


_errors: list[str] = []


def _keep_error(context: int, level: int, tag: bytes, pattern: bytes, arguments: int) -> None:
    """Keep what the library says is wrong. Its numbers are left out: they are in C's own argument lists."""
    if level <= _ERRORS:
        _errors.append(pattern.decode("utf-8", "replace").strip())


_keep_error_in_c = CFUNCTYPE(None, c_void_p, c_int, c_char_p, c_char_p, c_void_p)(_keep_error)


def take_errors() -> str:
    """Return what the library has said is wrong since the last call."""
    told = "; ".join(dict.fromkeys(_errors))
    _errors.clear()
    return told


@cache
def load_library() -> Library:
    """Load the library that FFmpeg in PyAV uses.

    Raises:
        EncoderError: There is none, or it cannot be used.
    """
    for path in _candidates():
        return Library(path)
    raise EncoderError("SVT-AV1 was not found beside the package av; install av 18.1 from PyPI")


def _candidates() -> Iterator[Path]:
    """Yield files that may be it: in wheels beside the package, else whatever is in the process."""
    package = Path(av.__file__).parent
    for folder in (package.parent / "av.libs", package / ".dylibs", package):
        yield from sorted(one for one in folder.glob("*SvtAv1Enc*") if one.is_file())
    maps = Path("/proc/self/maps")
    if sys.platform == "linux" and maps.exists():
        lines = maps.read_text(errors="replace").splitlines()
        yield from (Path(one.split(maxsplit=5)[5]) for one in lines if "libSvtAv1Enc" in one)
