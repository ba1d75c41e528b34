"""Converts pictures to another size, pixel format or colour space with FFmpeg's scaler."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import TYPE_CHECKING

from av.video.reformatter import Interpolation, VideoReformatter

from semvid.core.records import dataclass

if TYPE_CHECKING:
    from av import VideoFrame

_MOST_SCALERS = 8
"""Kept by each thread: a run uses four at most, and videos may change their size again and again."""


@dataclass(frozen=True, slots=True)
class Colours:
    """Matrix and range of samples, in FFmpeg's numbers; None = what the picture says, as FFmpeg reads it."""

    matrix: int | None = None
    range: int | None = None


UNTOLD = Colours()


class _Scalers(threading.local):
    """One scaler for each kind of conversion: changing one takes time, and dropping one leaks in PyAV 18."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, VideoReformatter] = OrderedDict()

    def of(self, kind: Hashable) -> VideoReformatter:
        scaler = self._kept.pop(kind, None) or VideoReformatter()
        if len(self._kept) == _MOST_SCALERS:
            self._kept.popitem(last=False)
        self._kept[kind] = scaler
        return scaler


_scalers = _Scalers()
# While it scales, PyAV writes the requested colours into the source picture, and restores them afterwards:
# two threads that convert one picture would see, and leave behind, each other's colours.
_locks = tuple(threading.Lock() for _ in range(16))


def converted(
    picture: VideoFrame,
    pixel_format: str,
    size: tuple[int, int] | None = None,
    *,
    source: Colours = UNTOLD,
    target: Colours = UNTOLD,
    interpolation: int = Interpolation.BILINEAR,
) -> VideoFrame:
    """Return a picture in another form, with its time; itself where it has that form.

    Any number of threads may convert the same picture.

    Args:
        picture: Of any format FFmpeg reads.
        pixel_format: FFmpeg's name of the one wanted.
        size: ``(width, height)`` in pixels; None = as it is.
        source: What its samples mean.
        target: What they shall mean.
        interpolation: How to scale; a kind of ``Interpolation``.
    """
    width, height = size or (picture.width, picture.height)
    wanted = (
        width, height, pixel_format, source.matrix, target.matrix, interpolation, source.range, target.range
    )  # fmt: skip
    scaler = _scalers.of((picture.width, picture.height, picture.format.name, *wanted))
    with _locks[id(picture) // 64 % len(_locks)]:
        return scaler.reformat(picture, *wanted)
