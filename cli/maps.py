"""``semvid maps``: what semvid thinks matters, as pictures."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Annotated, cast

import typer

from semvid.cli.options import (
    FILES_PANEL,
    BoxesOption,
    DeviceOption,
    FocusOption,
    MapEveryOption,
    ModelOption,
    MotionOption,
    MovementOption,
    OverwriteOption,
    ResultJsonOption,
    SmoothingOption,
    ThreadsOption,
    ThresholdOption,
    focus_config,
    temporal_config,
)
from semvid.config import Device, ExportConfig, FocusConfig, TemporalConfig

_DEFAULTS = ExportConfig()
_FOCUS = FocusConfig()
_TEMPORAL = TemporalConfig()


def command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A picture or a video.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="A .png for a picture; a .mkv or a folder for a video.",
                     rich_help_panel=FILES_PANEL),
    ],
    model: ModelOption = _DEFAULTS.model,
    focus: FocusOption = None,
    threshold: ThresholdOption = _FOCUS.threshold,
    boxes: BoxesOption = None,
    map_every: MapEveryOption = None,
    smoothing: SmoothingOption = None,
    movement: MovementOption = None,
    motion: MotionOption = _TEMPORAL.motion,
    device: DeviceOption = _DEFAULTS.device,
    threads: ThreadsOption = _DEFAULTS.threads,
    overwrite: OverwriteOption = False,
    as_json: ResultJsonOption = False,
) -> None:  # fmt: skip
    """Write what matters as grey pictures, white = important; --maps of the other commands reads them."""
    config = ExportConfig(
        model=model,
        focus=focus_config(focus, threshold),
        boxes=boxes,
        temporal=temporal_config(map_every, smoothing, movement, motion),
        device=cast(Device, device),
        threads=threads,
        overwrite=overwrite,
    )
    from semvid.cli.draw import ProgressDrawer, format_bytes
    from semvid.export import export_maps

    with ProgressDrawer(quiet_result=True) as drawer:
        result = export_maps(source, output, config, on_event=drawer.draw)
    if as_json:
        print(json.dumps(dataclasses.asdict(result), default=str))
        return
    count = "1 map" if result.num_frames == 1 else f"{result.num_frames} maps"
    print(f"{result.output}: {count}, {format_bytes(result.output_bytes)}")
