"""``semvid compress``: turn options into a config and show the events."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, cast

import typer

# Only light modules here: `semvid --help` must not load FFmpeg or numpy.
from semvid.cli.codec_help import codec_help, defaults_of, preset_help
from semvid.cli.options import (
    ALLOCATION,
    FILES_PANEL,
    FOCUS,
    MAPS,
    MAPS_PANEL,
    TEMPORAL,
    AllowProtocolsOption,
    BackgroundWeightOption,
    BoxesOption,
    DeinterlaceOption,
    DeviceOption,
    FocusOption,
    MapEveryOption,
    MapsHoldOption,
    MapsOption,
    ModelOption,
    MotionOption,
    MovementOption,
    NoPreviewOption,
    OverwriteOption,
    SmoothingOption,
    StrengthOption,
    ThreadsOption,
    ThresholdOption,
    maps_config,
    one_rate,
    parse_amount,
    temporal_config,
)
from semvid.core.config import (
    AllocationConfig,
    CompressConfig,
    Deinterlace,
    DroppableKind,
)
from semvid.core.errors import ConfigError
from semvid.core.rate import Bitrate, Crf, Quality, Size

_DEFAULTS = CompressConfig()
_HOW = "Encoding"


def command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="The video to compress.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write: .mp4, .mkv, .mov, .webm or .avi. "
                     "Default: NAME.semvid.EXT beside the input.", rich_help_panel=FILES_PANEL),
    ] = None,
    codec: Annotated[
        str, typer.Option(help=codec_help(), rich_help_panel=_HOW)
    ] = _DEFAULTS.codec,
    crf: Annotated[
        float | None,
        typer.Option(help="Quality in the encoder's own unit, lower = better and larger. "
                     f"Default: {defaults_of(Crf)}.", rich_help_panel=_HOW),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(help="mjpeg: quality of important areas, 1 to 100 as in plain JPEG. "
                          f"Default: {defaults_of(Quality)}.",
                     rich_help_panel=_HOW),
    ] = None,
    bitrate: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="mjpeg: bit rate of the video in bits per second, as in 800k or "
                     "12M.", rich_help_panel=_HOW),
    ] = None,
    target_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="mjpeg: maximum size of the whole output in bytes, as in 25M.",
                     rich_help_panel=_HOW),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help=preset_help(), rich_help_panel=_HOW),
    ] = None,
    encoder_option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Extra FFmpeg option for the encoder, as in tune=film. "
                                               "Repeatable.",
                     rich_help_panel=_HOW),
    ] = None,
    deinterlace: DeinterlaceOption = _DEFAULTS.deinterlace,
    model: ModelOption = _DEFAULTS.maps.chosen_model,
    focus: FocusOption = None,
    threshold: ThresholdOption = FOCUS.threshold,
    maps: MapsOption = None,
    maps_hold: MapsHoldOption = False,
    boxes: BoxesOption = None,
    strength: StrengthOption = ALLOCATION.strength,
    background_weight: BackgroundWeightOption = ALLOCATION.background_weight,
    finest: Annotated[
        float, typer.Option(help="Lowest quantizer offset, for what matters most, in QP steps, -25 to 0.",
                            rich_help_panel=MAPS_PANEL)
    ] = ALLOCATION.finest,
    coarsest: Annotated[
        float, typer.Option(help="Highest quantizer offset, for the background, in QP steps, 0 to 25; beyond "
                            "8 it visibly falls apart.", rich_help_panel=MAPS_PANEL)
    ] = ALLOCATION.coarsest,
    map_every: MapEveryOption = None,
    smoothing: SmoothingOption = None,
    movement: MovementOption = None,
    motion: MotionOption = TEMPORAL.motion,
    device: DeviceOption = MAPS.device,
    threads: ThreadsOption = MAPS.threads,
    save_maps: Annotated[
        Path | None,
        typer.Option(metavar="FILE.svmap", help="Save the maps of this run to a file, which --maps reads.",
                     rich_help_panel=FILES_PANEL),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Leave out streams: audio, subtitle, attachment, data or video "
                     "(other video tracks). Repeatable.", rich_help_panel=FILES_PANEL),
    ] = None,
    audio: Annotated[
        str,
        typer.Option(metavar="CODEC[:RATE]", help="Sound. auto: copy, or convert what does not fit the "
                     "container. copy: never convert. Or a codec: aac, opus, mp3, ac3, eac3, flac, alac, "
                     "pcm, as in opus:128k.", rich_help_panel=FILES_PANEL),
    ] = _DEFAULTS.audio,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="If the container cannot hold a stream as it is, stop before any work "
                     "instead of converting it or leaving it out.", rich_help_panel=FILES_PANEL),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also compare with a plain encode of the same size; takes up to "
                     "six more encodes. .html: a page; .json: data for 'semvid report'.",
                     rich_help_panel=FILES_PANEL),
    ] = None,
    overwrite: OverwriteOption = False,
    allow_protocols: AllowProtocolsOption = None,
    no_preview: NoPreviewOption = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print events as JSON lines on stdout; progress stays on stderr.")
    ] = False,
) -> None:  # fmt: skip
    """Compress a video and keep its detail where people look.

    At the same --crf the file is about as large as a plain encode; raise --crf to make it smaller.
    """
    config = CompressConfig(
        maps=maps_config(model, focus, device, threshold, threads, maps, boxes, hold=maps_hold),
        codec=codec,
        rate=one_rate(
            ("--crf", Crf, crf),
            ("--quality", Quality, quality),
            ("--bitrate", lambda text: Bitrate(parse_amount("--bitrate", text)), bitrate),
            ("--target-size", lambda text: Size(parse_amount("--target-size", text)), target_size),
        ),
        preset=preset,
        deinterlace=cast(Deinterlace, deinterlace),
        encoder_options=dict(map(_parse_option, encoder_option or [])),
        temporal=temporal_config(map_every, smoothing, movement, motion),
        allocation=AllocationConfig(
            strength=strength, background_weight=background_weight, finest=finest, coarsest=coarsest
        ),
        save_maps=save_maps,
        drop=cast("frozenset[DroppableKind]", frozenset(drop or [])),
        audio=audio,
        strict=strict,
        overwrite=overwrite,
    )
    from semvid.cli.draw import JsonPrinter, ProgressDrawer
    from semvid.cli.report import add_report, check_report
    from semvid.core.events import Done, Event
    from semvid.engine.job import Job
    from semvid.media.writing.claim import Claim
    from semvid.products.compress import job_events

    job = Job(source, None, output, config)
    if report is not None:
        check_report(report, source, output, config)
    with contextlib.ExitStack() as stack:
        claim = None if report is None else stack.enter_context(Claim(report, overwrite=overwrite))
        drawer = stack.enter_context(
            ProgressDrawer(quiet_result=as_json, has_preview=not (no_preview or as_json))
        )
        printer = JsonPrinter(job.to_plain()) if as_json else None

        def show(event: Event) -> None:
            drawer.draw(event)
            if printer:
                printer.print(event)

        result = None
        events = job_events(job, preview_size=drawer.preview_size)
        for event in stack.enter_context(contextlib.closing(events)):
            show(event)
            if isinstance(event, Done):
                result = event.result
        assert result is not None  # noqa: S101 - the events end with Done or raise
        if claim is not None:
            show(add_report(claim, result, config, show))


def _parse_option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ConfigError(f"--encoder-option {text} is not KEY=VALUE, as in --encoder-option tune=film")
    return key, value
