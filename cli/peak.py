"""The maximum bit rate, from two options."""

from __future__ import annotations

from semvid.cli.options import parse_amount
from semvid.core.errors import ConfigError
from semvid.core.rate import Peak


def parse_peak(max_bitrate: str | None, buffer: str | None) -> Peak | None:
    """Build a ``Peak`` from the options of a command line.

    Raises:
        ConfigError: There is only a buffer, or a text is no amount.
    """
    if max_bitrate is None:
        if buffer is not None:
            raise ConfigError(f"--buffer {buffer} needs --max-bitrate; give both, or leave it out")
        return None
    bits = None if buffer is None else parse_amount("--buffer", buffer)
    return Peak(parse_amount("--max-bitrate", max_bitrate), bits)
