"""Values that pass from one stage to the next. Frozen: a stage makes a new one instead of editing it."""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast

import cv2
import numpy as np
from av.video.reformatter import Interpolation
from numpy.typing import NDArray

from semvid.core.conversion import UNTOLD, Colours, converted
from semvid.core.edit import EditConfig
from semvid.core.errors import ConfigError
from semvid.core.geometry import Array, Size, grid_shape, motion_grid, square_size, turned, turned_size
from semvid.core.luma import LumaArray, luma_of
from semvid.core.records import dataclass
from semvid.core.resampling import averaged, quickly_averaged

if TYPE_CHECKING:
    from av import VideoFrame
    from torch import Tensor

FloatArray = NDArray[np.float32]
Pixels: TypeAlias = "NDArray[np.uint8] | Tensor"
"""8-bit samples where they are: in numpy's arrays, or on a device in tensors."""

StreamKind = Literal["video", "audio", "subtitle", "data", "attachment"]


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """One stream of a container."""

    index: int
    """Position in the container."""
    kind: StreamKind
    codec: str
    """FFmpeg's codec name, ``"unknown"`` where it has none."""
    is_cover_art: bool = False
    """True for an attached picture that is stored as a video stream."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What the header says of a file and its main video stream. Nothing here was decoded."""

    path: Path
    size_bytes: int
    container: str
    """FFmpeg's demuxer name, a comma-separated list for aliases."""
    stream_index: int
    """Container index of the video stream that will be compressed."""
    codec: str
    width: int
    """Coded picture width in pixels, before rotation."""
    height: int
    """Coded picture height in pixels, before rotation."""
    pixel_format: str
    frame_rate: Fraction | None
    """Average frames per second; None where the header has none. Timestamps tell the truth."""
    time_base: Fraction
    """Seconds per unit of ``pts``."""
    sample_aspect_ratio: Fraction | None
    """Width of a pixel by its height; None = square or unknown."""
    duration_seconds: Fraction | None
    num_frames_from_header: int | None
    """Frames the header claims; None where it claims nothing."""
    streams: tuple[StreamInfo, ...]
    side_data: tuple[tuple[str, str], ...] = ()
    """What the container says of the video beside its samples: kinds and details in FFmpeg's words."""
    edit: EditConfig = EditConfig()
    """What was done to the video: size, duration and number of frames are of what is left."""
    part: Span | None = None
    """What of the file is left, in its ``pts``; None = all."""
    clock_shift: Fraction | None = None
    """Seconds to add to times of the file, with ``part``: what all its streams show first is at 0."""
    clock_factor: int = 1
    """Units of ``time_base`` to one of the file's own, of which ``part`` is: more than 1 where a new frame
    rate needs finer ones."""

    @property
    def file_time_base(self) -> Fraction:
        """Seconds per unit of time in the file."""
        return self.time_base * self.clock_factor


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a video, in exact ``pts``: in the time base of the video, counted as its reader counts."""

    start: int = 0
    """Of the first frame, or before it; 0 = from the beginning."""
    end: int | None = None
    """The first ``pts`` that is no longer part of it; None = to the end."""
    scene_seconds: float | None = None
    """How long before ``start`` the scene began that is shown there: maps follow from nothing earlier. 0 = it
    begins there; None = not known."""

    def __post_init__(self) -> None:
        if self.start < 0 or (self.end is not None and self.end <= self.start):
            raise ConfigError(
                f"{self} is empty or backwards; its start must be 0 or more, and its end beyond the start"
            )

    def __contains__(self, pts: float | Fraction) -> bool:
        return (self.start == 0 or pts >= self.start) and (self.end is None or pts < self.end)

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self.start == 0 and self.end is None

    def dropped(self, kinds: Collection[str]) -> Collection[str]:
        """Return which kinds of streams an output does not have, by those that a run drops.

        Parts of a video are put together with its other streams, so none is dropped from those.
        """
        return kinds if self.is_all else ()


@dataclass(frozen=True)
class Frame:
    """One decoded picture as it is coded, in its native pixel format, not turned, and views of it.

    Views are made when they are asked for, where the picture is. A frame on a device is another class with
    the same views; only ``download`` has to bring samples into main memory.
    """

    picture: VideoFrame
    """The decoder's frame; pixels are never converted unless a stage needs it."""
    index: int
    """Zero-based position among the frames of the video, or of the part that is read: see ``VideoReader``."""
    known_luma: LumaArray | None = None
    """``(height, width)`` luma, if the maker of the picture has it already; None = it is read when needed."""
    known_bits: int = 8
    """Bits per sample of ``known_luma``."""
    turns: int | None = None
    """Quarter turns of the whole video; None = the picture itself has them."""

    @property
    def pts(self) -> int:
        """When it is shown, in ``picture.time_base``."""
        assert self.picture.pts is not None  # noqa: S101 - the reader sees to it
        return self.picture.pts

    @property
    def quarter_turns(self) -> int:
        """Counter-clockwise quarter turns that bring the coded picture upright, 0..3."""
        return round(self.picture.rotation / 90) % 4 if self.turns is None else self.turns

    @property
    def size(self) -> Size:
        """``(width, height)`` in pixels as coded."""
        return self.picture.width, self.picture.height

    @property
    def upright_size(self) -> Size:
        """``(width, height)`` in pixels as displayed."""
        return turned_size(self.size, self.quarter_turns)

    def shown_size(self, sample_aspect_ratio: Fraction | None) -> Size:
        """Return ``(width, height)`` as displayed, in square pixels.

        Args:
            sample_aspect_ratio: Width of a coded pixel by its height; None = square.
        """
        return square_size(self.upright_size, sample_aspect_ratio, self.quarter_turns)

    def upright(self, samples: Array) -> Array:
        """Turn ``(h, w)`` or ``(h, w, n)`` samples of the picture as coded, of any size, upright."""
        return turned(samples, self.quarter_turns)

    def as_coded(self, samples: Array) -> Array:
        """Turn upright samples back to how the picture is coded."""
        return turned(samples, -self.quarter_turns)

    @property
    def luma(self) -> LumaArray:
        """``(height, width)`` luma samples as coded, a view where the format has a plane of them."""
        return self._luma[0]

    @property
    def luma_bits(self) -> int:
        """Bits per sample of ``luma``."""
        return self._luma[1]

    @cached_property
    def _luma(self) -> tuple[LumaArray, int]:
        return luma_of(self.picture) if self.known_luma is None else (self.known_luma, self.known_bits)

    @cached_property
    def half_luma(self) -> NDArray[np.uint8]:
        """``(ceil(height / 2), ceil(width / 2))`` luma in 8-bit grey levels, for analysis."""
        height, width = self.luma.shape
        half = cast(LumaArray, averaged(self.luma, *grid_shape(width, height, 2)))
        if self.luma_bits > 8:
            half = np.asarray(cv2.convertScaleAbs(half, alpha=1 / (1 << (self.luma_bits - 8))), np.uint8)
        return np.asarray(half, np.uint8)

    @cached_property
    def thumbnail(self) -> NDArray[np.uint8]:
        """``(2 rows, 2 cols)`` upright luma in 8-bit grey levels, two samples to a ``motion_grid`` cell."""
        rows, cols = motion_grid(*self.upright_size)
        across, down = turned_size((2 * cols, 2 * rows), self.quarter_turns)
        return self.upright(quickly_averaged(self.half_luma, down, across))

    def rgb(self, size: Size) -> Pixels:
        """Return ``(height, width, 3)`` RGB, upright, for a network.

        Args:
            size: ``(width, height)`` in pixels to shrink to by averaging, upright.
        """
        small = self.download(
            "rgb24", turned_size(size, self.quarter_turns), interpolation=Interpolation.AREA
        )
        return self.upright(np.asarray(small.to_ndarray(), np.uint8))

    def download(
        self,
        pixel_format: str,
        size: Size | None = None,
        *,
        source: Colours = UNTOLD,
        target: Colours = UNTOLD,
        interpolation: int = Interpolation.BILINEAR,
    ) -> VideoFrame:
        """Return the picture as coded in main memory, in another form; arguments as for ``converted``."""
        return converted(
            self.picture, pixel_format, size, source=source, target=target, interpolation=interpolation
        )


