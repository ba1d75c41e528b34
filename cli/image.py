"""``semvid image``: turn options into a config and show the result."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Literal, cast

import typer

from semvid.cli import options
from semvid.cli.flags import told
from semvid.core.config import JPEG_QUALITY, ImageConfig, Sampling, Strip, Tune
from semvid.core.errors import ConfigError, SemvidError
from semvid.core.rate import Quality, Size, Ssimulacra2, StillRate
from semvid.core.results import ImageResult
from semvid.core.text import setting

_DEFAULTS = ImageConfig()


def command(
    sources: Annotated[list[Path], typer.Argument(
        metavar="SOURCE", help="Pictures to compress (PNG, JPEG, WebP, TIFF, ...), and folders of them."
    )],
    output: Annotated[Path | None, options.file_option(
        "--output", "-o", metavar="FILE|FOLDER", help="A file, or a folder for several pictures. Default: "
        "NAME.semvid.jpg or NAME.semvid beside each source."
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
    threads: options.Threads = options.THREADS,
    sequential: Annotated[bool, options.encoding_option(
        "--sequential", help="Write no progressive file: a little larger, for devices that show nothing else."
    )] = False,
    report: Annotated[Path | None, options.file_option(
        metavar="PAGE.html", help="Also write a page that compares the result with other coders in as many "
        "bytes. Of one picture."
    )] = None,
    max_edge: Annotated[int | None, options.encoding_option(
        metavar="PIXELS", help="Shrink pictures whose longer side has more pixels than this."
    )] = None,
    strip: Annotated[str | None, options.file_option(
        metavar="WHAT", help="Metadata to leave out. gps: the position. all: what does not change how the "
        "picture looks."
    )] = None,
    allow_larger: Annotated[bool, options.file_option(
        "--allow-larger", help="Write the output even if it is no smaller than the source. Else it is a "
        "copy, or refused."
    )] = False,
    jobs: Annotated[int | None, typer.Option(
        metavar="N", help="Of several pictures, how many to compress at a time. Default: one per core."
    )] = None,
    profile: options.Profile = None,
    overwrite: options.Overwrite = False,
    as_json: Annotated[bool, typer.Option(
        "--json", help="Print the result as JSON on stdout; of several pictures, an object a line for each."
    )] = False,
) -> None:  # fmt: skip
    """Compress pictures to JPEGs that keep their detail where people look; every viewer shows them."""
    for option, value in (("--target-bytes", target_bytes), ("--target-ssimulacra2", target_ssimulacra2)):
        if match is not None and value is not None:
            raise ConfigError(f"{option} and --match exclude each other; give only one")
    rate = options.one_rate(
        ("--quality", Quality, quality),
        ("--target-bytes", _size, target_bytes),
        ("--target-ssimulacra2", Ssimulacra2, target_ssimulacra2),
    )
    config = ImageConfig(
        maps=options.maps_config(model, focus, device, threshold, maps, boxes),
        threads=threads,
        rate=cast("StillRate | None", rate) or _DEFAULTS.rate,
        match=cast("Literal['size'] | None", match),
        sampling=cast("Sampling | None", sampling),
        tune=cast(Tune, tune),
        price=price,
        strength=strength,
        background_weight=background_weight,
        progressive=not sequential,
        max_edge=max_edge,
        strip=cast("Strip | None", strip),
        allow_larger=allow_larger,
        overwrite=overwrite,
    )
    if options.take_config(config):
        return
    if len(sources) > 1 or sources[0].is_dir() or (output is not None and output.is_dir()):
        if report is not None:
            raise ConfigError("--report is of one picture; leave it out for several")
        _compress_many(sources, output, config, jobs, as_json=as_json)
    else:
        if jobs is not None:
            raise ConfigError("--jobs is for several pictures; leave it out for one")
        _compress_one(sources[0], output, config, report, as_json=as_json)


def _compress_one(
    source: Path, output: Path | None, config: ImageConfig, report: Path | None, *, as_json: bool
) -> None:
    from semvid.core.threads import limited_threads
    from semvid.importance.registry import begin_opening

    # A thread opens the network while the rest is loaded.
    with limited_threads(config.threads):
        begin_opening(config.maps)
    from semvid.products.still import compress_image

    if report is None:
        _show(compress_image(source, output, config), as_json=as_json)
        return
    from semvid.cli.draw import format_bytes
    from semvid.cli.draw_images import show_stages
    from semvid.cli.report import outliving_report
    from semvid.cli.streams import say
    from semvid.media.writing.claim import Claim
    from semvid.products.still_report.make import check_image_report_place, write_image_report

    check_image_report_place(report, source, overwrite=config.overwrite, option="report")
    with Claim(report, overwrite=config.overwrite) as claim:
        result = compress_image(source, output, config)
        _show(result, as_json=as_json)
        with outliving_report(result.output), show_stages() as show:
            size = write_image_report(
                report, result, config, overwrite=config.overwrite, claim=claim, on_event=show
            )
    if not as_json:
        say(f"{report}: report, {format_bytes(size)}")


def _show(result: ImageResult, *, as_json: bool) -> None:
    from semvid.cli.draw import change, format_bytes, to_json
    from semvid.cli.streams import emit, say

    if as_json:
        emit(to_json(dataclasses.asdict(result)))
        return
    for notice in result.notices:
        print(f"semvid: {told(notice)}", file=sys.stderr)
    sizes = f"{format_bytes(result.source_bytes)} -> {format_bytes(result.output_bytes)}"
    how = "copied" if result.quality is None else f"quality {result.quality:.3g}"
    say(f"{result.output}: {sizes} ({change(result.output_bytes / result.source_bytes - 1)}), {how}")


def _compress_many(
    sources: list[Path], output: Path | None, config: ImageConfig, jobs: int | None, *, as_json: bool
) -> None:
    from semvid.cli.draw_images import ImagesDrawer, ImagesJsonPrinter
    from semvid.products.stills import compress_images

    show = ImagesJsonPrinter() if as_json else ImagesDrawer(output)
    with show:
        result = compress_images(sources, output, config, jobs=jobs, on_event=show.draw)
    if result.failed:
        raise typer.Exit(SemvidError.exit_code)


def _size(num_bytes: int) -> Size:
    try:
        return Size(num_bytes)
    except ConfigError as error:
        # Sizes of videos have another option.
        told = str(error).replace(setting(Size.__name__, num_bytes), setting("target_bytes", num_bytes))
        raise ConfigError(told) from error
