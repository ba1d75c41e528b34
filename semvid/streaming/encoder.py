"""The live encoder of a stream, from its config."""

from __future__ import annotations

from fractions import Fraction

from semvid.codecs.base.live import LiveEncoder, LiveOptions
from semvid.codecs.registry import find_codec
from semvid.core.config import AllocationConfig, LiveConfig
from semvid.core.types import Frame

_USUAL_RATE = 25


def live_presets(config: LiveConfig) -> tuple[str, ...]:
    """Return the preset at full load and all faster ones that obey maps; none where there is no choice.

    Raises:
        ConfigError: The encoder has no such preset.
        MapIgnoredError: It would silently ignore the map.
    """
    codec = find_codec(config.codec)
    codec.load_live()
    return codec.live_presets(_options(config, _USUAL_RATE, config.preset))


def open_encoder(
    config: LiveConfig,
    first: Frame,
    frame_rate: float,
    preset: str | None,
    allocation: AllocationConfig,
    sample_aspect_ratio: Fraction | None = None,
) -> LiveEncoder:
    """Open an encoder for frames like ``first``.

    Args:
        config: Codec, bit rate and latency.
        first: Geometry, format and colour come from it.
        frame_rate: Frames a second to expect.
        preset: One of ``live_presets``; None where there are none.
        allocation: How strongly importance moves the quantizer.
        sample_aspect_ratio: Width of a pixel by its height; None = square or unknown.

    Raises:
        ConfigError: An option is not one the encoder has.
        MapIgnoredError: The encoder would silently ignore the map.
        EncoderError: It refuses the picture.
    """
    options = _options(config, frame_rate, preset, sample_aspect_ratio)
    return find_codec(config.codec).open_live(first, options, allocation)


def _options(
    config: LiveConfig, frame_rate: float, preset: str | None, aspect: Fraction | None = None
) -> LiveOptions:
    return LiveOptions(config.rate.bits_per_second, config.latency_ms, frame_rate, preset, aspect)
