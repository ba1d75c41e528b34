"""``semvid compress``: turn options into a config and show the events."""

import contextlib
from pathlib import Path
from typing import Annotated, cast, get_args

import typer

# Only light modules here: `semvid --help` must not load FFmpeg or numpy.
from semvid.cli import many, options, scores
from semvid.cli.codec_options import Codec, defaults_of, preset_help, takers_of_peak
from semvid.cli.key_values import parse_option
from semvid.cli.peak import parse_peak
from semvid.core.config import (
    AllocationConfig,
    CompressConfig,
    Deinterlace,
    DroppableKind,
    Match,
    Probe,
    Tune,
    Verify,
)
from semvid.core.errors import ConfigError
from semvid.core.rate import Bitrate, Crf, Quality, Rate, Size
from semvid.core.text import setting

_DEFAULTS = CompressConfig()


def command(
    sources: Annotated[list[str], typer.Argument(
        metavar="INPUT", help="The video to compress; or many files, folders, patterns and @lists, with -o "
        "FOLDER."
    )],
    output: Annotated[Path | None, options.file_option(
        "--output", "-o", help="Where to write: .mp4, .mkv, .mov, .webm or .avi. "
        "Default: NAME.semvid.EXT beside the input."
    )] = None,
    codec: Codec = _DEFAULTS.codec,
    crf: Annotated[float | None, options.encoding_option(
        help="Quality in the encoder's own unit, lower = better and larger. "
        f"Default: {defaults_of(Crf)}."
    )] = None,
    quality: Annotated[int | None, options.encoding_option(
        help="mjpeg: quality of important areas, 1 to 100 as in plain JPEG. "
        f"Default: {defaults_of(Quality)}."
    )] = None,
    bitrate: Annotated[str | None, options.encoding_option(
        metavar="RATE", help="Bit rate of the video in bits per second, as in 800k or 12M. x264 and x265 "
        "take two passes."
    )] = None,
    max_bitrate: Annotated[str | None, options.encoding_option(
        metavar="RATE", help=f"{takers_of_peak()}: maximum bit rate, for slow lines and simple players, with "
        "--crf or --bitrate."
    )] = None,
    buffer: Annotated[str | None, options.encoding_option(
        metavar="BITS", help="How many bits a player reads ahead, with --max-bitrate; smaller = steadier and "
        "worse. Default: those of two seconds."
    )] = None,
    target_size: Annotated[str | None, options.encoding_option(
        metavar="SIZE", help="Maximum size of the whole output in bytes, sound included, as in 25M."
    )] = None,
    target_vmaf: scores.TargetVmaf = None,
    target_xpsnr: scores.TargetXpsnr = None,
    region_vmaf: scores.RegionVmafOption = None,
    region_psnr: scores.RegionPsnrOption = None,
    as_good_as: scores.AsGoodAsFile = None,
    floor: scores.Floor = None,
    preset: Annotated[str | None, options.encoding_option(help=preset_help())] = None,
    encoder_option: Annotated[list[str] | None, options.encoding_option(
        metavar="KEY=VALUE", help="Extra FFmpeg option for the encoder, as in tune=film. Repeatable."
    )] = None,
    tune: Annotated[str | None, options.encoding_option(
        help="mjpeg: what is good: perceptual (how it looks, the default) or psnr (least squared error)."
    )] = None,
    deinterlace: Annotated[str, options.encoding_option(
        help="Interlaced frames: auto (keep with x264, else deinterlace), bwdif (deinterlace), or keep "
        "(never change their lines)."
    )] = _DEFAULTS.deinterlace,
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
    finest: Annotated[float, options.map_option(
        help="With --match size: lowest quantizer offset, for what matters most, in QP steps, -25 to 0."
    )] = options.ALLOCATION.finest,
    coarsest: Annotated[float, options.map_option(
        help="Highest quantizer offset, for the background, in QP steps, 0 to 25; beyond 8 it visibly falls "
        "apart."
    )] = options.ALLOCATION.coarsest,
    prefilter: Annotated[float | None, options.map_option(
        help="Soften what does not matter: sigma in pixels, 0 to 2. Default: 0.4 if the encoder takes no "
        "map, else 0."
    )] = options.ALLOCATION.prefilter,
    effort: options.Effort = "auto",
    map_every: options.MapEvery = None,
    smoothing: options.Smoothing = None,
    look_ahead: options.LookAhead = None,
    movement: options.Movement = None,
    motion: options.Motion = options.TEMPORAL.motion,
    device: options.Device = options.MAPS.device,
    threads: options.Threads = options.THREADS,
    save_maps: Annotated[Path | None, options.file_option(
        metavar="FILE", help="Save the maps of this run to a .svmap file, which --maps reads."
    )] = None,
    drop: Annotated[list[str] | None, options.file_option(
        metavar="KIND", help="Leave out streams: audio, subtitle, attachment, data or video (other video "
        "tracks). Repeatable."
    )] = None,
    audio: Annotated[str, options.file_option(
        metavar="CODEC", help="Sound: auto (copy, or convert what does not fit), copy, or aac, opus, mp3, "
        "ac3, eac3, flac, alac, pcm, as in opus:128k."
    )] = _DEFAULTS.audio,
    strict: Annotated[bool, options.file_option(
        "--strict", help="Stop before any work if the container cannot hold a stream as it is."
    )] = False,
    verify: Annotated[str, options.file_option(
        metavar="HOW", help="Before the output gets its name: quick (all packets are read back), or full "
        "(every frame is decoded too)."
    )] = _DEFAULTS.verify,
    report: Annotated[Path | None, options.file_option(
        metavar="FILE", help="Comparison with a plain encode, by more encodes: .html, or .json for 'semvid "
        "report'. Of many files: a page of all."
    )] = None,
    probe: Annotated[str | None, typer.Option(
        metavar="WAY", help="How to measure what is saved: quick (default), full (encodes again without a "
        "map; default with --match size) or none (a guess)."
    )] = None,
    profile: options.Profile = None,
    jobs: many.Jobs = None,
    engine: many.Engine = None,
    address: many.Address = None,
    retry: many.Retry = None,
    resume: many.Resume = False,
    no_resume: many.NoResume = False,
    part_seconds: many.PartSeconds = None,
    watch: many.Watch = False,
    min_saving: many.MinSaving = None,
    skip_if_larger: many.SkipIfLarger = False,
    replace: many.Replace = False,
    trash: many.Trash = None,
    dry_run: Annotated[bool, typer.Option(
        "--dry-run", help="Only try parts of the video, print what the encode would come to, and stop."
    )] = False,
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
    overwrite: options.Overwrite = False,
    allow_protocols: options.AllowProtocols = None,
    no_preview: options.NoPreview = False,
    as_json: Annotated[bool, typer.Option(
        "--json", help="Print events as JSON lines on stdout; progress stays on stderr."
    )] = False,
) -> None:  # fmt: skip
    """Compress a video and keep its detail where people look.

    At the same --crf the file is smaller than a plain encode, and as good
    where it matters; with --match size it is as large, and better there.
    """
    rate = options.one_rate(
        ("--crf", Crf, crf),
        ("--quality", Quality, quality),
        ("--bitrate", lambda text: Bitrate(options.parse_amount("--bitrate", text)), bitrate),
        ("--target-size", lambda text: Size(options.parse_amount("--target-size", text)), target_size),
        *scores.score_rates(target_vmaf, target_xpsnr, region_vmaf, region_psnr, as_good_as, floor),
    )
    config = CompressConfig(
        maps=options.maps_config(model, focus, device, threshold, maps, boxes, track, hold=maps_hold),
        threads=threads,
        codec=codec,
        rate=cast("Rate | None", rate),
        peak=parse_peak(max_bitrate, buffer),
        preset=preset,
        tune=_tune(tune),
        deinterlace=cast(Deinterlace, deinterlace),
        encoder_options=dict(map(parse_option, encoder_option or [])),
        temporal=options.temporal_config(map_every, smoothing, movement, motion, look_ahead, effort),
        allocation=AllocationConfig(
            match=cast("Match | None", match),
            strength=strength,
            background_weight=background_weight,
            finest=finest,
            coarsest=coarsest,
            prefilter=prefilter,
        ),
        save_maps=save_maps,
        drop=cast("frozenset[DroppableKind]", frozenset(drop or [])),
        audio=audio,
        strict=strict,
        overwrite=overwrite,
        verify=cast(Verify, verify),
        probe=cast("Probe | None", probe),
        edit=options.edit_config(
            start, end, duration, crop, rotate, denoise, filters, new_size, fps, enlarge=enlarge
        ),
    )
    from semvid.core.threads import limited_threads

    if options.take_config(config):
        return
    wishes = many.Wishes(
        jobs=jobs, engine=engine, address=address, retry=retry, resume=resume,
        no_resume=no_resume, part_seconds=part_seconds, min_saving=min_saving, skip_if_larger=skip_if_larger,
        replace=replace, trash=trash, watch=watch, dry_run=dry_run, report=report,
    )  # fmt: skip
    if many.are_many(sources, always=replace or watch):
        many.run_batch(sources, output, config, wishes, as_json=as_json)
        return
    wishes.check_one()
    source = Path(sources[0])
    from semvid.importance.registry import begin_opening, sharing_cores

    # A thread opens the network while the rest is loaded.
    if config.allocation.strength > 0:
        with limited_threads(threads):
            begin_opening(sharing_cores(config.maps))
    from semvid.cli.draw import JsonPrinter, ProgressDrawer
    from semvid.cli.report import add_report, check_report
    from semvid.core.events import Done, Event
    from semvid.engine.job import Job
    from semvid.media.writing.claim import Claim
    from semvid.products.compress import job_events

    job = Job(source, None, output, config)
    if dry_run and report is not None:
        raise ConfigError("--dry-run writes nothing, and --report is a file; leave one out")
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

        if dry_run:
            from semvid.products.wished import estimate_events

            with contextlib.closing(estimate_events(job)) as tried:
                for event in tried:
                    show(event)
            drawer.tell_estimate()
            return
        result = None
        events = job_events(job, preview_size=drawer.preview_size)
        for event in stack.enter_context(contextlib.closing(events)):
            show(event)
            if isinstance(event, Done):
                result = event.result
        assert result is not None  # noqa: S101 - the events end with Done or raise
        if claim is not None:
            show(add_report(claim, result, config, show))


def _tune(text: str | None) -> Tune | None:
    """Check ``--tune``, which other encoders know as an option of their own."""
    if text is not None and text not in get_args(Tune):
        raise ConfigError(
            f"{setting('tune', text)} is unknown; choose perceptual or psnr for mjpeg"
            f"; {setting('encoder_options', f'tune={text}')} passes it to another encoder"
        )
    return cast("Tune | None", text)
