"""Options of live streams."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from semvid.core.config.maps import LIVE_MODEL, AllocationConfig, MappedConfig, TemporalConfig
from semvid.core.config.video import Deinterlace
from semvid.core.errors import ConfigError
from semvid.core.rate import Bitrate
from semvid.core.setting_types import Limits
from semvid.core.settings import settings

Side = Annotated[int, Limits(16, 8192)]
LIVE_BITRATES = Limits(50_000, 200_000_000)
"""Bits per second of the video."""


@settings
class LiveConfig(MappedConfig):
    """All options of a live stream."""

    USUAL_MODEL: ClassVar[str] = LIVE_MODEL

    codec: str = "x264"
    """As for ``CompressConfig``."""
    preset: str | None = None
    """The encoder's own preset name; None = its fastest that obeys maps."""
    rate: Bitrate = Bitrate(2_000_000)
    """Bit rate of the video: 50,000 to 200,000,000 bits per second."""
    sound_bitrate: Annotated[int, Limits(16_000, 512_000, also=0)] = 96_000
    """Bit rate of the sound, in bits per second; 0 = no sound."""
    latency_ms: Annotated[float, Limits(20, 5000)] = 150.0
    """Target delay from frame to packet, in milliseconds."""
    frame_rate: Annotated[float, Limits(1, 240)] | None = None
    """Frame rate to request, and the maximum to encode; None = the source's."""
    size: tuple[Side, Side] | None = None
    """``(width, height)`` to request and to encode, even numbers; None = the source's."""
    deinterlace: Deinterlace = "auto"
    """Interlaced frames: ``auto`` and ``bwdif`` make one progressive frame of each, ``keep`` leaves their
    lines as they are."""
    realtime: bool = False
    """Read a file at its own speed instead of as fast as possible."""
    loop: bool = False
    """Start a file again when it ends."""
    record: Path | None = None
    """Also write the coded video here: ``.mkv``, ``.mp4`` (fragmented) or ``.ts``."""
    max_maps_per_second: Annotated[float, Limits(0.5, 60)] = 10.0
    """Maximum number of network runs per second; fewer when the machine is busy."""
    temporal: TemporalConfig = TemporalConfig()
    """How maps follow from frame to frame; ``map_every`` is not for live streams."""
    allocation: AllocationConfig = AllocationConfig()
    """How strongly importance moves the quantizer."""
    wait_seconds: Annotated[float, Limits(0, 86_400)] | None = None
    """How long to wait for a source that sends nothing yet or cannot be reached yet, 0..86400; None = without
    limit where semvid listens for the sender (``udp://``, ``rtp://``, ``?listen``), else 0."""
    reconnect_seconds: Annotated[float, Limits(0.1, 600)] = 8.0
    """Longest pause between two attempts to reconnect, in seconds."""
    overwrite: bool = False
    """Replace an existing recording."""

    def __post_init__(self) -> None:
        MappedConfig.__post_init__(self)
        LIVE_BITRATES.check("Bitrate", self.rate.bits_per_second)
        if self.size is not None and any(side % 2 for side in self.size):
            raise ConfigError(f"`size={self.size[0]}x{self.size[1]}` has an odd side; use even ones")
        if self.temporal.map_every is not None:
            raise ConfigError("`map_every` is not for live streams; give `max_maps_per_second`")
