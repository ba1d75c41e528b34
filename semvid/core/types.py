"""Values that cross from one stage to the next. Frozen: a stage makes a new one, never edits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame

FloatArray = NDArray[np.float32]
LumaArray = NDArray[np.uint8] | NDArray[np.uint16]

_MOTION_CELLS = 8160
"""120 x 68 for 16:9. Twice the sides gain 0.004 IoU on DAVIS and take four times as long."""
_FEWEST_CELLS = 16

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


@dataclass(frozen=True)
class Frame:
    """One decoded picture as it is coded: native pixel format, not yet rotated for display."""

    picture: VideoFrame
    """The decoder's frame; pixels are never converted unless a stage needs it."""
    index: int
    """Zero-based position among the decoded frames."""
    luma: LumaArray
    """``(height, width)`` view of the luma samples."""
    luma_bits: int
    """Bits per sample of ``luma``."""
    turns: int | None = None
    """Quarter turns of the whole video, if the picture itself does not tell; None = it does."""

    @property
    def quarter_turns(self) -> int:
        """Counter-clockwise quarter turns that bring the coded picture upright, 0..3."""
        return round(self.picture.rotation / 90) % 4 if self.turns is None else self.turns

    @property
    def upright_size(self) -> tuple[int, int]:
        """``(width, height)`` in pixels as displayed."""
        width, height = self.picture.width, self.picture.height
        return (height, width) if self.quarter_turns % 2 else (width, height)

    @cached_property
    def half_luma(self) -> NDArray[np.uint8]:
        """``(ceil(height / 2), ceil(width / 2))`` luma in 8-bit grey levels, for analysis."""
        height, width = self.luma.shape
        size = (-(-width // 2), -(-height // 2))
        half = cv2.resize(self.luma, size, interpolation=cv2.INTER_AREA)
        if self.luma_bits > 8:
            half = cv2.convertScaleAbs(half, alpha=1 / (1 << (self.luma_bits - 8)))
        return np.asarray(half, np.uint8)

    @cached_property
    def thumbnail(self) -> NDArray[np.uint8]:
        """``(2 rows, 2 cols)`` upright luma in 8-bit grey levels, two samples to a ``motion_grid`` cell."""
        rows, cols = motion_grid(*self.upright_size)
        size = (2 * rows, 2 * cols) if self.quarter_turns % 2 else (2 * cols, 2 * rows)
        height, width = self.half_luma.shape
        # Averaging whole pixels first takes a third of the time of one area average, and what is left to do
        # is often little enough to interpolate.
        factor = max(1, min(width // size[0], height // size[1]))
        coarse = cv2.resize(self.half_luma, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
        kind = cv2.INTER_AREA if coarse.shape[1] > 1.4 * size[0] else cv2.INTER_LINEAR
        small = np.asarray(cv2.resize(coarse, size, interpolation=kind), np.uint8)
        return np.ascontiguousarray(np.rot90(small, self.quarter_turns))


def shown_size(frame: Frame, sample_aspect_ratio: Fraction | None) -> tuple[int, int]:
    """Return ``(width, height)`` in square pixels as displayed.

    Args:
        frame: Any of the video.
        sample_aspect_ratio: Width of a coded pixel by its height; None = square.
    """
    width, height = frame.upright_size
    if sample_aspect_ratio:
        stretch = 1 / sample_aspect_ratio if frame.quarter_turns % 2 else sample_aspect_ratio
        width = round(width * stretch)
    return width, height


def motion_grid(width: int, height: int) -> tuple[int, int]:
    """Return ``(rows, cols)`` of the cells on which motion is followed: about 8,160, nearly square.

    Args:
        width: Of the upright picture in pixels.
        height: Likewise.
    """
    cols = min(max(round(math.sqrt(_MOTION_CELLS * width / height)), _FEWEST_CELLS), _MOTION_CELLS)
    return max(round(_MOTION_CELLS / cols), _FEWEST_CELLS), cols


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


@dataclass(frozen=True, slots=True)
class QuantizerOffsets:
    """What is added to the quantizer of every block of one frame."""

    values: FloatArray
    """``(rows, cols)`` float32 in QP steps (6 steps double the quantizer), negative = finer."""
    block_size: int
    """Side of a block in pixels."""
    is_cut: bool = False
    """First frame of a scene: no block need keep to the offset it had."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one compression did."""

    source: Path
    output: Path
    codec: str
    quality: float
    """CRF, or JPEG quality, on the encoder's own scale; the mean if it changed."""
    num_frames: int
    duration_seconds: float
    """Presentation time from the first frame to the end of the last."""
    source_bytes: int
    output_bytes: int
    video_bytes: int
    """Bytes of the encoded video stream alone."""
    plain_bytes_estimate: int | None
    """What the same encode without a map is predicted to need, whole file; None where no model tells."""
    elapsed_seconds: float
    is_input_damaged: bool
    """True when the input broke off or had damaged parts; the output holds what could be decoded."""


@dataclass(frozen=True, slots=True)
class ImageResult:
    """What compressing one picture did."""

    source: Path
    output: Path
    quality: float
    """Of what matters, on libjpeg's scale of 1..100."""
    source_bytes: int
    output_bytes: int
    notices: tuple[str, ...]
    """A sentence for everything about the picture that had to be changed."""


@dataclass(frozen=True, slots=True)
class ExportResult:
    """What exporting maps did."""

    source: Path
    output: Path
    num_frames: int
    output_bytes: int


@dataclass(frozen=True, slots=True)
class Pooled:
    """Scores of all frames in a few numbers."""

    mean: float
    harmonic_mean: float
    """Bad frames weigh more."""
    percentile_5: float
    percentile_1: float
    minimum: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Scores of a video against another."""

    reference: Path
    test: Path
    times: tuple[float, ...]
    """Of each frame, in seconds from the first."""
    scores: Mapping[str, tuple[float, ...]]
    """By measure, one a frame; NaN where a frame has no such place."""
    pooled: Mapping[str, Pooled]
    """By measure."""
    notices: tuple[str, ...] = ()
    """A sentence for everything about the videos that had to be changed to compare them."""
