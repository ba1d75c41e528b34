"""Options of maps: where they come from, how they follow from frame to frame, and how strongly they act."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from semvid.core.edit import EditConfig
from semvid.core.errors import ConfigError
from semvid.core.frozen import FrozenMapping
from semvid.core.setting_types import Limits
from semvid.core.settings import Settings, settings
from semvid.core.text import setting

Share = Annotated[float, Limits(0, 1)]
BackgroundWeight = Annotated[float, Limits(0.01, 10)]

Device = Literal["auto", "cpu", "cuda", "mps"]
Match = Literal["region", "size"]
Motion = Literal["flow", "vectors"]
Effort = Literal["auto", "full", "light"]

MODELS = ("msroi", "msroi-fast", "spectral")
"""Names that ``model`` takes, besides paths."""
MODEL_SUFFIXES = (".safetensors", ".onnx")
"""Files that ``model`` takes."""
DEFAULT_MODEL, LIVE_MODEL = "msroi", "msroi-fast"

BACKGROUND_WEIGHT = 0.28
"""Default of videos and of stills."""
_FINEST = -10.0
Strength = Annotated[float, Limits(0, 3)]


@settings
class AllocationConfig(Settings):
    """How strongly importance moves the quantizer."""

    strength: Strength = 1.0
    """How strongly the map acts: 0 = plain encode, 1 = the best offsets for the weights, more =
    exaggerated."""
    background_weight: BackgroundWeight = BACKGROUND_WEIGHT
    """Distortion weight of the background; important areas weigh this plus 1. Lower = more contrast."""
    finest: Annotated[float, Limits(-25, 0)] = _FINEST
    """Lowest quantizer offset, in QP steps; only for ``match="size"``: else none is below 0."""
    coarsest: Annotated[float, Limits(0, 25)] = 8.0
    """Highest quantizer offset, in QP steps; beyond about 8 the background visibly falls apart."""
    match: Match | None = None
    """What this encode has in common with a plain one of the same ``Crf``: ``region`` (what matters is as
    good, the rest is coarser, and the file is smaller) or ``size`` (what matters is better). None =
    ``region``, in live streams ``size``. Only for encoders that take a ``Crf``."""
    prefilter: Annotated[float, Limits(0, 2)] | None = None
    """How much what does not matter is softened before it is coded: sigma of a Gaussian in pixels at the
    encoder's default ``Crf``, times 1.41 where the quantizer is twice as large, at most 0.8. 0 = not; None =
    0.4 for encoders that take no map, which go by it in no other way, else 0."""

    @property
    def chosen_match(self) -> Match:
        """``match``, or the default of files."""
        return self.match or "region"

    @property
    def keeps_region(self) -> bool:
        """Whether what matters is to be as in a plain encode, and the file smaller."""
        return self.chosen_match == "region" and self.strength > 0

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.prefilter and not self.strength:
            raise ConfigError(
                f"`prefilter={self.prefilter:g}` has no effect at `strength=0`: there is no map to go by; "
                "leave one of them out"
            )
        if self.chosen_match == "region" and self.finest != _FINEST:
            raise ConfigError(
                f"`finest={self.finest:g}` needs `match=size`: without it nothing is finer than in a plain "
                "encode; give both, or leave it out"
            )


@settings
class TemporalConfig(Settings):
    """How maps follow from frame to frame. None = what suits the source of the maps."""

    map_every: Annotated[int, Limits(1, 240)] | None = None
    """Maximum number of frames between two network runs; half as many while motion explains little of what
    changes. A cut starts one at once."""
    smoothing: Annotated[float, Limits(0, 0.99)] | None = None
    """Share of earlier maps in the running average of maps."""
    movement: Share | None = None
    """How much to lower the importance of still things while something important moves."""
    motion: Motion = "flow"
    """What carries maps from frame to frame: ``flow`` (optical flow) or ``vectors`` (the decoder's motion
    vectors)."""
    look_ahead: Annotated[int, Limits(0, 64)] | None = None
    """Maximum number of frames that wait for a later map, so that what enters is marked at once, and what
    leaves is given up. Each takes the memory of a frame. 0 = none; None = 16, fewer of frames that are larger
    than 25 MB, and none in live streams."""
    effort: Effort = "auto"
    """Time to spend on maps: ``full``; ``light``, where a network looks less often and at half of the pixels,
    and motion is followed on every second frame at most; or ``auto``, which is light in ``compress`` with
    presets so fast that maps would take longer than the encode, and else full. ``map_every`` has its own
    say."""


CLASSES = ("person", "face", "animal", "vehicle", "object", "text")
"""The classes of the MS-ROI networks."""


@settings
class FocusConfig(Settings):
    """Which of the things a network finds matter, and how much."""

    weights: Mapping[str, Annotated[float, Limits(0, 10)]] = FrozenMapping()
    """Weight of each class, as in ``{"face": 2}``; 0 = does not matter. Classes not named have 1, like what
    belongs to no class; only ``face`` then has the weight of ``person``."""
    threshold: Share = 0.3
    """How sure the network must be of a class before it counts."""
    salient: Share = 0.6
    """Share of the class-free object map; the maps of the classes have the rest."""
    fixation: Share = 0.1
    """Share of the map of human fixations in the final map."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        unknown = sorted(set(self.weights).difference(CLASSES))
        if unknown:
            shown = setting("weights", ", ".join(unknown))
            raise ConfigError(f"{shown} is unknown; choose among {', '.join(CLASSES)}")

    def weight(self, name: str) -> float:
        """Return the weight of a class. A face is a part of a person: ``{"person": 0}`` leaves no face."""
        return self.weights.get(name, self._weight_unless_named(name))

    def brief(self) -> FocusConfig:
        """Return the same without weights that hold anyway, so that equal wishes are equal settings."""
        said = {name: one for name, one in self.weights.items() if one != self._weight_unless_named(name)}
        return replace(self, weights=FrozenMapping(said))

    def _weight_unless_named(self, name: str) -> float:
        return self.weights.get("person", 1.0) if name == "face" else 1.0


