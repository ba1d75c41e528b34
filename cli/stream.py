"""``semvid stream``: encode live video with little delay."""

import contextlib
import re
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

from semvid.cli import options
from semvid.cli.codec_options import LiveCodec, live_preset_help
from semvid.core.config import AllocationConfig, Deinterlace, LiveConfig
from semvid.core.errors import ConfigError
from semvid.core.rate import Bitrate

_DEFAULTS = LiveConfig()
_page_option = partial(typer.Option, rich_help_panel="Watching")


def command(
    source: Annotated[str, typer.Argument(
        metavar="SOURCE", help="webcam:0, screen, rtsp(s)://, rtmp(s)://, udp://, rtp://, tcp://, "
        "http(s)://, a file, or - for standard input."
    )],
    sink: Annotated[str | None, typer.Argument(
        metavar="SINK", help="A file, NAME-%03d.ts (segments), NAME.m3u8 (HLS), rtsp(s)://, rtmp(s)://, "
        "udp://, rtp://, or - for standard output."
    )] = None,
    codec: LiveCodec = _DEFAULTS.codec,
    bitrate: Annotated[str, options.encoding_option(
        metavar="RATE", help="Bit rate of the video in bits per second, as in 800k or 12M."
    )] = options.amount_text(_DEFAULTS.rate.bits_per_second),
    sound_bitrate: Annotated[str, options.encoding_option(
        metavar="RATE", help="Bit rate of the sound in bits per second, as in 64k; 0 = no sound."
    )] = options.amount_text(_DEFAULTS.sound_bitrate),
    latency: Annotated[str, options.encoding_option(
        metavar="TIME", help="Target delay from frame to packet, 20ms to 5s. Raise it for better quality at "
        "the same bit rate."
    )] = f"{_DEFAULTS.latency_ms:g}ms",
    fps: Annotated[float | None, options.encoding_option(
        help="Frame rate to request, and the maximum to encode. Default: the source's."
    )] = None,
    size: Annotated[str | None, options.encoding_option(
        metavar="WxH", help="Size to request and to encode, as in 1280x720. Default: the source's."
    )] = None,
    deinterlace: Annotated[str, options.encoding_option(
        help="Interlaced frames: auto and bwdif (deinterlace), or keep (never change their lines)."
    )] = _DEFAULTS.deinterlace,
    preset: Annotated[str | None, options.encoding_option(help=live_preset_help())] = None,
    record: Annotated[Path | None, options.encoding_option(
        help="Also write to this file, which survives a crash: .mkv, .mp4 or .ts."
    )] = None,
    realtime: Annotated[bool, options.encoding_option(
        "--realtime", help="Read a file at its own speed, not as fast as possible."
    )] = False,
    loop: Annotated[bool, options.encoding_option(
        "--loop", help="Start a file again when it ends, until Ctrl-C."
    )] = False,
    wait: Annotated[str | None, options.encoding_option(
        metavar="TIME", help="How long to wait for a SOURCE that is not there yet, as in 30s. Default: no "
        "limit for udp://, rtp:// and ?listen, else 0."
    )] = None,
    serve: Annotated[str | None, _page_option(
        metavar="HOST:PORT", help="Serve a page to watch and control the stream, as in 127.0.0.1:8080."
    )] = None,
    token: Annotated[str | None, _page_option(
        envvar="SEMVID_TOKEN", help="Password of the page; required if other machines can reach it."
    )] = None,
    virtual_camera: Annotated[bool, _page_option(
        "--virtual-camera", help="Offer the result as a camera to other programs."
    )] = False,
    model: options.Model = _DEFAULTS.maps.chosen_model,
    focus: options.Focus = None,
    threshold: options.Threshold = options.FOCUS.threshold,
    strength: options.Strength = options.ALLOCATION.strength,
    background_weight: options.BackgroundWeight = options.ALLOCATION.background_weight,
    max_maps: Annotated[float, options.map_option(
        help="Maximum number of maps per second, 0.5 to 60; fewer when the machine is busy."
    )] = _DEFAULTS.max_maps_per_second,
    smoothing: options.Smoothing = None,
    movement: options.Movement = None,
    device: options.Device = options.MAPS.device,
    threads: options.Threads = options.THREADS,
    profile: options.Profile = None,
    overwrite: options.Overwrite = False,
    allow_protocols: options.AllowProtocols = None,
    as_json: Annotated[bool, typer.Option(
        "--json", help="Print the state once a second as JSON lines on stdout; on stderr if SINK is -."
    )] = False,
) -> None:  # fmt: skip
    """Encode live video with little delay, with its bits where people look.

    semvid reconnects to lost sources and sinks. Ctrl-C ends the stream and completes its files.
    """
    config = LiveConfig(
        maps=options.maps_config(model, focus, device, threshold),
        threads=threads,
        codec=codec,
        preset=preset,
        rate=Bitrate(options.parse_amount("--bitrate", bitrate)),
        sound_bitrate=_parse_sound(sound_bitrate),
        latency_ms=parse_milliseconds("--latency", latency),
        wait_seconds=None if wait is None else parse_milliseconds("--wait", wait, "s") / 1000,
        frame_rate=fps,
        size=parse_size(size),
        deinterlace=cast(Deinterlace, deinterlace),
        realtime=realtime,
        loop=loop,
        record=record,
        max_maps_per_second=max_maps,
        temporal=options.temporal_config(None, smoothing, movement, options.TEMPORAL.motion),
        allocation=AllocationConfig(strength=strength, background_weight=background_weight),
        overwrite=overwrite,
    )
    if sink is None and serve is None and record is None and not virtual_camera:
        raise ConfigError("there is nowhere to stream to; give a SINK, --record, --serve or --virtual-camera")
    if token is not None and serve is None:
        raise ConfigError("--token is for --serve; leave it out")
    from semvid.cli.draw_live import LiveDrawer, LiveEvent, print_live_json
    from semvid.core.events import Notice
    from semvid.streaming.live import open_session

    with contextlib.ExitStack() as stack:
        session = open_session(source, sink, config, virtual_camera=virtual_camera)
        # Closes the source and completes files, whatever happens below.
        events = stack.enter_context(contextlib.closing(session.run()))
        stack.callback(session.close)
        link = server = None
        if serve is not None:
            from semvid.web.live.server import WebServer

            server = stack.enter_context(WebServer(session, serve, token=token))
            link = server.link
        drawer = stack.enter_context(LiveDrawer(source, link, quiet=as_json))

        def show(event: LiveEvent) -> None:
            drawer.draw(event)
            if as_json:
                print_live_json(event, sys.stderr if sink == "-" else sys.stdout)

        events_ended = page_is_gone = False
        # An interrupt is how a camera's stream ends: not an error.
        with contextlib.suppress(KeyboardInterrupt):
            for event in events:
                show(event)
                if server is not None and server.failure and not page_is_gone:
                    page_is_gone = True
                    show(Notice(f"{server.failure}; the stream goes on without it"))
            events_ended = True
        # After an interrupt nothing else reports the state of the files.
        if not events_ended:
            events.close()
            for notice in session.closing_notices:
                show(notice)
        drawer.sum_up(session.status())


def _parse_sound(text: str) -> int:
    return 0 if text.strip() == "0" else options.parse_amount("--sound-bitrate", text)


def parse_milliseconds(option: str, text: str, unit: str = "ms") -> float:
    """Parse ``150ms``, ``1.5s``, ``2min`` or a plain number.

    Args:
        option: The option, for messages.
        text: Its value.
        unit: The unit of a plain number.

    Raises:
        ConfigError: The text has another form.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(ms|s|min|)", text.strip().lower())
    if not match:
        raise ConfigError(f"{option} {text} is not a time; write it as in 150ms or 30s")
    return float(match[1]) * {"ms": 1, "s": 1000, "min": 60_000}[match[2] or unit]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Parse ``1280x720``.

    Raises:
        ConfigError: The text has another form.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})[xX](\d{1,5})", text.strip())
    if not match:
        raise ConfigError(f"--size {text} is not a size; write it as in 1280x720")
    return int(match[1]), int(match[2])
