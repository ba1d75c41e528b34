"""Options that several commands take."""

from __future__ import annotations

from semvid.errors import ConfigError


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