@settings
class Mark(Settings):
    """What matters on a frame of a video, marked by hand or by a detector."""

    path: Path
    """A picture, white = matters, of any size: it is stretched over the frame. Or a file of boxes on some
    frames, like ``MapsConfig.boxes``; those with a score of 0.5 or more are marks."""
    seconds: Annotated[float, Limits(0, 10_000_000)] | None = None
    """Time of the frame that the picture is for, counted from the first frame; None = the first frame."""

    def __str__(self) -> str:
        return str(self.path) if self.seconds is None else f"{self.path}@{self.seconds:.10g}"


@settings
class MapsConfig(Settings):
    """Where the importance comes from."""

    model: str | None = None
    """What makes the maps when neither ``path`` nor ``boxes`` is given, and whose features ``track`` uses: a
    name, or the path of a network; None = ``msroi``, in live streams ``msroi-fast``."""
    focus: FocusConfig = FocusConfig()
    """What matters among the things a network finds."""
    path: Path | None = None
    """The maps: a sidecar, grey-scale video, folder of PNGs, picture, numpy arrays, or offsets as text."""
    hold: bool = False
    """Keep the last map when those of ``path`` end before the video."""
    boxes: Path | None = None
    """A file of boxes instead of maps: JSON lines or MOT text."""
    track: tuple[Mark, ...] = ()
    """What matters on some frames, to follow it through the video from there on. Each mark replaces those
    before it; before the first one nothing is marked."""
    device: Device = "auto"
    """Where a network runs; ``auto`` = on the CPU. A GPU takes 2 s to start in each process, and 3 to 4 ms
    for a map instead of 5 to 6 (``examples/benchmark/many_cores.py``)."""
    threads: Annotated[int, Limits(0, 256)] = 0
    """CPU threads for a network alone; 0 = a share of what ``threads`` of the product leaves it."""

    def __post_init__(self) -> None:
        # Slotted dataclasses are made twice: super() without arguments would mean the first one.
        Settings.__post_init__(self)
        given = [name for name in ("path", "boxes", "track") if getattr(self, name)]
        if len(given) > 1:
            raise ConfigError(f"`{given[0]}` and `{given[1]}` exclude each other; give one of them")
        if self.hold and self.path is None:
            raise ConfigError("`hold` needs `path`")
        model = self.model
        if model is not None and model not in MODELS and not model.lower().endswith(MODEL_SUFFIXES):
            raise ConfigError(
                f"{setting('model', model)} is unknown; choose one of {', '.join(MODELS)}, "
                f"or give a file that ends in {' or '.join(MODEL_SUFFIXES)}"
            )
        if self.track and (self.chosen_model == "spectral" or self.chosen_model.lower().endswith(".onnx")):
            raise ConfigError(
                f"`track` needs the features of an MS-ROI network, which {setting('model', model)} has not; "
                "give msroi, msroi-fast or a .safetensors"
            )

    @property
    def has_file(self) -> bool:
        """Whether what matters comes from files instead of a model."""
        return self.path is not None or self.boxes is not None or bool(self.track)

    @property
    def chosen_model(self) -> str:
        """``model``, or the default."""
        return self.model or DEFAULT_MODEL

    @property
    def model_name(self) -> str:
        """The model without its folder."""
        return self.chosen_model.replace("\\", "/").rpartition("/")[2]


@settings
class MappedConfig(Settings):
    """Base class of all options that include maps."""

    USUAL_MODEL: ClassVar[str] = DEFAULT_MODEL
    MOVED: ClassVar[Mapping[str, str]] = {
        **{name: f"maps=MapsConfig({name}=...)" for name in ("model", "focus", "boxes", "device")},
        "maps_hold": "maps=MapsConfig(hold=...)",
        "crf": "rate=Crf(...)",
        "quality": "rate=Quality(...)",
        "bitrate": "rate=Bitrate(...)",
        "target_size": "rate=Size(...)",
        "target_bytes": "rate=Size(...)",
    }

    maps: MapsConfig = MapsConfig()
    """Where the importance comes from."""
    threads: Annotated[int, Limits(0, 256)] = 0
    """How many cores a run keeps busy, with everything that has threads: decoder, network, encoder, scores.
    The same number makes the same file on any machine. 0 = all cores that the process may use. While a run
    with a number lasts, it is that of the whole process."""

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.maps.model is None:
            object.__setattr__(self, "maps", replace(self.maps, model=self.USUAL_MODEL))
        temporal: TemporalConfig = getattr(self, "temporal", TemporalConfig())
        edit: EditConfig = getattr(self, "edit", EditConfig())
        if temporal.motion == "vectors" and edit.has_filters:
            raise ConfigError(
                f"`motion=vectors` and `{edit.filters[0]}` exclude each other: the vectors are of pictures "
                "in the file; leave one out"
            )
        if temporal.map_every is not None and self.maps.has_file:
            raise ConfigError(
                "`map_every` has no effect with `maps`, `boxes` or `track`: every frame has a map of its "
                "own; leave it out"
            )
        if temporal.effort == "light" and self.maps.has_file:
            raise ConfigError(
                "`effort=light` has no effect with `maps`, `boxes` or `track`: no network makes these maps; "
                "leave it out"
            )
        usual = 1 if self.maps.has_file or self.maps.chosen_model == "spectral" else None
        if temporal.look_ahead and (temporal.map_every or usual) == 1:
            raise ConfigError("`look_ahead` has no effect: every frame has a map of its own; leave it out")
