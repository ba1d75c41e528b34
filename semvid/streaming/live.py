"""Live streams by address: a source, sinks, and everything between them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import ExitStack, closing

from semvid.core.config import LiveConfig
from semvid.core.errors import ConfigError
from semvid.core.map_source import ImportanceSource
from semvid.core.settings import or_default
from semvid.core.threads import limited_threads
from semvid.core.types import FloatArray, Frame
from semvid.importance.registry import open_source, sharing_cores
from semvid.streaming.base.address import parse_source
from semvid.streaming.base.types import USUAL_RATE, Snapshot
from semvid.streaming.capture.opening import require_protocol
from semvid.streaming.capture.source import LiveReader
from semvid.streaming.coding import live_presets
from semvid.streaming.ends import PacketTaker
from semvid.streaming.session import LiveSession
from semvid.streaming.sinks.sink import PacketSink
from semvid.streaming.sinks.virtual_camera import VirtualCamera


def live(
    source: str,
    *sinks: str | PacketTaker,
    config: LiveConfig | None = None,
    importance: ImportanceSource | None = None,
) -> Generator[tuple[Frame, FloatArray | None], None, None]:
    """Stream live video, and see every frame as it is encoded.

    Args:
        source: ``webcam:0``, ``screen``, an address, a file; see ``parse_source``.
        sinks: Where the stream goes: addresses, files, or objects of yours that take packets; none is fine.
        config: Options; None = defaults.
        importance: Your own source of maps, instead of the one ``config`` names. It is closed at the end.

    Yields:
        The frame, and its importance ``(h, w)`` in 0..1, upright; None before the first map of a scene.

    Raises:
        SemvidError: See ``semvid.core.errors``.
    """
    texts = [one for one in sinks if isinstance(one, str)]
    if len(texts) > 1:
        raise ConfigError("one sink by its address; give the second as LiveConfig(record=...)")
    takers = [one for one in sinks if not isinstance(one, str)]
    session = open_session(
        source,
        texts[0] if texts else None,
        or_default(config, LiveConfig),
        importance=importance,
        more_sinks=takers,
    )
    with closing(session.run()) as events:
        for event in events:
            if isinstance(event, Snapshot):
                yield event.frame, event.importance


def open_session(
    source: str,
    sink: str | None,
    config: LiveConfig,
    *,
    importance: ImportanceSource | None = None,
    virtual_camera: bool = False,
    more_sinks: Sequence[PacketTaker] = (),
) -> LiveSession:
    """Get a stream ready; the source is opened when it runs.

    Args:
        source: As ``parse_source`` takes it.
        sink: As ``parse_sink`` takes it; None = none but those of ``config`` and ``more_sinks``.
        config: Options.
        importance: Your own source of maps, instead of the one ``config`` names. It is closed at the end.
        virtual_camera: Also show the result as a camera.
        more_sinks: Of yours.

    Raises:
        SemvidError: A sink cannot be opened, or something does not fit; whatever was open is closed.
    """
    if config.maps.has_file:
        raise ConfigError(
            "a live stream takes no `maps`, `boxes` or `track`: they are of one video; give a `model`"
        )
    live_presets(config)
    address = parse_source(source)
    require_protocol(address)
    with limited_threads(config.threads), ExitStack() as stack:
        maps = open_source(sharing_cores(config.maps), None, importance)
        stack.callback(maps.close)
        sinks: list[PacketTaker] = []
        for text, option in ((sink, "sink"), (config.record and str(config.record), "record")):
            if text:
                sinks.append(PacketSink(text, config, option=option))
                stack.callback(sinks[-1].close)
        if virtual_camera:
            sinks.append(VirtualCamera(config.frame_rate or USUAL_RATE))
            stack.callback(sinks[-1].close)
        note = ""
        if address.awaits_sender and config.wait_seconds != 0:
            note = f"waiting for a sender at {address.shown}"
        session = LiveSession(
            lambda: LiveReader(address, config), [*sinks, *more_sinks], config, maps, opening_note=note
        )
        stack.pop_all()
    return session
