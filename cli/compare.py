"""``semvid compare``: score one version of a video against another."""

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
from semvid.core.config import METRICS, CompareConfig

if TYPE_CHECKING:
    from semvid.core.results import Comparison

_DEFAULTS = CompareConfig()
_UNITS = {"psnr": "dB", "xpsnr": "dB", "weighted": "dB", "salient": "dB", "background": "dB"}


def command(
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The original video.")],
    test: Annotated[Path, typer.Argument(metavar="TEST", help="The video to score.")],
    metrics: Annotated[str, typer.Option(
        metavar="NAME,...", help="Which scores: psnr, ssim, xpsnr and vmaf of whole frames; weighted: PSNR "
        "weighted by the map, of what matters, and of the rest."
    )] = ",".join(METRICS),
    scale: Annotated[bool, typer.Option("--scale", help="Scale TEST to the size of REFERENCE.")] = False,
    maps: options.Maps = None,
    maps_hold: options.MapsHold = False,
    model: options.Model = _DEFAULTS.maps.chosen_model,
    focus: options.Focus = None,
    device: options.Device = options.MAPS.device,
    as_csv: Annotated[Path | None, typer.Option(
        "--csv", help="Write the scores of every frame to this file."
    )] = None,
    overwrite: options.Overwrite = False,
    allow_protocols: options.AllowProtocols = None,
    as_json: Annotated[bool, typer.Option(
        "--json", help="Print all scores as one JSON object on stdout."
    )] = False,
) -> None:  # fmt: skip
    """Measure how close a video is to its original: whole frames, what matters, and the rest."""
    config = CompareConfig(
        maps=options.maps_config(model, focus, device, maps=maps, hold=maps_hold),
        metrics=tuple(one.strip() for one in metrics.split(",") if one.strip()),
        scale=scale,
    )
    from semvid.cli.draw import to_json
    from semvid.cli.streams import emit
    from semvid.media.writing.claim import Claim
    from semvid.media.writing.output import check_place
    from semvid.products.compare.compare import compare

    if as_csv is not None:
        check_place(as_csv, reference, overwrite=overwrite, option="csv")
        check_place(as_csv, test, overwrite=overwrite, option="csv")
    with contextlib.ExitStack() as stack:
        claim = None if as_csv is None else stack.enter_context(Claim(as_csv, overwrite=overwrite))
        result = compare(reference, test, config)
        for notice in result.notices:
            print(f"note: {told(notice)}", file=sys.stderr)
        if as_json:
            emit(to_json(dataclasses.asdict(result)))
        else:
            _show(result)
        # Last: once this file exists, everything is done.
        if claim is not None:
            claim.write(_table(result).encode())


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
