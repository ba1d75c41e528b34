"""Checks that a codec takes what a file is to be coded at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semvid.core.errors import ConfigError
from semvid.core.rate import Rate

if TYPE_CHECKING:
    from semvid.codecs.base.codec import Codec
    from semvid.core.config import CompressConfig


def check_rates(config: CompressConfig, codec: Codec, taken: tuple[type[Rate], ...]) -> None:
    """Raise ConfigError if the codec does not take what is asked for.

    Args:
        config: Options.
        codec: The codec.
        taken: The kinds of rate that it takes by itself: others are searched by encoding.
    """
    if config.rate is not None:
        check_kind(config.rate, taken, codec.name)
    if config.tune is not None and codec.takes_offsets:
        raise ConfigError(
            f"`tune` is not for `codec={codec.name}`; leave it out, use `codec=mjpeg`, or give the encoder's "
            "own with `encoder_options`"
        )
    if config.allocation.prefilter and not codec.takes_offsets:
        raise ConfigError(
            f"`prefilter` is not for `codec={codec.name}`, which leaves detail out by itself; leave it out"
        )
    if config.peak is not None and not codec.takes_peak:
        raise ConfigError(f"`Peak` is not for `codec={codec.name}`; leave it out, or use `codec=x264`")


def check_kind(rate: Rate, taken: tuple[type[Rate], ...], codec: str) -> None:
    """Raise ConfigError for a kind of rate that a codec does not take.

    Args:
        rate: The requested rate.
        taken: The kinds that the codec takes.
        codec: Its name.
    """
    if not isinstance(rate, taken):
        *others, last = (f"`{one.__name__}`" for one in taken)
        instead = f"{', '.join(others)} or {last}" if others else last
        raise ConfigError(f"`{type(rate).__name__}` is not for `codec={codec}`; give {instead}")
