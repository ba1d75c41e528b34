"""``semvid image``: turn options into a config and show the result."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from semvid.cli import options
from semvid.cli.flags import told
from semvid.core.config import JPEG_QUALITY, ImageConfig, Sampling, Tune
from semvid.core.errors import ConfigError
from semvid.core.rate import Quality, Size, Ssimulacra2, StillRate
from semvid.core.text import setting

_DEFAULTS = ImageConfig()


def command(
    source: Annotated[Path, typer.Argument(
        metavar="INPUT", help="The picture to compress: PNG, JPEG, WebP, TIFF, ..."
    )],
    output: Annotated[Path | None, options.file_option(
        "--output", "-o", help="Where to write. Default: NAME.semvid.jpg beside the input."
    )] = None,
    quality: Annotated[int | None, options.encoding_option(
        help=f"Quality of important areas, 1 to 100 as in plain JPEG. Default: {JPEG_QUALITY.value}."
    )] = None,
    target_bytes: Annotated[int | None, options.encoding_option(
        help="Maximum size of the output in bytes; semvid writes the best picture that fits."
    )] = None,
    target_ssimulacra2: Annotated[float | None, options.encoding_option(
        help="SSIMULACRA 2 to reach, 0 to 100: 90 = hardly any visible difference, 70 = good."
    )] = None,
    match: Annotated[str | None, options.encoding_option(
        metavar="size", help="size: make the output as large as a plain JPEG of this --quality."
    )] = None,
    sampling: Annotated[str | None, options.encoding_option(
        help="Chroma sampling: 4:2:0, 4:2:2, 4:4:4 or grey. Default: 4:4:4 where colours have sharp edges, "
        "else 4:2:0."
    )] = _DEFAULTS.sampling,
    tune: Annotated[str, options.encoding_option(
        help="What is good: perceptual (how it looks) or psnr (least squared error)."
    )] = _DEFAULTS.tune,
    price: Annotated[float | None, options.encoding_option(
        help="How much error to accept for each bit saved, 0 to 10; 0 = plain rounding. Seldom worth "
        "changing."
    )] = _DEFAULTS.price,
    model: options.Model = _DEFAULTS.maps.chosen_model,
    focus: options.Focus = None,
    threshold: options.Threshold = options.FOCUS.threshold,
    maps: options.Maps = None,
    boxes: options.Boxes = None,
    strength: options.Strength = _DEFAULTS.strength,
    background_weight: options.BackgroundWeight = _DEFAULTS.background_weight,
    device: options.Device = options.MAPS.device,
    threads: options.Threads = options.MAPS.threads,
    sequential: Annotated[bool, options.encoding_option(
        "--sequential", help="Write no progressive file: a little larger, for devices that show nothing else."
    )] = False,
    overwrite: options.Overwrite = False,
    as_json: options.ResultJson = False,
) -> None:  # fmt: skip
    """Compress a picture to a JPEG that keeps its detail where people look; every viewer shows it."""
    for option, value in (("--target-bytes", target_bytes), ("--target-ssimulacra2", target_ssimulacra2)):
        if match is not None and value is not None:
            raise ConfigError(f"{option} and --match exclude each other; give only one")
    rate = options.one_rate(
        ("--quality", Quality, quality),
        ("--target-bytes", _size, target_bytes),
        ("--target-ssimulacra2", Ssimulacra2, target_ssimulacra2),
    )
    config = ImageConfig(
        maps=options.maps_config(model, focus, device, threshold, threads, maps, boxes),
        rate=cast("StillRate | None", rate) or _DEFAULTS.rate,
        match=cast("Literal['size'] | None", match),
        sampling=cast("Sampling | None", sampling),
        tune=cast(Tune, tune),
        price=price,
        strength=strength,
        background_weight=background_weight,
        progressive=not sequential,
        overwrite=overwrite,
    )
    from semvid.cli.draw import format_bytes, to_json
    from semvid.cli.streams import emit, say
    from semvid.products.still import compress_image

    result = compress_image(source, output, config)
    if as_json:
        emit(to_json(dataclasses.asdict(result)))
        return
    for notice in result.notices:
        print(f"semvid: {told(notice)}", file=sys.stderr)
    change = 100 * (result.output_bytes / result.source_bytes - 1)
    say(
        f"{result.output}: {format_bytes(result.source_bytes)} -> {format_bytes(result.output_bytes)} "
        f"({change:+.0f}%), quality {result.quality:.3g}"
    )


def _size(num_bytes: int) -> Size:
    try:
        return Size(num_bytes)
    except ConfigError as error:
        # Sizes of videos have another option.
        told = str(error).replace(setting(Size.__name__, num_bytes), setting("target_bytes", num_bytes))
        raise ConfigError(told) from error
