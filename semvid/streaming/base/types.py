"""Values that pass between the threads of a live stream."""

from __future__ import annotations

from typing import Literal

from semvid.core.records import dataclass
from semvid.core.types import FloatArray, Frame

USUAL_RATE = 30.0
"""Frames a second, where nothing says."""

SourceState = Literal["opening", "playing", "lost", "ended"]
SinkState = Literal["opening", "open", "lost", "closed"]


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame of a live source."""

    frame: Frame
    """Its picture's ``pts`` is in ``TIME_BASE`` and strictly rising over reconnections, wraps and jumps."""
    arrived: float
    """When it was decoded, ``time.monotonic()``."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The newest frame and its map, for viewers of the page."""

    frame: Frame
    importance: FloatArray | None
    """``(h, w)`` in 0..1, upright; None = the map is off."""


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How a live stream is doing, over the last seconds."""

    seconds: float
    """Since the start."""
    source: SourceState
    sinks: dict[str, SinkState]
    """By address."""
    fps_in: float
    """From the source; frames that were dropped count."""
    fps_out: float
    latency_ms: float
    """From a frame decoded to its packet coded; median."""
    latency_p99_ms: float
    bitrate_kbps: float
    """Of the coded video."""
    maps_per_second: float
    num_frames: int
    """Coded since the start."""
    num_dropped: int
    """Frames of the source that were not coded, since the start."""
    num_repeated: int
    """Repeated frames shown while the source was silent, since the start."""
    num_reconnections: int
    """Of source and sinks, since the start."""
    load_step: int
    """How far the load was reduced, 0 = not at all."""
    load_note: str
    """What was reduced, in words; empty if nothing."""
    saving: float | None
    """Share of the bits of what matters that the map saves at equal quality there, predicted; None without
    a map."""
    num_failed_maps: int = 0
    """Maps that could not be made, since the start."""
    map_failure: str = ""
    """Why the newest map could not be made; empty if it could."""
    num_damaged: int = 0
    """Packets and frames of the source that were damaged, since the start."""
    dropped_share: float = 0.0
    """Share of the source's frames that were not coded, 0..1."""
    sound_peaks: tuple[float, ...] = ()
    """Highest level of the sound in each tenth of the last second, oldest first, in decibels of full scale,
    -96..0; empty = the source has no sound."""
