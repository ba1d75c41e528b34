"""Options that several commands take: how they are declared, and how their text is read."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import typer

from semvid.core.config import (
    CLASSES,
    AllocationConfig,
    Device,
    FocusConfig,
    MapsConfig,
    Motion,
    TemporalConfig,
)
from semvid.core.errors import ConfigError
from semvid.core.rate import Rate

MAPS_PANEL, TIME_PANEL, FILES_PANEL = "Where it matters", "Maps over time", "Files"


def _allow_protocols(names: str | None) -> str | None:
    if names is not None:
        from semvid.media.reach import allow_protocols

        allow_protocols(one.strip() for one in names.split(",") if one.strip())
    return names


ModelOption = Annotated[
    str,
    typer.Option(
        help="What makes the maps: msroi (a network that knows people, faces, animals, vehicles, "
        "objects and text), msroi-fast, spectral (a formula), or a network's file "
        "(.safetensors, .onnx).",
        rich_help_panel=MAPS_PANEL,
    ),
]
FocusOption = Annotated[
    str | None,
    typer.Option(
        metavar="CLASS=WEIGHT,...",
        help="Weight of each class of things, as in face=2,vehicle=0; those not named have 1. Classes: "
        + ", ".join(CLASSES)
        + ".",
        rich_help_panel=MAPS_PANEL,
    ),
]
ThresholdOption = Annotated[
    float,
    typer.Option(
        help="How sure the network must be of a class before it counts, 0 to 1.", rich_help_panel=MAPS_PANEL
    ),
]
MapsOption = Annotated[
    Path | None,
    typer.Option(
        help="Read maps instead: what semvid maps or --save-maps wrote, a grey-scale video "
        "(white = important), a folder of PNGs, or one picture.",
        rich_help_panel=MAPS_PANEL,
    ),
]
MapsHoldOption = Annotated[
    bool,
    typer.Option(
        "--maps-hold",
        help="Keep the last map when the maps end before the video.",
        rich_help_panel=MAPS_PANEL,
    ),
]
BoxesOption = Annotated[
    Path | None, typer.Option(help="Read boxes instead: JSON lines or MOT text.", rich_help_panel=MAPS_PANEL)
]
StrengthOption = Annotated[
    float,
    typer.Option(
        help="How far to follow the map: 0 = plain encode, 1 = best for the weights, up to 3.",
        rich_help_panel=MAPS_PANEL,
    ),
]
BackgroundWeightOption = Annotated[
    float,
    typer.Option(
        help="Distortion weight of the background; important areas weigh this plus 1. Lower = more contrast.",
        rich_help_panel=MAPS_PANEL,
    ),
]
DeviceOption = Annotated[
    str, typer.Option(help="Where a network runs: auto, cpu, cuda or mps.", rich_help_panel=MAPS_PANEL)
]
ThreadsOption = Annotated[
    int,
    typer.Option(help="Threads of a network on the CPU; 0 = as many as help.", rich_help_panel=MAPS_PANEL),
]
MapEveryOption = Annotated[
    int | None,
    typer.Option(
        help="Maximum number of frames between two network runs; between them the map follows "
        "the motion. Default: what suits the network.",
        rich_help_panel=TIME_PANEL,
    ),
]
SmoothingOption = Annotated[
    float | None,
    typer.Option(
        help="Share of earlier maps in the running average, 0 to 0.99. Default: what suits the maps.",
        rich_help_panel=TIME_PANEL,
    ),
]
MovementOption = Annotated[
    float | None,
    typer.Option(
        help="How much to lower the importance of still things while something important moves, 0 to 1. "
        "Default: what suits the maps.",
        rich_help_panel=TIME_PANEL,
    ),
]
MotionOption = Annotated[
    str,
    typer.Option(
        help="What carries maps from frame to frame: flow (optical flow) or vectors (the decoder's motion "
        "vectors).",
        rich_help_panel=TIME_PANEL,
    ),
]
DeinterlaceOption = Annotated[
    str,
    typer.Option(
        help="What to do with interlaced frames. auto: x264 codes them as interlaced, for other codecs they "
        "are deinterlaced. bwdif: deinterlace, one picture from each frame. keep: never change their lines.",
        rich_help_panel="How it is coded",
    ),
]
OverwriteOption = Annotated[
    bool, typer.Option("--yes", "-y", help="Overwrite an existing output.", rich_help_panel=FILES_PANEL)
]
AllowProtocolsOption = Annotated[
    str | None,
    typer.Option(
        "--allow-protocols",
        metavar="NAME,...",
        help="Let playlists open more than the files of their own folder: file (anywhere), http, https, ... "
        "Only for inputs you trust.",
        rich_help_panel=FILES_PANEL,
        callback=_allow_protocols,
    ),
]
"""What it says is done when it is read; commands only need to have it."""
NoPreviewOption = Annotated[
    bool,
    typer.Option(
        "--no-preview",
        help="Show no small picture above the progress bar. (There is none with --json, NO_COLOR or CI, in "
        "small terminals, and in those with fewer than 256 colours.)",
    ),
]
ResultJsonOption = Annotated[
    bool, typer.Option("--json", help="Print the result as one JSON object on stdout.")
]  # fmt: skip

_UNITS = {"G": 1000**3, "M": 1000**2, "k": 1000}
_Rate = TypeVar("_Rate", bound=Rate)

MAPS, FOCUS, TEMPORAL, ALLOCATION = MapsConfig(), FocusConfig(), TemporalConfig(), AllocationConfig()
"""The defaults."""


def maps_config(
    model: str,
    focus: str | None,
    device: str,
    threshold: float = FOCUS.threshold,
    threads: int = MAPS.threads,
    maps: Path | None = None,
    boxes: Path | None = None,
    *,
    hold: bool = False,
) -> MapsConfig:
    """Put the options of where maps come from together."""
    return MapsConfig(
        model=model,
        focus=FocusConfig(weights=parse_focus(focus), threshold=threshold),
        path=maps,
        hold=hold,
        boxes=boxes,
        device=cast(Device, device),
        threads=threads,
    )


def one_rate(*rates: tuple[str, Callable[[Any], _Rate], Any]) -> _Rate | None:
    """Make the rate that was given, of options of which each excludes the others.

    Args:
        rates: Names of options, the rate each makes, and its value, None = it was not given.

    Raises:
        ConfigError: More than one was given, or its value is out of range.
    """
    given = [one for one in rates if one[2] is not None]
    if len(given) > 1:
        *names, last = (name for name, _, _ in rates)
        raise ConfigError(f"{', '.join(names)} and {last} exclude each other; give one")
    return given[0][1](given[0][2]) if given else None


def temporal_config(
    map_every: int | None, smoothing: float | None, movement: float | None, motion: str
) -> TemporalConfig:
    """Put the options of maps over time together."""
    return TemporalConfig(
        map_every=map_every, smoothing=smoothing, movement=movement, motion=cast(Motion, motion)
    )


def parse_focus(text: str | None) -> dict[str, float]:
    """Read ``face=2,vehicle=0``.

    Raises:
        ConfigError: It is written otherwise.
    """
    weights = {}
    for part in text.split(",") if text else []:
        name, _, value = part.partition("=")
        try:
            weights[name.strip()] = float(value)
        except ValueError:
            raise ConfigError(f"--focus {part} is not CLASS=WEIGHT, as in --focus face=2,vehicle=0") from None
    return weights


def parse_amount(option: str, text: str) -> int:
    """Read ``800k``, ``12M``, ``1.5G`` or a plain number; decimal units, an ending B is allowed.

    Raises:
        ConfigError: It is none of these.
    """
    number = text.strip().lower().removesuffix("b")
    factor = next((one for unit, one in _UNITS.items() if unit.lower() == number[-1:]), 1)
    try:
        amount = float(number.rstrip("kmg") if factor > 1 else number) * factor
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 1):
        raise ConfigError(f"{option} {text} is no amount; write it as in 800k, 12M or 1500000")
    return round(amount)


def amount_text(amount: int) -> str:
    """Write an amount as ``parse_amount`` reads it, in the largest unit that leaves a whole number."""
    unit, factor = next(((unit, one) for unit, one in _UNITS.items() if not amount % one), ("", 1))
    return f"{amount // factor}{unit}"
