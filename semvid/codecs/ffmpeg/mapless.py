"""Modes of encoders that compress better and take no map: there it only says what the pre-filter softens."""

from __future__ import annotations

from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.config import AllocationConfig, CompressConfig
from semvid.core.errors import ConfigError, MapIgnoredError
from semvid.core.text import setting

_FOR_OFFSETS = ("strength", "background_weight", "finest", "coarsest")
_SUGGESTED = 0.5
"""Measured by ``examples/benchmark/vp9_modes.py``."""


def check_mapless(spec: EncoderSpec, config: CompressConfig) -> None:
    """Refuse such a mode where the map would do nothing, and options that would.

    Raises:
        MapIgnoredError: There is a map and no pre-filter.
        ConfigError: An option has no effect.
    """
    mode, allocation = spec.mapless_mode(config.encoder_options), config.allocation
    if mode is None or not allocation.strength:
        return
    given = setting("encoder_options", "=".join(mode))
    if not allocation.prefilter:
        raise MapIgnoredError(
            f"{spec.name} would ignore the map: {given} takes none; drop it, or add "
            f"`prefilter={_SUGGESTED:g}`, which softens what does not matter instead, or `strength=0` for a "
            "plain encode"
        )
    usual = AllocationConfig()
    for name in _FOR_OFFSETS:
        value = getattr(allocation, name)
        if value != getattr(usual, name):
            raise ConfigError(
                f"`{name}={value:g}` has no effect with {given}, where only `prefilter` counts; leave it out"
            )


def mapless_notice(spec: EncoderSpec, mode: tuple[str, str]) -> str:
    """Return what to tell of such an encode."""
    name = "=".join(mode)
    return (
        f"{spec.name} takes no map with {name}: what does not matter is softer, but has no coarser quantizer"
    )
