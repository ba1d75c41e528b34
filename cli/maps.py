"""``semvid maps``: write importance maps to a file."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, cast

import typer

from semvid.cli.options import (
    ALLOCATION,
    FILES_PANEL,
    FOCUS,
    MAPS,
    TEMPORAL,
    AllowProtocolsOption,
    BackgroundWeightOption,
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
    StrengthOption,
    ThreadsOption,
    ThresholdOption,
    maps_config,
    temporal_config,
)
from semvid.core.config import AllocationConfig, ExportConfig, MapFormat

_DEFAULTS = ExportConfig()


def command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A picture or a video.")],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where to write. Of a picture: .png. Of a video: .svmap, .mkv, "
                     ".npz, .roi, .txt, .avi, or a folder of PNGs.", rich_help_panel=FILES_PANEL),
    ],
    kind: Annotated[
        str | None,
        typer.Option("--format", help="sidecar (semvid's own small file), png (a folder), video (lossless "
                     "grey), npz (numpy), or for other encoders kvazaar, svtav1, x264mod. Default: by the "
                     "output's name.", rich_help_panel=FILES_PANEL),
    ] = None,
    model: ModelOption = _DEFAULTS.maps.chosen_model,
    focus: FocusOption = None,
    threshold: ThresholdOption = FOCUS.threshold,
    maps: MapsOption = None,
    maps_hold: MapsHoldOption = False,
    boxes: BoxesOption = None,
    strength: StrengthOption = ALLOCATION.strength,
    background_weight: BackgroundWeightOption = ALLOCATION.background_weight,
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
    """Write maps of what matters to a file, which --maps of other commands reads.

    --strength and --background-weight only count for kvazaar and svtav1, whose files hold quantizer offsets.
    """
    config = ExportConfig(
        maps=maps_config(model, focus, device, threshold, threads, maps, boxes, hold=maps_hold),
        format=cast("MapFormat | None", kind),
        allocation=AllocationConfig(strength=strength, background_weight=background_weight),
        temporal=temporal_config(map_every, smoothing, movement, motion),
        overwrite=overwrite,
    )
    from semvid.cli.draw import ProgressDrawer, format_bytes, to_json
    from semvid.cli.streams import emit, say
    from semvid.products.maps import export_maps

    with ProgressDrawer(quiet_result=True, has_preview=not (no_preview or as_json)) as drawer:
        result = export_maps(source, output, config, preview_size=drawer.preview_size, on_event=drawer.draw)
    if as_json:
        emit(to_json(dataclasses.asdict(result)))
        return
    count = "1 map" if result.num_frames == 1 else f"{result.num_frames} maps"
    say(f"{result.output}: {count}, {format_bytes(result.output_bytes)}")