_GREYS = np.arange(256, dtype=np.float32) * np.float32(1 / 255)


def from_grey(grey: NDArray[np.uint8]) -> FloatArray:
    """Return importance in 0..1 of 8-bit grey levels; the inverse of ``to_grey``."""
    return _GREYS[grey]


def to_grey(importance: FloatArray) -> NDArray[np.uint8]:
    """Round importance in 0..1 to 8-bit grey levels."""
    return np.rint(np.clip(importance, 0, 1) * 255).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class ImportanceMap:
    """How much every place of one frame matters."""

    values: FloatArray
    """``(h, w)`` float32 in 0..1, stretched over the whole upright frame whatever its size."""

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or not self.values.size:
            raise ValueError(f"an importance map is a non-empty (h, w) array, got {self.values.shape}")


@dataclass(frozen=True, slots=True)
class AnalysedFrame:
    """A frame and what matters in it."""

    frame: Frame
    importance: FloatArray | None
    """``(h, w)`` in 0..1, stretched over the picture as it is coded, not turned; None = plain encode."""
    is_cut: bool
    """First frame of a scene."""
    wants_key: bool = False
    """It must be coded as a key frame, at which players can begin."""


@dataclass(frozen=True, slots=True)
class QuantizerOffsets:
    """What is added to the quantizer of every block of one frame."""

    values: FloatArray
    """``(rows, cols)`` float32 in QP steps (6 steps double the quantizer), negative = finer."""
    block_size: int
    """Side of a block in pixels."""
    is_cut: bool = False
    """First frame of a scene: no block need keep to the offset it had."""
    origin: float = 0.0
    """QP steps from which whole steps are counted where offsets are rounded: a block at it keeps it."""


class PredictedBits(NamedTuple):
    """What a frame is predicted to take, up to a factor that all frames of a video share."""

    coded: float
    """With its offsets."""
    plain: float
    """In a plain encode."""
