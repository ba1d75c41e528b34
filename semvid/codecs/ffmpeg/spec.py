"""What an encoder can do, as data: ranges, presets, and the conditions under which it obeys a map."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from semvid.allocate.rate_model import RateModel
from semvid.codecs.ffmpeg.option_text import number, split_list, tunes
from semvid.core.errors import ConfigError, MapIgnoredError
from semvid.core.text import setting
from semvid.core.types import FloatArray


@dataclass(frozen=True, slots=True)
class CrfRange:
    """Constant rate factors an encoder takes; the unit is the encoder's own."""

    lowest: float
    highest: float
    default: float
    takes_fractions: bool


@dataclass(frozen=True, slots=True)
class Implication:
    """An option value that changes another option behind the user's back."""

    option: str
    value: str
    sets: tuple[str, str]
    """Option and value that take effect unless that option is given explicitly."""


@dataclass(frozen=True, slots=True)
class MapCondition:
    """A condition under which the encoder looks at the map."""

    obeys: Callable[[Mapping[str, str]], bool]
    """Whether the map counts under the options in effect."""
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class EncoderSpec:
    """One encoder of FFmpeg that takes a quantizer offset map for every frame."""

    name: str
    """What users type."""
    library: str
    """FFmpeg's name of the encoder."""
    coding_format: str
    """FFmpeg's name of the bitstream format."""
    crf: CrfRange
    presets: tuple[str, ...]
    """Slowest first."""
    default_preset: str
    preset_option: str
    """FFmpeg option the preset goes to."""
    block_size: int
    """Side in pixels of the blocks the encoder reads the map at."""
    offset_range: Callable[[int], int]
    """Bits per sample -> native units of an FFmpeg ``qoffset`` of 1."""
    to_native: Callable[[FloatArray, float], FloatArray]
    """``(offsets in QP steps, crf)`` -> offsets in the encoder's native unit."""
    map_conditions: tuple[MapCondition, ...]
    rate: RateModel
    """How its bits answer to offsets."""
    crf_steps: Callable[[float], float] = float
    """CRF -> the quantizer it stands for, in QP steps from any origin."""
    matrices: frozenset[int] = frozenset(range(15))
    """FFmpeg's numbers of the YUV matrices it can name."""
    sides: tuple[int, int] = (1, 16384)
    """Fewest and most pixels a side."""
    codes_full_range: bool = True
    """Tells players when samples use the full range."""
    field_block_size: int | None = None
    """Side in pixels of the blocks the encoder reads the map at in interlaced video, which it codes as such;
    None = it does not, or ignores the map there."""
    alpha_options: Mapping[str, str] | None = None
    """FFmpeg options with which it codes what is transparent, as a second layer that Matroska and WebM hold;
    None = it does not."""
    codes_odd_sizes: bool = False
    """Takes subsampled video of odd width or height."""
    truncates_offsets: bool = False
    """FFmpeg cuts native offsets to whole numbers instead of rounding."""
    crf_floor: str | None = None
    """Option that must hold the CRF too, as the lowest quantizer, or the encoder goes below it."""
    bit_rate: int = 0
    """Bits per second allowed under CRF; 0 = no bound."""
    max_levels: int | None = None
    """Distinct non-zero offsets a frame can have; None = any."""
    map_frames: int | None = None
    """Frames a map stays in force at least, unless the scene changes, for encoders that code it anew in every
    frame that brings one, and keep it while none does; None = every frame brings its own."""
    fixed_options: Mapping[str, str] = field(default_factory=dict)
    """Always set, unless the user sets the same option."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What is in effect inside the encoder when an option is not given (only those conditions ask for)."""
    implications: tuple[Implication, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Other names of FFmpeg's for its options."""
    nested_options: tuple[str, ...] = ()
    """Options whose value is itself a ``key=value:key=value`` list, later ones winning."""
    nested_only: frozenset[str] = frozenset()
    """Options the encoder knows in that list alone; given by themselves FFmpeg drops them without a word."""
    hdr10_options: tuple[str, ...] = ()
    """Keys in ``nested_option`` for the mastering display and the content light level; empty = not coded."""
    container_tags: Mapping[str, str] = field(default_factory=dict)
    """Codec tag by output suffix, where players insist on one."""

    @property
    def nested_option(self) -> str | None:
        """The option with a list of options that wins; None = there is none."""
        return self.nested_options[-1] if self.nested_options else None

    def check_crf(self, crf: float) -> None:
        """Raise ConfigError for a CRF the encoder does not take."""
        limits = self.crf
        if not limits.lowest <= crf <= limits.highest:
            raise ConfigError(
                f"`Crf({crf:g})` is out of range: {self.name} takes {limits.lowest:g} (best) to "
                f"{limits.highest:g} (smallest), default {limits.default:g}"
            )
        if not limits.takes_fractions and crf != int(crf):
            raise ConfigError(f"`Crf({crf:g})`: {self.name} takes whole numbers; use {round(crf)}")

    def with_crf_floor(self, options: Mapping[str, str]) -> dict[str, str]:
        """Add to FFmpeg's options what makes the encoder keep to the CRF among them; none, nothing added."""
        if self.crf_floor is None or "crf" not in options:
            return dict(options)
        return {self.crf_floor: options["crf"], **options}

    def options(self, crf: float, preset: str | None, extra: Mapping[str, str]) -> dict[str, str]:
        """Build FFmpeg's options and refuse those under which the map would be ignored.

        Args:
            crf: Constant rate factor.
            preset: One of ``presets``, None for the default.
            extra: The user's own FFmpeg options; they win over semvid's.

        Raises:
            ConfigError: CRF or preset is not one the encoder has, or FFmpeg would drop an option.
            MapIgnoredError: The encoder would silently ignore the map.
        """
        self.check_crf(crf)
        preset = preset or self.default_preset
        if preset not in self.presets:
            raise ConfigError(
                f"{setting('preset', preset)} is unknown to {self.name}; choose one of "
                f"{', '.join(self.presets)}"
            )
        extra = {self.aliases.get(key, key): value for key, value in extra.items()}
        for key in self.nested_only & extra.keys():
            raise ConfigError(
                f"{setting('encoder_options', f'{key}={extra[key]}')} has no effect on {self.name}; "
                f"give {self.nested_option}={key}={extra[key]}"
            )
        options = {**self.fixed_options, "crf": f"{crf:g}", self.preset_option: preset, **extra}
        if self.nested_option and self.nested_option in extra and self.nested_option in self.fixed_options:
            options[self.nested_option] = (
                f"{self.fixed_options[self.nested_option]}:{extra[self.nested_option]}"
            )
        effective = self.effective(options)
        if "b" not in extra:
            self._check_crf_text(effective["crf"])
        for condition in self.map_conditions:
            if not condition.obeys(effective):
                raise MapIgnoredError(
                    f"{self.name} would ignore the map: {condition.reason}; {condition.remedy}"
                )
        return options

    def _check_crf_text(self, text: str) -> None:
        crf = number(text)
        if crf is None:
            raise ConfigError(f"{setting('encoder_options', f'crf={text}')} is no number; give `Crf`")
        self.check_crf(crf)

    def effective(self, options: Mapping[str, str]) -> dict[str, str]:
        """Return options as the encoder sees them, lists opened and implied values filled in.

        Args:
            options: FFmpeg's.
        """
        # To FFmpeg's wrappers of encoders with lists, -1 is the same as nothing.
        outer = {
            key: value
            for key, value in options.items()
            if key not in self.nested_options
            if not self.nested_options or key == "crf" or number(value) != -1
        }
        effective = dict(self.defaults)
        for implication in self.implications:
            value = outer.get(implication.option, "")
            if implication.value in (tunes(value) if implication.option == "tune" else {value.strip()}):
                effective.update([implication.sets])
        effective.update(outer)
        for name in self.nested_options:
            # Presets and tunes count outside the lists alone.
            inner = split_list(options.get(name, ""))
            effective.update(one for one in inner if one[0] not in {"preset", "tune"})
        return effective
