"""What rates must have to do with each other."""

from __future__ import annotations

from semvid.core.errors import ConfigError
from semvid.core.rate import Bitrate, Peak, Rate


def check_peak(peak: Peak | None, rate: Rate | None) -> None:
    """Raise ConfigError for a bit rate above its maximum."""
    if peak is not None and isinstance(rate, Bitrate) and rate.bits_per_second > peak.bits_per_second:
        raise ConfigError(
            f"`Bitrate({rate.bits_per_second})` is above its maximum, `Peak({peak.bits_per_second})`; lower "
            "one or raise the other"
        )
