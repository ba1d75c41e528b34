"""``semvid bench``: measure what maps buy on a folder of clips."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from semvid.cli import options
from semvid.cli.codec_options import Codec, preset_help
from semvid.cli.flags import told
from semvid.cli.key_values import parse_numbers, parse_option
from semvid.core.config import METRICS, AllocationConfig, CompressConfig, Match
from semvid.core.text import counted

if TYPE_CHECKING:
    from semvid.products.bench.data import Bench

_DEFAULTS = CompressConfig()


def command(
    source: Annotated[Path, typer.Argument(
        metavar="FOLDER", help="Holds the clips: videos, and folders of numbered .jpg or .png pictures."
    )],
    masks: Annotated[Path | None, typer.Option(
        metavar="FOLDER", help="What really matters, named like the clips: folders of PNGs or grey videos, "
        "white = matters. Default: the maps judge, which favours semvid."
    )] = None,
    output: Annotated[Path, options.file_option(
        "--output", "-o", help="A page (.html), a table (.csv) or data (.json). A .json beside it keeps all "
        "encodes: run it again to go on."
    )] = Path("bench.html"),
    codec: Codec = _DEFAULTS.codec,
    crf: Annotated[str | None, options.encoding_option(
        metavar="N,N,...", help="CRFs of the curves. Default: 23,28,33,38 (x264, x265) or 24,34,44,54 (vp8, "
        "vp9)."
    )] = None,
    preset: Annotated[str | None, options.encoding_option(help=preset_help())] = None,
    encoder_option: Annotated[list[str] | None, options.encoding_option(
        metavar="KEY=VALUE", help="Extra FFmpeg option for the encoder, as in tune=film. Repeatable."
    )] = None,
    fps: Annotated[float, options.encoding_option(
        "--fps", help="Frame rate of folders of pictures."
    )] = 24.0,
    metrics: Annotated[str, typer.Option(
        metavar="NAME,...", help="Which scores: psnr, ssim, xpsnr and vmaf of whole frames; weighted: PSNR "
        "of what matters, and of the rest."
    )] = ",".join(METRICS),
    model: options.Model = _DEFAULTS.maps.chosen_model,
    focus: options.Focus = None,
    threshold: options.Threshold = options.FOCUS.threshold,
    match: options.Match = None,
    background_weight: options.BackgroundWeight = options.ALLOCATION.background_weight,
    device: options.Device = options.MAPS.device,
    threads: options.Threads = options.THREADS,
    overwrite: options.Overwrite = False,
    allow_protocols: options.AllowProtocols = None,
    as_json: options.ResultJson = False,
) -> None:  # fmt: skip
    """Measure what semvid saves on your own clips, against the same encoder without maps.

    Every clip is encoded with maps and without, at several CRFs. The table says
    how many more or fewer bytes semvid needs for equal quality, where it matters
    and of whole frames (BD-rate). No file of yours is changed.
    """
    config = CompressConfig(
        codec=codec,
        preset=preset,
        maps=options.maps_config(model, focus, device, threshold),
        threads=threads,
        encoder_options=dict(map(parse_option, encoder_option or [])),
        allocation=AllocationConfig(match=cast("Match | None", match), background_weight=background_weight),
        overwrite=overwrite,
    )
    qualities = None if crf is None else parse_numbers("--crf", crf)
    from fractions import Fraction

    from semvid.cli.draw import ProgressDrawer, to_json
    from semvid.cli.streams import emit, say
    from semvid.products.bench.run import bench
    from semvid.products.bench.summary import clip_rates, remarks

    with ProgressDrawer(quiet_result=True) as drawer:
        found = bench(
            source,
            output,
            config,
            masks=masks,
            qualities=qualities,
            metrics=tuple(one.strip() for one in metrics.split(",") if one.strip()),
            frame_rate=Fraction(fps).limit_denominator(1001),
            on_event=drawer.draw,
        )
    comparisons = [clip_rates(one) for one in found.clips]
    for remark in remarks(found, comparisons):
        print(f"note: {told(remark)}", file=sys.stderr)
    if as_json:
        rates = {clip.name: one.rates for clip, one in zip(found.clips, comparisons, strict=True)}
        plain_rates = {
            name: {measure: dataclasses.asdict(one) for measure, one in each.items()}
            for name, each in rates.items()
        }
        emit(to_json({**dataclasses.asdict(found), "output": output, "rates": plain_rates}))
        return
    _show(found)
    num_clips = len(found.clips) + len(found.failed)
    say(f"{output}: benchmark of {len(found.clips)} of {counted(num_clips, 'clip')}")


def _show(found: Bench) -> None:
    from rich.table import Table

    from semvid.cli.rates import percent
    from semvid.cli.streams import emit_drawn
    from semvid.core.text import visible
    from semvid.products.bench.summary import MEASURES, clip_rates, mean_of, measures_of, time_ratio

    comparisons = [clip_rates(one) for one in found.clips]
    names = measures_of(comparisons)
    table = Table("bytes at equal", *(MEASURES[name] for name in names), "time", box=None)
    for clip, one in zip(found.clips, comparisons, strict=True):
        cells = (percent(one.rates[name].change) if name in one.rates else "-" for name in names)
        table.add_row(visible(clip.name), *cells, f"x{time_ratio(clip):.2f}")
    if len(found.clips) > 1:
        means = [mean_of(comparisons, name) for name in names]
        table.add_row("mean", *(percent(one.change) for one in means), style="bold")
        table.add_row("worst", *(percent(one.worst) for one in means))
    emit_drawn(table)
