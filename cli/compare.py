"""``semvid compare``: score versions of a video against it."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from semvid.cli import options
from semvid.cli.flags import told
from semvid.cli.words import ManyWords
from semvid.core.config import METRICS, CompareConfig
from semvid.core.errors import ConfigError

if TYPE_CHECKING:
    from semvid.core.results import Comparison

KIND = ManyWords
_DEFAULTS = CompareConfig()
_UNITS = {"psnr": "dB", "xpsnr": "dB", "weighted": "dB", "salient": "dB", "background": "dB"}


def command(
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The original video.")],
    tests: Annotated[list[Path], typer.Argument(
        metavar="TEST", help="The video to score; with --bd several."
    )],
    metrics: Annotated[str, typer.Option(
        metavar="NAME,...", help="Which scores: psnr, ssim, xpsnr and vmaf of whole frames; weighted: PSNR "
        "weighted by the map, of what matters, and of the rest."
    )] = ",".join(METRICS),
    scale: Annotated[bool, typer.Option("--scale", help="Scale TEST to the size of REFERENCE.")] = False,
    bd: Annotated[bool, typer.Option(
        "--bd", help="How many more bytes TESTs need than --against for equal quality (BD-rate); of "
        ".json from 'semvid compress --report', semvid than plain."
    )] = False,
    against: Annotated[list[Path] | None, typer.Option(
        metavar="ENCODE...", help="With --bd: other encodes of REFERENCE, to compare the TESTs with."
    )] = None,
    maps: options.Maps = None,
    maps_hold: options.MapsHold = False,
    model: options.Model = _DEFAULTS.maps.chosen_model,
    focus: options.Focus = None,
    device: options.Device = options.MAPS.device,
    threads: options.Threads = options.THREADS,
    as_csv: Annotated[Path | None, typer.Option(
        "--csv", help="Write the scores of every frame to this file."
    )] = None,
    overwrite: options.Overwrite = False,
    allow_protocols: options.AllowProtocols = None,
    as_json: Annotated[bool, typer.Option(
        "--json", help="Print all scores as one JSON object on stdout."
    )] = False,
) -> None:  # fmt: skip
    """Measure how close a video is to its original: whole frames, what matters, and the rest.

    With --bd, compare two ways to encode it at equal quality:

    semvid compare film.mp4 --bd new/*.mp4 --against old/*.mp4
    """
    config = CompareConfig(
        maps=options.maps_config(model, focus, device, maps=maps, hold=maps_hold),
        metrics=tuple(one.strip() for one in metrics.split(",") if one.strip()),
        scale=scale,
        threads=threads,
    )
    if bd or against:
        if not bd:
            raise ConfigError("--against only counts with --bd; add --bd or leave it out")
        if as_csv is not None:
            raise ConfigError(
                "--csv holds the scores of one encode, and --bd compares several; leave one out"
            )
        _compare_rates(reference, tests, against or [], config, as_json=as_json)
        return
    if len(tests) > 1:
        raise ConfigError(f"{len(tests)} videos are more than one TEST; give one, or --bd to compare curves")
    from semvid.cli.draw import to_json
    from semvid.cli.streams import emit
    from semvid.media.writing.claim import Claim
    from semvid.media.writing.output import check_place
    from semvid.products.compare.compare import compare

    test = tests[0]
    if as_csv is not None:
        check_place(as_csv, reference, overwrite=overwrite, option="csv")
        check_place(as_csv, test, overwrite=overwrite, option="csv")
    with contextlib.ExitStack() as stack:
        claim = None if as_csv is None else stack.enter_context(Claim(as_csv, overwrite=overwrite))
        result = compare(reference, test, config)
        _tell(result.notices)
        if as_json:
            emit(to_json(dataclasses.asdict(result)))
        else:
            _show(result)
        # Last: once this file exists, everything is done.
        if claim is not None:
            claim.write(_table(result).encode())


def _compare_rates(
    reference: Path, tests: list[Path], against: list[Path], config: CompareConfig, *, as_json: bool
) -> None:
    from semvid.cli.draw import ProgressDrawer, to_json
    from semvid.cli.rates import rate_table
    from semvid.cli.streams import emit, emit_drawn
    from semvid.products.compare.rates import compare_rates
    from semvid.products.report.rates import compare_reports
    from semvid.products.report.store import load_report

    are_reports = [one.suffix.lower() == ".json" for one in (reference, *tests, *against)]
    if all(are_reports) and not against:
        result = compare_reports([load_report(one) for one in (reference, *tests)])
    elif any(are_reports):
        raise ConfigError("a .json has both encodes of a run; give only such files, and no --against")
    elif not against:
        raise ConfigError(
            "--bd compares two sets of encodes, and there is one; name the other with --against"
        )
    else:
        with ProgressDrawer(quiet_result=True) as drawer:
            result = compare_rates(reference, tests, against, config, on_event=drawer.draw)
    _tell(result.notices)
    if as_json:
        emit(to_json(dataclasses.asdict(result)))
    else:
        emit_drawn(rate_table(result.rates))


def _tell(notices: tuple[str, ...]) -> None:
    for notice in notices:
        print(f"note: {told(notice)}", file=sys.stderr)


def _show(result: Comparison) -> None:
    from rich.table import Table

    from semvid.cli.streams import emit_drawn

    table = Table("measure", "mean", "harmonic mean", "5 %", "1 %", "worst", box=None)
    for name, one in result.pooled.items():
        label = f"{name} ({_UNITS[name]})" if name in _UNITS else name
        table.add_row(label, *(f"{value:.4f}" if name == "ssim" else f"{value:.2f}"
                               for value in dataclasses.astuple(one)))  # fmt: skip
    emit_drawn(table)


def _table(result: Comparison) -> str:
    """Return the scores of every frame as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["frame", "seconds", *result.scores])
    for index, (seconds, *values) in enumerate(zip(result.times, *result.scores.values(), strict=True)):
        shown = ["" if math.isnan(one) else f"{one:.6g}" for one in values]
        writer.writerow([index, f"{seconds:.6f}", *shown])
    return text.getvalue()
