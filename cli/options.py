"""Options that several commands take."""

from __future__ import annotations

import math

from semvid.errors import ConfigError

_UNITS = {"k": 1000, "m": 1000**2, "g": 1000**3}


def parse_focus(text: str | None) -> dict[str, float]:
    """Read ``face=2,vehicle=0``.

    Raises:
        ConfigError: It is written otherwise.
    """
    weights = {}
    for part in text.split(",") if text else []:
        name, _, value = part.partition("=")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            raise ConfigError(f"--focus {part} is not CLASS=WEIGHT, as in --focus face=2,vehicle=0") from None
    return weights


def parse_amount(option: str, text: str | None) -> int | None:
    """Read ``800k``, ``12M``, ``1.5G`` or a plain number; decimal units, an ending B is allowed.

    Raises:
        ConfigError: It is none of these.
    """
    if text is None:
        return None
    number = text.strip().lower().removesuffix("b")
    factor = _UNITS.get(number[-1:], 1)
    try:
        amount = float(number.rstrip("kmg") if factor > 1 else number) * factor
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 1):
        raise ConfigError(f"{option} {text} is no amount; write it as in 800k, 12M or 1500000")
    return round(amount)
