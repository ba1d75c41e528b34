"""``semvid overlay``: draw importance maps over the picture."""

import dataclasses
from functools import partial
from pathlib import Path
from typing import Annotated, cast

import typer

from semvid.cli import options
from semvid.core.config import AllocationConfig, Match, OverlayConfig, OverlayStyle
from semvid.core.text import counted

_DEFAULTS = OverlayConfig()
_drawing_option = partial(typer.Option, rich_help_panel="Drawing")


def command(
    source: Annotated[Path, typer.Argument(metavar="INPUT", help="A picture or a video.")],
    output: Annotated[Path, options.file_option(
        "--output", "-o", help="Of a picture: .png, .jpg or .webp. Of a video: .mp4, .mkv, .mov, .gif, "
        ".webp, or a folder of PNGs."
    )],
    style: Annotated[str, _drawing_option(
        help="Draw heat (colours), contour (an outline), blocks (x264's offsets, by --match), "
        "dim (the rest dark) or split (side by side)."
    )] = _DEFAULTS.style,
    opacity: Annotated[float, _drawing_option(help="Opacity of the drawing, 0 to 1.")] = _DEFAULTS.opacity,
    legend: Annotated[bool, _drawing_option("--legend", help="Draw a legend of the colours.")] = False,
    numbers: Annotated[bool, _drawing_option(
        "--numbers", help="With --style blocks: write the offset into each block."
    )] = False,
    result: Annotated[Path | None, _drawing_option(
        help="With --style split: the compressed video to show on the right."
    )] = None,
    every: Annotated[int, _drawing_option(help="Draw only every Nth frame, 1 to 1000.")] = _DEFAULTS.every,
    height: Annotated[int | None, _drawing_option(
        "--size", "--height", help="Height of the drawn picture in lines. Default: the source's."
    )] = None,
    model: options.Model = _DEFAULTS.maps.chosen_model,
    focus: options.Focus = None,
    threshold: options.Threshold = options.FOCUS.threshold,
    maps: options.Maps = None,
    maps_hold: options.MapsHold = False,
    boxes: options.Boxes = None,
    track: options.Track = None,
    match: options.Match = None,
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
    filters: options.Filters = None,
    profile: options.Profile = None,
    overwrite: options.Overwrite = False,
    allow_protocols: options.AllowProtocols = None,
    no_preview: options.NoPreview = False,
    as_json: options.ResultJson = False,
) -> None:  # fmt: skip
    """Draw what matters over a picture or a video, to see what semvid sees."""
    config = OverlayConfig(
        maps=options.maps_config(model, focus, device, threshold, maps, boxes, track, hold=maps_hold),
        threads=threads,
        style=cast(OverlayStyle, style),
        opacity=opacity,
        legend=legend,
        numbers=numbers,
        result=result,
        every=every,
        height=height,
        allocation=AllocationConfig(match=cast("Match | None", match)),
        temporal=options.temporal_config(map_every, smoothing, movement, motion, look_ahead, effort),
        overwrite=overwrite,
        edit=options.edit_config(start, end, duration, crop, rotate, denoise, filters),
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
    drawn = counted(written.num_frames, "picture", "frames")
    say(f"{written.output}: {drawn}, {format_bytes(written.output_bytes)}")
