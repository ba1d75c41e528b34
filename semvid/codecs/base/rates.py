"""Checks the kind of rate that a codec takes."""

from __future__ import annotations

from semvid.core.errors import ConfigError
from semvid.core.rate import Rate


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
