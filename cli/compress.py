"""``semvid compress``: options into a config, events onto the screen."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated, cast

import typer

# Only the light module here: `semvid --help` must not load FFmpeg or numpy.
from semvid.cli.options import parse_amount, parse_focus
from semvid.config import (
    CLASSES,
    AllocationConfig,
    CompressConfig,
    Device,
    DroppableKind,
    FocusConfig,
    Motion,
    TemporalConfig,
)
from semvid.errors import ConfigError

_DEFAULTS = CompressConfig()
_ALLOCATION = AllocationConfig()
_FOCUS = FocusConfig()
_TEMPORAL = TemporalConfig()
_MAPS, _OVER_TIME = "Where it matters", "Maps over time"
_STREAMS, _HOW = "Files", "How it is coded"


def command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="The video to compress.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write: .mp4, .mkv, .mov, .webm or .avi. "
                     "Default: NAME.semvid.EXT beside the input.", rich_help_panel=_STREAMS),
    ] = None,
    codec: Annotated[
        str, typer.Option(help="x264, x265, vp8, vp9 or mjpeg.", rich_help_panel=_HOW)
    ] = _DEFAULTS.codec,
    crf: Annotated[
        float | None,
        typer.Option(help="Quality, lower = better and larger, in the encoder's own unit. "
                     "Default: 26 (x264), 28 (x265), 48 (vp8), 38 (vp9).", rich_help_panel=_HOW),
    ] = None,
    quality: Annotated[
        int | None,
        typer.Option(help="mjpeg: of what matters, 1 to 100, on the scale of plain JPEG. Default: 80.",
                     rich_help_panel=_HOW),
    ] = None,
    bitrate: Annotated[
        str | None,
        typer.Option(metavar="RATE", help="mjpeg: bits a second of the video, as in 800k or 12M.",
                     rich_help_panel=_HOW),
    ] = None,
    target_size: Annotated[
        str | None,
        typer.Option(metavar="SIZE", help="mjpeg: bytes of the whole output, as in 25M.",
                     rich_help_panel=_HOW),
    ] = None,
    preset: Annotated[
        str | None,
        typer.Option(help="Speed: placebo to superfast (x264, x265; default medium), "
                     "0 to 5 (vp8; default 2), 5 to 8 (vp9; default 5).", rich_help_panel=_HOW),
    ] = None,
    encoder_option: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="One more FFmpeg option for the encoder. Repeatable.",
                     rich_help_panel=_HOW),
    ] = None,
    model: Annotated[
        str,
        typer.Option(help="What makes the maps: msroi (a network that knows people, faces, animals, "
                     "vehicles, objects and text), spectral (a formula), or a network's file "
                     "(.safetensors, .onnx).",
                     rich_help_panel=_MAPS),
    ] = _DEFAULTS.model,
    focus: Annotated[
        str | None,
        typer.Option(metavar="CLASS=WEIGHT,...", help="What matters more or less than the rest, as in "
                     "face=2,vehicle=0. Classes: " + ", ".join(CLASSES) + "; 1 if not named.",
                     rich_help_panel=_MAPS),
    ] = None,
    threshold: Annotated[
        float,
        typer.Option(help="Activation, 0 to 1, from which on a class counts as present.",
                     rich_help_panel=_MAPS),
    ] = _FOCUS.threshold,
    maps: Annotated[
        Path | None,
        typer.Option(help="Read maps instead (white = important): a grey-scale video, a folder of PNGs, "
                     "or one picture.", rich_help_panel=_MAPS),
    ] = None,
    maps_hold: Annotated[
        bool, typer.Option("--maps-hold", help="Keep the last map when the video is longer.",
                           rich_help_panel=_MAPS)
    ] = False,
    boxes: Annotated[
        Path | None,
        typer.Option(help="Read boxes instead: JSON lines or MOT text.", rich_help_panel=_MAPS),
    ] = None,
    strength: Annotated[
        float,
        typer.Option(help="0 = plain encode, 1 = optimal for the weights, up to 3.", rich_help_panel=_MAPS),
    ] = _ALLOCATION.strength,
    background_weight: Annotated[
        float,
        typer.Option(help="Weight of what does not matter, against 1 more for what does: "
                     "lower = sharper contrast.", rich_help_panel=_MAPS),
    ] = _ALLOCATION.background_weight,
    finest: Annotated[
        float, typer.Option(help="Lowest quantizer offset in QP steps.", rich_help_panel=_MAPS)
    ] = _ALLOCATION.finest,
    coarsest: Annotated[
        float, typer.Option(help="Highest quantizer offset in QP steps.", rich_help_panel=_MAPS)
    ] = _ALLOCATION.coarsest,
    map_every: Annotated[
        int | None,
        typer.Option(help="Frames from one run of a network to the next at most; between them the map "
                     "follows the motion. Default: what suits the network.", rich_help_panel=_OVER_TIME),
    ] = None,
    smoothing: Annotated[
        float | None,
        typer.Option(help="Share of the past in the running average of maps, 0 to 0.99. "
                     "Default: what suits the source.", rich_help_panel=_OVER_TIME),
    ] = None,
    movement: Annotated[
        float | None,
        typer.Option(help="How much less than movers what stands still matters, 0 to 1. "
                     "Default: what suits the source.", rich_help_panel=_OVER_TIME),
    ] = None,
    motion: Annotated[
        str,
        typer.Option(help="What maps follow: flow (optical flow) or vectors (the decoder's motion vectors).",
                     rich_help_panel=_OVER_TIME),
    ] = _TEMPORAL.motion,
    device: Annotated[
        str, typer.Option(help="Where a network runs: auto, cpu, cuda or mps.", rich_help_panel=_MAPS)
    ] = _DEFAULTS.device,
    threads: Annotated[
        int, typer.Option(help="Threads of a network on the CPU; 0 = all that help.", rich_help_panel=_MAPS)
    ] = _DEFAULTS.threads,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Leave out streams: audio, subtitle, attachment, data or video "
                     "(other video tracks). Repeatable.", rich_help_panel=_STREAMS),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--yes", "-y", help="Overwrite an existing output.", rich_help_panel=_STREAMS)
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Events as JSON lines on stdout, progress on stderr.")
    ] = False,
) -> None:  # fmt: skip
    """Make a video smaller while keeping its detail where people look.

    At the same --crf the file is about as large as a plain encode, with bits moved to what matters.
    """
    config = CompressConfig(
        codec=codec,
        crf=crf,
        quality=quality,
        bitrate=parse_amount("--bitrate", bitrate),
        target_size=parse_amount("--target-size", target_size),
        preset=preset,
        encoder_options=dict(map(_parse_option, encoder_option or [])),
        model=model,
        focus=FocusConfig(weights=parse_focus(focus), threshold=threshold),
        maps=maps,
        maps_hold=maps_hold,
        boxes=boxes,
        temporal=TemporalConfig(
            map_every=map_every, smoothing=smoothing, movement=movement, motion=cast(Motion, motion)
        ),
        allocation=AllocationConfig(
            strength=strength, background_weight=background_weight, finest=finest, coarsest=coarsest
        ),
        device=cast(Device, device),
        threads=threads,
        drop=cast("frozenset[DroppableKind]", frozenset(drop or [])),
        overwrite=overwrite,
    )
    from semvid.cli.draw import JsonPrinter, ProgressDrawer
    from semvid.pipeline import compress_events

    with contextlib.ExitStack() as stack:
        drawer = stack.enter_context(ProgressDrawer(quiet_result=as_json))
        printer = JsonPrinter() if as_json else None
        for event in stack.enter_context(contextlib.closing(compress_events(source, output, config))):
            drawer.draw(event)
            if printer:
                printer.print(event)


def _parse_option(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ConfigError(f"--encoder-option {text} is not KEY=VALUE, as in --encoder-option tune=film")
    return key, value
