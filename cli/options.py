"""Options that several commands take: how they are declared, how their text is read, who is given them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from semvid.cli.marks import parse_mark
from semvid.core import config
from semvid.core.config import (
    CLASSES,
    AllocationConfig,
    CompressConfig,
    EditConfig,
    FocusConfig,
    ImageConfig,
    MapsConfig,
    TemporalConfig,
)
from semvid.core.config.maps import MappedConfig
from semvid.core.edit import parse_time
from semvid.core.errors import ConfigError
from semvid.core.settings import Settings

map_option = partial(typer.Option, rich_help_panel="What matters")
time_option = partial(typer.Option, rich_help_panel="Maps over time")
file_option = partial(typer.Option, rich_help_panel="Files")
part_option = partial(typer.Option, rich_help_panel="Editing")
encoding_option = partial(typer.Option, rich_help_panel="Encoding")


def _allow_protocols(names: str | None) -> str | None:
    if names is not None:
        from semvid.media.reach import allow_protocols

        allow_protocols(one.strip() for one in names.split(",") if one.strip())
    return names


# fmt: off
Model = Annotated[str, map_option(
    help="What makes the maps: msroi, msroi-fast (smaller), spectral, or a file (.onnx, .safetensors)."
)]
Focus = Annotated[str | None, map_option(
    metavar="CLASS=N,...",
    help=f"Weight of each class ({', '.join(CLASSES)}), as in face=2,vehicle=0; else 1."
)]
Threshold = Annotated[float, map_option(
    help="How sure the network must be of a class before it counts, 0 to 1. Raise it if too much counts."
)]
Maps = Annotated[Path | None, map_option(
    help="Maps from a file: .svmap, grey video or picture (white = important), folder of PNGs, .npz, .roi or "
    ".txt."
)]
MapsHold = Annotated[bool, map_option(
    "--maps-hold", help="Keep the last map if those of --maps end before the video, instead of stopping."
)]
Boxes = Annotated[Path | None, map_option(
    help="Boxes of a detector or tracker from a file: JSON lines or MOT text."
)]
Track = Annotated[list[str] | None, map_option(
    metavar="FILE[@TIME]", help="Follow what a mask (white = matters) or boxes mark, from TIME on, as in "
    "12.5 or 1:02:03. Repeatable."
)]
Strength = Annotated[float, map_option(
    help="How strongly the map acts, 0 to 3: 0 = plain encode, 1 = best for the weights."
)]
Match = Annotated[str | None, map_option(
    metavar="WHAT",
    help="region: as good as plain where it matters, and smaller (default). size: as large, and better "
    "there."
)]
BackgroundWeight = Annotated[float, map_option(
    help="Distortion weight of the background, 0.01 to 10; what matters weighs this plus 1. Lower = more "
    "contrast."
)]
Device = Annotated[str, map_option(
    help="Where the network runs: auto (the CPU), cpu, cuda or mps. A GPU starts slowly: for long videos."
)]
Threads = Annotated[int, typer.Option(
    help="How many cores to keep busy, as 1 where several runs share a machine; 0 = all. x264, x265: the "
    "number changes the output a little."
)]
Effort = Annotated[str, time_option(
    help="Time to spend on maps: full, light (95% of the gain), or auto: light in compress where the encoder "
    "is so fast that maps would take longer."
)]
MapEvery = Annotated[int | None, time_option(
    help="Maximum number of frames between two network runs, 1 to 240. Lower = slower. Default: 10 "
    "to 13 (networks), 1 (spectral)."
)]
Smoothing = Annotated[float | None, time_option(
    help="Share of other maps in the running average, 0 to 0.99; higher = steadier. Default: 0.85 "
    "(networks), 0.9 (spectral), 0 (all others)."
)]
LookAhead = Annotated[int | None, time_option(
    help="Maximum number of frames that wait for a later map, 0 to 64: what enters is marked at once. Each "
    "takes the memory of a frame. Default: 16."
)]
Movement = Annotated[float | None, time_option(
    help="How much to lower the importance of still things while something important moves, 0 to 1. "
    "Default: 0.5 (networks), 0 (all others)."
)]
Motion = Annotated[str, time_option(
    help="How maps follow the motion from frame to frame: flow (optical flow) or vectors (the motion vectors "
    "in the source)."
)]
Profile = Annotated[str | None, typer.Option(
    metavar="NAME", help="Options for a purpose, as web or meeting: 'semvid profiles' lists them. What is "
    "typed wins."
)]
"""Takes effect when it is parsed: see ``cli.defaults``."""
Start = Annotated[str | None, part_option(
    metavar="TIME", help="Begin with the first frame shown at this time, as in 12.5 (seconds) or 1:02:03.5. "
    "Sound is cut there too."
)]
End = Annotated[str | None, part_option(
    metavar="TIME", help="End at this time of the whole video."
)]
Duration = Annotated[str | None, part_option(
    metavar="TIME", help="Length of the part, instead of --end."
)]
Crop = Annotated[str | None, part_option(
    metavar="W:H:X:Y", help="Cut out a part of the picture, in displayed pixels: width, height, left, top. "
    "auto: cut off black bars."
)]
Rotate = Annotated[int | None, part_option(
    help="Turn the pixels clockwise by 90, 180 or 270 degrees."
)]
Denoise = Annotated[str | None, part_option(
    help="Take out noise: light, medium or strong. Takes time, and finest detail with it."
)]
NewSize = Annotated[str | None, part_option(
    "--size", metavar="SIZE", help="Scale to 1280x720 (to fit in, the shape is kept), 720p or 50%. Never "
    "larger than the source, unless with --enlarge."
)]
Enlarge = Annotated[bool, part_option("--enlarge", help="Let --size also make pictures larger.")]
Filters = Annotated[str | None, part_option(
    "--filter", metavar="GRAPH", help="More of FFmpeg's filters, after these, as in unsharp=5:5:0.8,vflip."
)]
Fps = Annotated[str | None, part_option(
    "--fps", metavar="N", help="Constant frame rate, as in 25 or 30000/1001; frames are dropped or repeated. "
    "Default: as it is."
)]
Overwrite = Annotated[bool, file_option("--yes", "-y", help="Overwrite an existing output.")]
AllowProtocols = Annotated[str | None, file_option(
    metavar="NAME,...", callback=_allow_protocols,
    help="What playlists may open beyond their own folder: file, http, https, ... Only for inputs you trust."
)]
"""Takes effect when it is parsed; commands only need to declare it."""
NoPreview = Annotated[bool, typer.Option(
    "--no-preview", help="Hide the small picture above the progress bar."
)]
ResultJson = Annotated[bool, typer.Option(
    "--json", help="Print the result as one JSON object on stdout."
)]
# fmt: on

_UNITS = {"G": 1000**3, "M": 1000**2, "k": 1000}

MAPS, FOCUS, TEMPORAL, ALLOCATION = MapsConfig(), FocusConfig(), TemporalConfig(), AllocationConfig()
"""The defaults."""
THREADS = MappedConfig().threads


def maps_config(
    model: str,
    focus: str | None,
    device: str,
    threshold: float = FOCUS.threshold,
    maps: Path | None = None,
    boxes: Path | None = None,
    track: list[str] | None = None,
    *,
    hold: bool = False,
) -> MapsConfig:
    """Build a ``MapsConfig`` from the options of a command line."""
    return MapsConfig(
        model=model,
        focus=FocusConfig(weights=parse_focus(focus), threshold=threshold),
        path=maps,
        hold=hold,
        boxes=boxes,
        track=tuple(map(parse_mark, track or ())),
        device=cast("config.Device", device),
    )


def one_rate(*rates: tuple[str, Callable[[Any], Settings], Any]) -> Settings | None:
    """Return the rate that was given; of these options, only one may be.

    Args:
        rates: For each option its name, the rate it makes, and its value; None = it was not given.

    Raises:
        ConfigError: More than one was given, or its value is out of range.
    """
    given = [one for one in rates if one[2] is not None]
    if len(given) > 1:
        *names, last = (name for name, _, _ in rates)
        raise ConfigError(f"{', '.join(names)} and {last} exclude each other; give only one")
    return given[0][1](given[0][2]) if given else None


def temporal_config(
    map_every: int | None,
    smoothing: float | None,
    movement: float | None,
    motion: str,
    look_ahead: int | None = None,
    effort: str = "auto",
) -> TemporalConfig:
    """Build a ``TemporalConfig`` from the options of a command line."""
    return TemporalConfig(
        map_every=map_every,
        smoothing=smoothing,
        look_ahead=look_ahead,
        movement=movement,
        motion=cast("config.Motion", motion),
        effort=cast("config.Effort", effort),
    )


def edit_config(
    start: str | None,
    end: str | None,
    duration: str | None,
    crop: str | None,
    rotate: int | None,
    denoise: str | None,
    filters: str | None,
    size: str | None = None,
    frame_rate: str | None = None,
    *,
    enlarge: bool = False,
) -> EditConfig:
    """Build an ``EditConfig`` from the options of a command line.

    Raises:
        ConfigError: A text is no time, or they do not go together.
    """
    texts = {"start": start, "end": end, "duration": duration}
    given = {name: parse_time(name, text) for name, text in texts.items() if text is not None}
    return EditConfig(
        **given,
        crop=crop,
        rotate=rotate,
        denoise=cast("config.Denoise | None", denoise),
        size=size,
        enlarge=enlarge,
        filter=filters,
        frame_rate=frame_rate,
    )


def parse_focus(text: str | None) -> dict[str, float]:
    """Parse ``face=2,vehicle=0``.

    Raises:
        ConfigError: The text has another form.
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
    """Parse ``800k``, ``12M``, ``1.5G`` or a plain number; units are decimal, a final B is allowed.

    Raises:
        ConfigError: The text has another form.
    """
    number = text.strip().lower().removesuffix("b")
    factor = next((one for unit, one in _UNITS.items() if unit.lower() == number[-1:]), 1)
    try:
        amount = float(number.rstrip("kmg") if factor > 1 else number) * factor
    except ValueError:
        amount = math.nan
    if not (math.isfinite(amount) and amount >= 1):
        raise ConfigError(f"{option} {text} is not an amount; write it as in 800k, 12M or 1500000")
    return round(amount)


def amount_text(amount: int) -> str:
    """Format an amount as ``parse_amount`` reads it, in the largest unit that leaves a whole number."""
    unit, factor = next(((unit, one) for unit, one in _UNITS.items() if not amount % one), ("", 1))
    return f"{amount // factor}{unit}"


_taken: ContextVar[list[CompressConfig | ImageConfig] | None] = ContextVar("taken", default=None)


def take_config(config: CompressConfig | ImageConfig) -> bool:
    """Give a configuration to whoever asked for nothing else; returns whether somebody did."""
    taken = _taken.get()
    if taken is None:
        return False
    taken.append(config)
    return True


@contextmanager
def taken_config() -> Iterator[list[CompressConfig | ImageConfig]]:
    """Have a command that runs in the block give its configuration to the list, and do nothing else."""
    taken: list[CompressConfig | ImageConfig] = []
    token = _taken.set(taken)
    try:
        yield taken
    finally:
        _taken.reset(token)
