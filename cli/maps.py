"""``semvid maps``: write importance maps to a file."""

import dataclasses
from pathlib import Path
from typing import Annotated, cast

import typer

from semvid.cli import options
from semvid.core.config import AllocationConfig, ExportConfig, MapFormat, Match
from semvid.core.text import counted

_DEFAULTS = ExportConfig()


def command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A picture or a video.")],
    output: Annotated[Path, options.file_option(
        "--output", "-o", help="Of a picture: .png. Of a video: .svmap, .mkv, .npz, .roi, .txt, .avi, or a "
        "folder of PNGs."
    )],
    kind: Annotated[str | None, options.file_option(
        "--format", help="sidecar, png, video or npz, or for other encoders kvazaar, svtav1 or x264mod. "
        "Default: by the name."
    )] = None,
    model: options.Model = _DEFAULTS.maps.chosen_model,
    focus: options.Focus = None,
    threshold: options.Threshold = options.FOCUS.threshold,
    maps: options.Maps = None,
    maps_hold: options.MapsHold = False,
    boxes: options.Boxes = None,
    track: options.Track = None,
    match: options.Match = None,
    strength: options.Strength = options.ALLOCATION.strength,
    background_weight: options.BackgroundWeight = options.ALLOCATION.background_weight,
    effort: options.Effort = "auto",
    map_every: options.MapEvery = None,
    smoothing: options.Smoothing = None,
    look_ahead: options.LookAhead = None,
    movement: options.Movement = None,
    motion: options.Motion = options.TEMPORAL.motion,
    device: options.Device = options.MAPS.device,
    threads: options.Threads = options.THREADS,
    start: options.Start = None,
    end: options.End = None,
    duration: options.Duration = None,
    crop: options.Crop = None,
    rotate: options.Rotate = None,
    denoise: options.Denoise = None,
    new_size: options.NewSize = None,
    enlarge: options.Enlarge = False,
    filters: options.Filters = None,
    fps: options.Fps = None,
    profile: options.Profile = None,
    overwrite: options.Overwrite = False,
    allow_protocols: options.AllowProtocols = None,
    no_preview: options.NoPreview = False,
    as_json: options.ResultJson = False,
) -> None:  # fmt: skip
    """Write maps of what matters to a file, which --maps of other commands reads.

    --match, --strength and --background-weight only count for kvazaar and svtav1, whose files hold quantizer
    offsets.
    """
    config = ExportConfig(
        maps=options.maps_config(model, focus, device, threshold, maps, boxes, track, hold=maps_hold),
        threads=threads,
        format=cast("MapFormat | None", kind),
        allocation=AllocationConfig(
            match=cast("Match | None", match), strength=strength, background_weight=background_weight
        ),
        temporal=options.temporal_config(map_every, smoothing, movement, motion, look_ahead, effort),
        overwrite=overwrite,
        edit=options.edit_config(
            start, end, duration, crop, rotate, denoise, filters, new_size, fps, enlarge=enlarge
        ),
    )
    from semvid.core.threads import limited_threads
    from semvid.importance.registry import begin_opening

    # A thread opens the network while the rest is loaded.
    with limited_threads(threads):
        begin_opening(config.maps)
    from semvid.cli.draw import ProgressDrawer, format_bytes, to_json
    from semvid.cli.streams import emit, say
    from semvid.products.maps import export_maps

    with ProgressDrawer(quiet_result=True, has_preview=not (no_preview or as_json)) as drawer:
        result = export_maps(source, output, config, preview_size=drawer.preview_size, on_event=drawer.draw)
    if as_json:
        emit(to_json(dataclasses.asdict(result)))
        return
    say(f"{result.output}: {counted(result.num_frames, 'map')}, {format_bytes(result.output_bytes)}")
