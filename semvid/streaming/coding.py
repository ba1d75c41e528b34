"""How a live stream is coded, from its config."""

from __future__ import annotations

from semvid.codecs.base.codec import LiveOptions
from semvid.codecs.base.coding import Coding
from semvid.codecs.registry import find_codec
from semvid.core.config import LiveConfig

_USUAL_RATE = 25


def live_presets(config: LiveConfig) -> tuple[str, ...]:
    """Return the preset at full load and all faster ones that obey maps; none where there is no choice.

    Raises:
        ConfigError: The encoder has no such preset, or does not take an option.
        MapIgnoredError: It would silently ignore the map.
    """
    codec = find_codec(config.codec)
    codec.load_live()
    presets = codec.live_presets(_options(config, _USUAL_RATE, config.preset))
    live_coding(config, _USUAL_RATE, presets[0] if presets else None)
    return presets


def live_coding(config: LiveConfig, frame_rate: float, preset: str | None) -> Coding:
    """Return the way of coding.

    Args:
        config: Codec, bit rate, latency, and how strongly importance moves the quantizer.
        frame_rate: Frames a second to expect.
        preset: One of ``live_presets``; None where there are none.

    Raises:
        ConfigError: There is no such preset, or the codec does not take an option.
        MapIgnoredError: The encoder would silently ignore the map.
    """
    return find_codec(config.codec).live_coding(_options(config, frame_rate, preset), config.allocation)


def _options(config: LiveConfig, frame_rate: float, preset: str | None) -> LiveOptions:
    return LiveOptions(config.rate.bits_per_second, config.latency_ms, frame_rate, preset)
