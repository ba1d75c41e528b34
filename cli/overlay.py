"""``semvid overlay``: draw importance maps over the picture."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, cast

import typer

from semvid.cli.options import (
    FILES_PANEL,
    FOCUS,
    MAPS,
    TEMPORAL,
    AllowProtocolsOption,
    BoxesOption,
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
    ResultJsonOption,
    SmoothingOption,
    ThreadsOption,
    ThresholdOption,
    maps_config,
    temporal_config,
)
from semvid.core.config import OverlayConfig, OverlayStyle

_DEFAULTS = OverlayConfig()
_LOOK = "Drawing"


def command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A picture or a video.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where to write. Of a picture: .png, .jpg or .webp. Of a video: "
                     ".mp4, .mkv, .mov, .gif, .webp, or a folder of PNGs.",
                     rich_help_panel=FILES_PANEL),
    ],
    style: Annotated[
        str, typer.Option(help="What to draw: heat (colours), contour (an outline), blocks (quantizer "
                          "offsets), dim (background dark and grey) or split (side by side).",
                          rich_help_panel=_LOOK)
    ] = _DEFAULTS.style,
    opacity: Annotated[
        float, typer.Option(help="Opacity of the drawing, 0 to 1.", rich_help_panel=_LOOK)
    ] = _DEFAULTS.opacity,
    legend: Annotated[
        bool, typer.Option("--legend", help="Draw a legend of the colours.", rich_help_panel=_LOOK)
    ] = False,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="With --style blocks: write the offset into each block.",
                           rich_help_panel=_LOOK)
    ] = False,
    result: Annotated[
        Path | None, typer.Option(help="With --style split: the compressed video to show on the right.",
                                  rich_help_panel=_LOOK)
    ] = None,
    every: Annotated[
        int, typer.Option(help="Draw only every Nth frame, 1 to 1000.", rich_help_panel=_LOOK)
    ] = _DEFAULTS.every,
    height: Annotated[
        int | None, typer.Option("--size", "--height", help="Height of the drawn picture in lines. "
                                 "Default: the source's.", rich_help_panel=_LOOK)
    ] = None,
    model: ModelOption = _DEFAULTS.maps.chosen_model,
    focus: FocusOption = None,
    threshold: ThresholdOption = FOCUS.threshold,
    maps: MapsOption = None,
    maps_hold: MapsHoldOption = False,
    boxes: BoxesOption = None,
    map_every: MapEveryOption = None,
    smoothing: SmoothingOption = None,
    movement: MovementOption = None,
    motion: MotionOption = TEMPORAL.motion,
    device: DeviceOption = MAPS.device,
    threads: ThreadsOption = MAPS.threads,
    overwrite: OverwriteOption = False,
    allow_protocols: AllowProtocolsOption = None,
    no_preview: NoPreviewOption = False,
    as_json: ResultJsonOption = False,
) -> None:  # fmt: skip
    """Draw what matters over a picture or a video, to see what semvid sees."""
    config = OverlayConfig(
        maps=maps_config(model, focus, device, threshold, threads, maps, boxes, hold=maps_hold),
        style=cast(OverlayStyle, style),
        opacity=opacity,
        legend=legend,
        numbers=numbers,
        result=result,
        every=every,
        height=height,
        temporal=temporal_config(map_every, smoothing, movement, motion),
        overwrite=overwrite,
    )
    from semvid.cli.draw import ProgressDrawer, format_bytes, to_json
    from semvid.cli.streams import emit, say
    from semvid.products.overlay import export_overlay

    with ProgressDrawer(quiet_result=True, has_preview=not (no_preview or as_json)) as drawer:
        written = export_overlay(
            source, output, config, preview_size=drawer.preview_size, on_event=drawer.draw
        )
    if as_json:
        emit(to_json(dataclasses.asdict(written)))
        return
    count = "1 picture" if written.num_frames == 1 else f"{written.num_frames} frames"
    say(f"{written.output}: {count}, {format_bytes(written.output_bytes)}")
