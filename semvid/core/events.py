"""Events of a running job. The library yields them; only the CLI draws them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from semvid.core.records import dataclass
from semvid.core.results import ImageFailure, ImageResult, Result, Trial
from semvid.core.types import VideoInfo


@dataclass(frozen=True, slots=True)
class Started:
    """The input was opened. The encoder has seen no frame yet: it may still refuse its options."""

    info: VideoInfo


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know that does not stop the work."""

    message: str
    """One sentence; a ``Loss`` if it tells what of the source the output lacks."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A frame was handed to the encoder."""

    num_frames: int
    """Frames so far."""
    num_frames_from_header: int | None
    """Frames to expect; None where the header does not say."""
    output_bytes: int
    """Bytes of packets written so far."""


@dataclass(frozen=True, slots=True, eq=False)
class Preview:
    """A small picture of the current frame, a few times a second, if ``preview_size`` was given."""

    picture: NDArray[np.uint8]
    """``(h, w, 3)`` RGB of a frame with its map laid over, upright, with square pixels."""


@dataclass(frozen=True, slots=True)
class Done:
    """The output was verified and has its final name."""

    result: Result


@dataclass(frozen=True, slots=True)
class Stage:
    """A pass over the video, or parts of it, begins; ``Progress`` starts again."""

    name: str
    """What the pass does, as in ``second pass`` or ``measuring``."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Some parts were encoded again without a map, to learn how large all of it would be."""

    plain_video_bytes: int
    """Of the video stream, whole file."""
    num_parts: int
    num_frames: int
    """Of the parts, as far as they were compared."""
    saving_error: float
    """Points of the saving, in percent, by which it is off on average; 0 = everything was encoded again."""


@dataclass(frozen=True, slots=True)
class Tried:
    """An encode on the way to what was asked for has ended."""

    trial: Trial


@dataclass(frozen=True, slots=True)
class Chosen:
    """The quality was found. With ``dry_run`` this is the last event."""

    trial: Trial
    """What is expected of the whole video."""
    expected_seconds: float
    """How long the encode will take, by the trials."""
    aim: str = "what was asked for"
    """What ``Trial.missed_by`` is counted from."""


@dataclass(frozen=True, slots=True)
class Reported:
    """The report was written and has its final name."""

    output: Path
    output_bytes: int


Event = Started | Notice | Progress | Preview | Measured | Tried | Chosen | Done | Stage | Reported


@dataclass(frozen=True, slots=True)
class Listed:
    """Pictures to compress were found."""

    num_images: int
    passed_over: Mapping[str, int]
    """As in ``ImagesResult``."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """A picture of many was written."""

    result: ImageResult


@dataclass(frozen=True, slots=True)
class Failed:
    """A picture of many was not; the others go on."""

    failure: ImageFailure


@dataclass(frozen=True, slots=True)
class Finished:
    """All pictures were dealt with."""

    num_done: int
    num_copied: int
    """Of them, sources that were copied, because they would have become larger."""
    num_failed: int
    source_bytes: int
    """Of all that were done."""
    output_bytes: int
    elapsed_seconds: float


ImagesEvent = Listed | Notice | Compressed | Failed | Finished
