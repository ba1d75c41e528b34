"""What a benchmark finds out: encodes and their scores, by clip."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from semvid.core.records import dataclass

VERSION = 1
"""Of the record; a reader refuses newer ones."""
Variant = Literal["plain", "mapped"]
VARIANTS: tuple[Variant, ...] = ("plain", "mapped")
"""By the encoder alone, and steered by maps."""


@dataclass(frozen=True, slots=True)
class BenchEncode:
    """One encode of a clip."""

    variant: Variant
    quality: float
    """CRF."""
    video_bytes: int
    """Of the video stream alone."""
    seconds: float
    """That it took, with maps from a file."""
    scores: Mapping[str, float]
    """Means over all frames, by measure."""


@dataclass(frozen=True, slots=True)
class BenchClip:
    """All encodes of a clip."""

    key: str
    """Of the clip, its masks, and all options: what has another one was measured differently."""
    name: str
    width: int
    """Pixels as coded."""
    height: int
    num_frames: int
    duration_seconds: float
    has_masks: bool
    """What matters is by masks of the user; else by the maps that steered the encodes."""
    maps_seconds: float
    """That it took to make the maps."""
    encodes: tuple[BenchEncode, ...]
    notices: tuple[str, ...] = ()
    """A sentence for each thing that had to be changed or left out."""

    def of(self, variant: Variant) -> tuple[BenchEncode, ...]:
        """Return the encodes of one kind, the best first."""
        return tuple(
            sorted((one for one in self.encodes if one.variant == variant), key=lambda one: one.quality)
        )


@dataclass(frozen=True, slots=True)
class Bench:
    """A benchmark."""

    version: int
    semvid: str
    """The version that made it."""
    codec: str
    preset: str
    """Empty where the encoder has none."""
    qualities: tuple[float, ...]
    settings: tuple[tuple[str, str], ...]
    """Names and values of all options of the encodes with maps."""
    clips: tuple[BenchClip, ...]
    failed: tuple[tuple[str, str], ...] = ()
    """Clips that could not be measured, and why."""
