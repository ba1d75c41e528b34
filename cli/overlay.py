"""``semvid overlay``: what semvid thinks matters, drawn over the picture."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, cast

import typer

from semvid.cli.options import parse_focus
from semvid.config import CLASSES, Device, FocusConfig, Motion, OverlayConfig, OverlayStyle, TemporalConfig

_DEFAULTS = OverlayConfig()
_FOCUS = FocusConfig()
_TEMPORAL = TemporalConfig()
_MAPS, _OVER_TIME, _FILES = "Where it matters", "Maps over time", "Files"
_LOOK = "How it looks"


def command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A picture or a video.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Video: .mp4, .mkv, .mov, .gif, .webp or a folder. "
                     "Picture: .png, .jpg or .webp.",
                     rich_help_panel=_FILES),
    ],
    style: Annotated[
        str, typer.Option(help="heat, contour, blocks (quantizer offsets), dim or split.",
                          rich_help_panel=_LOOK)
    ] = _DEFAULTS.style,
    opacity: Annotated[
        float, typer.Option(help="Of what is drawn, 0 to 1.", rich_help_panel=_LOOK)
    ] = _DEFAULTS.opacity,
    legend: Annotated[
        bool, typer.Option("--legend", help="Draw what the colours mean.", rich_help_panel=_LOOK)
    ] = False,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="With blocks: write offsets down.", rich_help_panel=_LOOK)
    ] = False,
    result: Annotated[
        Path | None, typer.Option(help="With split: what became of the video, to put at the right.",
                                  rich_help_panel=_LOOK)
    ] = None,
    every: Annotated[
        int, typer.Option(help="Draw every so-manieth frame only.", rich_help_panel=_LOOK)
    ] = _DEFAULTS.every,
    height: Annotated[
        int | None, typer.Option(help="Lines of the drawn picture. Default: the source's.",
                                 rich_help_panel=_LOOK)
    ] = None,
    model: Annotated[
        str, typer.Option(help="What makes the maps: msroi, msroi-fast, spectral, or a network's file.",
                          rich_help_panel=_MAPS)
    ] = _DEFAULTS.model,
    focus: Annotated[
        str | None,
        typer.Option(metavar="CLASS=WEIGHT,...", help=f"Weights of {', '.join(CLASSES)}; 0 = no matter.",
                     rich_help_panel=_MAPS),
    ] = None,
    threshold: Annotated[
        float, typer.Option(help="Activation, 0 to 1, from which on a class counts as present.",
                            rich_help_panel=_MAPS)
    ] = _FOCUS.threshold,
    maps: Annotated[
        Path | None, typer.Option(help="Read maps instead: a grey-scale video, a folder of PNGs, or one "
                                  "picture.", rich_help_panel=_MAPS)
    ] = None,
    maps_hold: Annotated[
        bool, typer.Option("--maps-hold", help="Keep the last map when the video is longer.",
                           rich_help_panel=_MAPS)
    ] = False,
    boxes: Annotated[
        Path | None, typer.Option(help="Draw boxes instead: JSON lines or MOT text.", rich_help_panel=_MAPS)
    ] = None,
    map_every: Annotated[
        int | None, typer.Option(help="Frames from one run of a network to the next at most.",
                                 rich_help_panel=_OVER_TIME)
    ] = None,
    smoothing: Annotated[
        float | None, typer.Option(help="Share of the past in the running average of maps, 0 to 0.99.",
                                   rich_help_panel=_OVER_TIME)
    ] = None,
    movement: Annotated[
        float | None, typer.Option(help="How much less than movers what stands still matters, 0 to 1.",
                                   rich_help_panel=_OVER_TIME)
    ] = None,
    motion: Annotated[
        str, typer.Option(help="What maps follow: flow or vectors.", rich_help_panel=_OVER_TIME)
    ] = _TEMPORAL.motion,
    device: Annotated[
        str, typer.Option(help="Where a network runs: auto, cpu, cuda or mps.", rich_help_panel=_MAPS)
    ] = _DEFAULTS.device,
    threads: Annotated[
        int, typer.Option(help="Threads of a network on the CPU; 0 = all that help.", rich_help_panel=_MAPS)
    ] = _DEFAULTS.threads,
    overwrite: Annotated[
        bool, typer.Option("--yes", "-y", help="Replace an existing output.", rich_help_panel=_FILES)
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The result as one JSON object on stdout.")] = False,
) -> None:  # fmt: skip
    """Draw what matters over the picture, to see what semvid sees."""
    config = OverlayConfig(
        style=cast(OverlayStyle, style),
        opacity=opacity,
        legend=legend,
        numbers=numbers,
        result=result,
        every=every,
        height=height,
        maps=maps,
        maps_hold=maps_hold,
        model=model,
        focus=FocusConfig(weights=parse_focus(focus), threshold=threshold),
        boxes=boxes,
        temporal=TemporalConfig(
            map_every=map_every, smoothing=smoothing, movement=movement, motion=cast(Motion, motion)
        ),
        device=cast(Device, device),
        threads=threads,
        overwrite=overwrite,
    )
    from semvid.cli.draw import ProgressDrawer, format_bytes
    from semvid.overlay import export_overlay

    with ProgressDrawer(quiet_result=True) as drawer:
        written = export_overlay(source, output, config, on_event=drawer.draw)
    if as_json:
        print(json.dumps(dataclasses.asdict(written), default=str))
        return
    count = "1 picture" if written.num_frames == 1 else f"{written.num_frames} frames"
    print(f"{written.output}: {count}, {format_bytes(written.output_bytes)}")
