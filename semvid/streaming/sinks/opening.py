"""From what a user calls a sink to one that is ready."""

from __future__ import annotations

from semvid.core.config import LiveConfig
from semvid.streaming.capture.opening import require_protocol
from semvid.streaming.sinks.sink import PacketSink
from semvid.streaming.sinks.sink_address import parse_sink


def open_sink(text: str, config: LiveConfig, *, option: str = "sink") -> PacketSink:
    """Check a sink and get it ready.

    Args:
        text: As ``parse_sink`` takes it.
        config: ``codec``, ``reconnect_seconds``, ``sound_bitrate`` and ``overwrite`` count.
        option: The option that names it, for messages.

    Raises:
        ConfigError: It is of no known kind, or cannot carry the codec.
        OutputError: It is a file that cannot or must not be written.
    """
    address = parse_sink(text, config.codec)
    require_protocol(address)
    return PacketSink(
        address,
        reconnect_seconds=config.reconnect_seconds,
        sound_bitrate=config.sound_bitrate,
        overwrite=config.overwrite,
        option=option,
    )
