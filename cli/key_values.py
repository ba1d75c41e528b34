"""Reads the text of options of encoders: ``KEY=VALUE``, and lists of numbers."""

from __future__ import annotations

from semvid.core.errors import ConfigError


def parse_option(text: str) -> tuple[str, str]:
    """Parse ``KEY=VALUE``.

    Raises:
        ConfigError: The text has another form.
    """
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ConfigError(f"--encoder-option {text} is not KEY=VALUE, as in --encoder-option tune=film")
    return key, value


def parse_numbers(option: str, text: str) -> list[float]:
    """Parse ``23,28,33``.

    Raises:
        ConfigError: The text has another form.
    """
    try:
        return [float(one) for one in text.split(",") if one.strip()]
    except ValueError:
        raise ConfigError(
            f"{option} {text} is no list of numbers; write it as in {option} 23,28,33"
        ) from None
