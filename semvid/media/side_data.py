"""Reads the side data of pictures, including kinds that only a newer FFmpeg knows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
from av import VideoFrame, logging
from av.container import InputContainer
from av.sidedata.sidedata import SideDataContainer, Type
from numpy.typing import NDArray

from semvid.media.ffmpeg_log import heard

MODE_TAGS = ("stereo_mode", "alpha_mode")
"""Tags of Matroska that say how samples are stored. They are side data by another name."""

_STREAM = re.compile(r"  Stream #0:(\d+)")
_ENTRY = re.compile(r"      (?=\S)([^:(]+?)(?:: (.*)| \(.*)?$")
_ONE = 1 << 16
_STRETCHED = 0.01
"""FFmpeg makes a pixel aspect of a matrix that stretches by more, and Matroska has no other matrices."""


def _member_for_unknown(cls: type[Type], value: object) -> Type:
    """Make a member for a number that PyAV has no name for."""
    member: Any = object.__new__(cls)
    member._name_, member._value_ = f"kind {value}", value
    return cast(Type, cls._value2member_map_.setdefault(value, member))


# PyAV 18.1 has names for kinds up to 27 and its FFmpeg has more (31 is EXIF). Reading any side data of a
# frame with one of those would fail, even the regions that semvid set, or the rotation.
cast(Any, Type)._missing_ = classmethod(_member_for_unknown)


def side_data(picture: VideoFrame) -> Any:
    """Return a frame's side data, by ``Type`` or in order.

    Not ``picture.side_data``, which is kept on the frame and refers back to it: such a cycle keeps pictures
    in memory for long (180 MB at 720p).
    """
    return cast(Any, SideDataContainer)(picture)


def side_data_bytes(picture: VideoFrame) -> Iterator[tuple[str, bytes]]:
    """Yield name and bytes of a frame's side data, except what decoders attach on request."""
    for one in side_data(picture):
        if one.type not in {Type.MOTION_VECTORS, Type.VIDEO_ENC_PARAMS}:
            yield one.type.name, bytes(one)


def display_matrix_of(first: VideoFrame) -> tuple[int, ...] | None:
    """Return how a video that begins with this decoded frame is turned, for ``StreamParameters``."""
    carried = side_data(first)
    if Type.DISPLAYMATRIX not in carried:
        return None
    return tuple(_without_stretch(np.frombuffer(carried[Type.DISPLAYMATRIX], np.int32)).tolist())


def _without_stretch(matrix: NDArray[np.int32]) -> NDArray[np.int32]:
    turn = matrix.reshape(3, 3)[:2, :2].astype(np.float64)
    lengths = np.linalg.norm(turn, axis=0)
    if not lengths.all() or np.abs(lengths / _ONE - 1).max() <= _STRETCHED:
        return matrix
    result = matrix.reshape(3, 3).copy()
    result[:2, :2] = np.rint(turn / lengths * _ONE)
    result[2, :2] = 0
    return result.ravel()


def stream_side_data(container: InputContainer, index: int) -> tuple[tuple[str, str], ...]:
    """Return the side data of a stream in its container: kinds and details in FFmpeg's words.

    Decoders pass most of it on with the frames, but neither the cropping nor the Dolby Vision record. In
    PyAV the only way to it is FFmpeg's description of the file.
    """
    found: list[tuple[str, str]] = []
    is_ours = is_listed = False
    for line in _description(container).splitlines():
        if stream := _STREAM.match(line):
            is_ours, is_listed = int(stream[1]) == index, False
        elif line.startswith("    Side data:"):
            is_listed = True
        elif is_ours and is_listed and (entry := _ENTRY.match(line)):
            found.append((entry[1], entry[2] or ""))
    tags = container.streams[index].metadata
    return (*found, *((key, tags[key]) for key in MODE_TAGS if key in tags))


def _description(container: InputContainer) -> str:
    with heard(logging.INFO):
        return str(cast(Any, container).dumps_format())
