"""What the page shows of a running live stream, and what it may set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from semvid.core.config import LIVE_BITRATES, AllocationConfig, FocusConfig, LiveConfig
from semvid.core.records import dataclass
from semvid.core.settings import fit
from semvid.streaming.base.types import LiveStatus, Snapshot
from semvid.streaming.tap import PacketTap

_DEFAULTS = LiveConfig()


@dataclass(frozen=True, slots=True)
class LiveControls:
    """Settings that can change while a stream runs.

    Raises:
        ConfigError: A value is out of range.
    """

    strength: float = _DEFAULTS.allocation.strength
    """0 = plain encode, 1 = the optimal offsets for the weights, more exaggerates; 0..3."""
    bitrate: int = _DEFAULTS.rate.bits_per_second
    """Bits a second of the video, 50,000..200,000,000."""
    focus: Mapping[str, float] = _DEFAULTS.maps.focus.weights
    """Class -> weight, 0..10, against 1 for those not named; 0 = does not matter."""
    maps_on: bool = True
    """False = plain encode, and no map is made."""

    def __post_init__(self) -> None:
        # These configs have the ranges of the same options.
        AllocationConfig(strength=self.strength)
        LIVE_BITRATES.check("bitrate", fit(self.bitrate, int, "bitrate", "LiveControls.bitrate"))
        FocusConfig(weights=self.focus)


class LiveHandle(Protocol):
    """A running live stream. Every method may be called from any thread and returns at once."""

    def status(self) -> LiveStatus:
        """Return how it is doing."""
        ...

    def snapshot(self) -> Snapshot | None:
        """Return the newest frame, upright importance with it; None before the first."""
        ...

    def packets(self) -> PacketTap | None:
        """Return where coded packets can be had; None = nowhere."""
        ...

    def controls(self) -> LiveControls:
        """Return the current settings."""
        ...

    def adjust(self, controls: LiveControls) -> None:
        """Change the settings, starting with the next frame.

        Raises:
            ConfigError: This stream cannot do that.
        """
        ...
