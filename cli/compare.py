"""``semvid compare``: scores of one version of a video against another."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import sys
from pathlib import Path
from typing import Annotated, cast

import typer

from semvid.cli.options import (
    AllowProtocolsOption,
    DeviceOption,
    FocusOption,
    MapsHoldOption,
    MapsOption,
    ModelOption,
    OverwriteOption,
    parse_focus,
)
from semvid.config import METRICS, CompareConfig, Device, FocusConfig

_DEFAULTS = CompareConfig()
_UNITS = {"psnr": "dB", "xpsnr": "dB", "weighted": "dB", "salient": "dB", "background": "dB"}


def command(
    reference: Annotated[Path, typer.Argument(metavar="REFERENCE", help="The video it should look like.")],
    test: Annotated[Path, typer.Argument(metavar="TEST", help="The video to score.")],
    metrics: Annotated[
        str, typer.Option(metavar="NAME,...", help="Which scores: psnr, ssim, xpsnr, vmaf, weighted.")
    ] = ",".join(METRICS),
    scale: Annotated[
        bool, typer.Option("--scale", help="Scale TEST to the size of REFERENCE.")
    ] = False,
    maps: MapsOption = None,
    maps_hold: MapsHoldOption = False,
    model: ModelOption = _DEFAULTS.model,
    focus: FocusOption = None,
    device: DeviceOption = _DEFAULTS.device,
    as_csv: Annotated[
        Path | None, typer.Option("--csv", help="Write the scores of every frame to a new file.")
    ] = None,
    overwrite: OverwriteOption = False,
    allow_protocols: AllowProtocolsOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all scores as one JSON object on "
                                                         "stdout.")] = False,
) -> None:  # fmt: skip
    """Score a video against the one it was made from: all of it, what matters, and the rest."""
    config = CompareConfig(
        metrics=tuple(one.strip() for one in metrics.split(",") if one.strip()),
        scale=scale,
        maps=maps,
        maps_hold=maps_hold,
        model=model,
        focus=FocusConfig(weights=parse_focus(focus)),
        device=cast(Device, device),
    )
    from rich.console import Console
    from rich.table import Table

    from semvid.io.output import check_place, write_whole
    from semvid.metrics.compare import compare

    if as_csv is not None:
        check_place(as_csv, reference, overwrite=overwrite, option="--csv")
        check_place(as_csv, test, overwrite=overwrite, option="--csv")
    result = compare(reference, test, config)
    if as_csv is not None:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["frame", "seconds", *result.scores])
        for index, (seconds, *values) in enumerate(zip(result.times, *result.scores.values(), strict=True)):
            shown = ["" if math.isnan(one) else f"{one:.6g}" for one in values]
            writer.writerow([index, f"{seconds:.6f}", *shown])
        write_whole(as_csv, text.getvalue().encode())
    for notice in result.notices:
        print(f"note: {notice}", file=sys.stderr)
    if as_json:
        record = dataclasses.asdict(result)
        print(json.dumps(_without_nan(record), default=str))
        return
    table = Table("measure", "mean", "harmonic mean", "5 %", "1 %", "worst", box=None)
    for name, one in result.pooled.items():
        label = f"{name} ({_UNITS[name]})" if name in _UNITS else name
        table.add_row(label, *(f"{value:.4f}" if name == "ssim" else f"{value:.2f}"
                               for value in dataclasses.astuple(one)))  # fmt: skip
    Console().print(table)


def _without_nan(value: object) -> object:
    """JSON knows no NaN."""
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
