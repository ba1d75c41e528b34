"""What an encoder can do, as data: ranges, presets, and the conditions under which it obeys a map.

It is read for ``--help`` too: whatever loads FFmpeg or numpy is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Protocol

from semvid.codecs.base.codec import LiveOptions, Pass, QualityScale, QuickPair, refuse_preset
from semvid.codecs.ffmpeg.option_text import is_off, number, split_list, tunes
from semvid.core.errors import ConfigError, MapIgnoredError
from semvid.core.records import dataclass
from semvid.core.text import setting
from semvid.core.threads import ThreadBudget, thread_budget

if TYPE_CHECKING:
    from av import VideoFrame

    from semvid.allocate.rate_model import RateModel
    from semvid.codecs.base.coding import Coding, Target
    from semvid.codecs.base.self_test import SelfTest
    from semvid.codecs.ffmpeg.prepare import FramePreparer
    from semvid.core.coded import CodedPacket, StreamParameters
    from semvid.core.config import AllocationConfig, CompressConfig
    from semvid.core.types import FloatArray


USUAL_SOFTENING = 0.4
"""``prefilter`` of encoders that take no map: hardly seen, and something is saved where nothing matters."""


class PictureEncoder(Protocol):
    """An encoder of prepared pictures; see ``VideoEncoder``."""

    parameters: StreamParameters
    notices: list[str]

    @property
    def mean_quantizer(self) -> float | None:
        """Of all pictures so far; None if it is not told."""

    def look(self, decoded: VideoFrame) -> None:
        """Add to the notices what only this frame carries and is lost."""

    def encode(self, picture: VideoFrame) -> list[CodedPacket]:
        """Encode a prepared picture; returns packets of this or earlier ones."""

    def flush(self) -> list[CodedPacket]:
        """End the stream and return the remaining packets."""

    def close(self) -> None:
        """Let go of the encoder."""


@dataclass(frozen=True, slots=True)
class MapCondition:
    """A condition under which the encoder looks at the map."""

    obeys: Callable[[Mapping[str, str]], bool]
    """Options in effect, from ``EncoderSpec.effective`` -> whether the map counts."""
    reason: str
    """Why it does not, for the message, as is the next."""
    remedy: str


def is_off_option(option: str, reason: str) -> MapCondition:
    """Require that a switch is off, or not given."""
    return MapCondition(lambda found: is_off(found.get(option)), reason, f"drop {option}")


@dataclass(frozen=True, slots=True)
class ToldQuantizers:
    """How quantizers that FFmpeg's decoder gives show whether the encoder followed the map."""

    compare: Callable[[VideoFrame, FloatArray, FloatArray, int], FloatArray]
    """``(decoded picture, quantizers, asked offsets, bytes of its packet)`` -> rows of blocks that tell.

    Quantizers and offsets are ``(rows, cols)`` of blocks of ``EncoderSpec.block_size``, offsets in the
    encoder's native unit. Rows are ``(n, 4)`` float32: quantizer, offset in the same unit, and two numbers of
    the block that its quantizer follows without a map; 0 = there are none.
    """
    only_live: bool = False
    """While the encoder looks ahead, quantizers follow motion as much as the map."""


# Compared as what it is: one encoder.
@dataclass(frozen=True, slots=True, eq=False)
class EncoderSpec:
    """One encoder of FFmpeg that takes a quantizer offset map for every frame; see ``Codec``."""

    name: str
    """What users type."""
    library: str
    """FFmpeg's name of the encoder."""
    coding_format: str
    """FFmpeg's name of the bitstream format."""
    crf: QualityScale
    """Constant rate factors it takes."""
    presets: tuple[str, ...]
    """Slowest first; empty = it has none, and neither has it the next two."""
    default_preset: str
    """One of them that obeys maps."""
    preset_option: str
    """FFmpeg option the preset goes to."""
    block_size: int
    """Side in pixels of the blocks the encoder reads the map at."""
    offset_range: Callable[[int], int]
    """Bits per sample -> native units of an FFmpeg ``qoffset`` of 1."""
    map_conditions: tuple[MapCondition, ...]
    """All must hold; the first that does not makes the message."""
    elementary: Callable[[bytes], tuple[str, bytes]]
    """See ``Codec``."""
    describe_key_frame: Callable[[bytes], bytes]
    """See ``Codec``."""
    rate: RateModel
    """How its bits answer to offsets."""
    quantizers: ToldQuantizers | None = None
    """None = no decoder of FFmpeg gives them in all pictures that obey the map."""
    to_native: Callable[[FloatArray, float], FloatArray] = lambda offsets, crf: offsets
    """``(offsets in QP steps, crf)`` -> offsets in the encoder's native unit, of the same shape."""
    crf_steps: Callable[[float], float] = float
    """CRF -> the quantizer it stands for, in QP steps from any origin."""
    also_called: tuple[str, ...] = ()
    """What else users may type."""
    first_of_two: str | None = None
    """What ``nested_option`` has for the first of two passes, beside ``stats``; None = it has no two."""
    second_of_two: Callable[[bytes], str] = lambda header: "pass=2"
    """``(parameter sets of the first pass)`` -> what it has for the second where no maximum is given."""
    takes_peak: bool = False
    """See ``Codec``."""
    packages: tuple[str, ...] = ("av",)
    """What to install again if it does not work."""
    takes_offsets: bool = True
    reads_map: bool = True
    """False: the map only says what is softened before it is coded."""
    most_regions: int | None = None
    """Rectangles it reads in a frame, if so few that blocks are merged; None = as many as FFmpeg's filter is
    given."""
    handed_as: Mapping[str, str] = field(default_factory=dict)
    """Planar pixel formats it codes -> those of the same samples that FFmpeg hands to it; empty = the planar
    ones among its own, as they are."""
    matrices: frozenset[int] = frozenset(range(15))
    """FFmpeg's numbers (``AVColorSpace``, those of ITU-T H.273) of the YUV matrices it can name."""
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
    live_levels: int | None = None
    """The same in live streams; None = as many."""
    blocks_as_one: int = 1
    """Side of the largest square that may share one quantizer, in blocks."""
    spared_steps: float = 0.0
    """QP steps by which what matters is coded finer at the default CRF, half as much where the quantizer is
    twice as large: it loses as much to coarser blocks beside it. Only for offsets in QP steps that need not
    be whole."""
    finer_crf: float | None = None
    """CRF by which frames are coded finer with ``match="size"``, where blocks finer than their frame gain
    little and maps only make blocks coarser; None = finer blocks gain as much."""
    leaves_out_losing_maps: bool = False
    """See ``Codec``."""
    quick_pair: QuickPair | None = None
    """See ``Codec``."""
    needs_pre_roll: bool = False
    """See ``Codec``."""
    closed_groups: str = ""
    """What keeps groups of pictures closed, in ``nested_option``; empty = they are, or key frames that are
    asked for begin closed ones."""
    map_frames: int | None = None
    """Frames a map stays in force at least, unless the scene changes, for encoders that code it anew in every
    frame that brings one, and keep it while none does; None = every frame brings its own."""
    fixed_options: Mapping[str, str] = field(default_factory=dict)
    """Always set, unless the user sets the same option."""
    mapless: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """``(option, value)`` of a mode that compresses better and takes no map -> what is always set in it, in
    place of ``fixed_options``. Files can have it with a pre-filter, where the map says what is softened."""
    size_options: Mapping[str, str] = field(default_factory=dict)
    """Set with ``finer_crf`` too, unless the user sets the same option: they change what a CRF stands for."""
    defaults: Mapping[str, str] = field(default_factory=dict)
    """What is in effect inside the encoder when an option is not given (only those conditions ask for)."""
    implications: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """``(option, value)`` -> options that it sets behind the user's back unless they are given explicitly.

    The value is the exact one; of ``tune``, one of the names that count. Later ones win.
    """
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
    live_preset: str | None = None
    """What keeps up with 720p on two cores; None = it goes faster than its presets by ``low_delay``."""
    slowest_live: str | None = None
    """Live it has no slower preset; None = it has all."""
    low_delay: Mapping[str, str] = field(default_factory=dict)
    """Options with which every frame that goes in comes out at once."""
    lacks_live_keys: bool = False
    """Live it makes no key frames by itself, and whether it obeys a map shows in those alone."""
    live_rates: tuple[str, ...] = ("b", "maxrate")
    """Options that hold a constant bit rate."""
    not_live: str | None = None
    """Why it cannot be used live; None = it can."""
    drive: Callable[..., PictureEncoder] | None = None
    """Opens the encoder past FFmpeg, with the arguments of ``open``; None = FFmpeg drives it."""
    fast_presets: frozenset[str] = frozenset()
    """Those with which maps would take longer than the encode."""
    threads: Callable[[ThreadBudget], Mapping[str, str]] = lambda budget: (
        {"threads": str(budget.encoder)} if budget.encoder else {}
    )
    """Options that keep the encoder to a number of threads; none, it chooses."""

    def open(
        self,
        options: Mapping[str, str],
        preparer: FramePreparer,
        *,
        first: VideoFrame,
        target: Target,
    ) -> PictureEncoder:
        """Open the encoder of one video.

        Args:
            options: From ``options``.
            preparer: Makes the pictures.
            first: First frame, as decoded.
            target: The stream.

        Raises:
            EncoderError: It cannot be used, or refuses the picture.
            ConfigError: It does not take an option.
        """
        from semvid.codecs.ffmpeg.encoder import VideoEncoder

        drive = self.drive or VideoEncoder
        options = self.with_threads(options, thread_budget())
        return drive(self, options, preparer, first=first, target=target)

    def with_threads(self, options: Mapping[str, str], budget: ThreadBudget) -> dict[str, str]:
        """Add to FFmpeg's options how many threads the encoder may have; those that are given win."""
        told = dict(self.threads(budget))
        nested = self.nested_option
        if nested in told and nested in options:
            told[nested] = f"{told[nested]}:{options[nested]}"
            return {**told, **options, nested: told[nested]}
        return {**told, **options}

    @property
    def scale(self) -> QualityScale:
        """See ``Codec``."""
        return self.crf

    def softening(self, allocation: AllocationConfig) -> float:
        """See ``Codec``."""
        if allocation.prefilter is not None or self.reads_map or not allocation.strength:
            return allocation.prefilter or 0.0
        return USUAL_SOFTENING

    def is_fast(self, preset: str | None) -> bool:
        """See ``Codec``."""
        return (preset or self.default_preset) in self.fast_presets

    @property
    def has_two_passes(self) -> bool:
        """See ``Codec``."""
        return self.first_of_two is not None

    @property
    def obedient_presets(self) -> tuple[str, ...]:
        """See ``Codec``."""
        return tuple(one for one in self.presets if self._obeys(one, {}))

    def _obeys(self, preset: str, extra: Mapping[str, str]) -> bool:
        try:
            self.options(self.crf.default, preset, extra)
        except MapIgnoredError:
            return False
        return True

    def mapless_mode(self, extra: Mapping[str, str]) -> tuple[str, str] | None:
        """Return the key of ``mapless`` among the user's options, if there is one."""
        given = {(self.aliases.get(key, key), value.strip()) for key, value in extra.items()}
        return next((one for one in self.mapless if one in given), None)

    def steers(self, config: CompressConfig) -> bool:
        """See ``Codec``."""
        has_map = self.reads_map and config.allocation.strength > 0
        return has_map and self.mapless_mode(config.encoder_options) is None

    def coding(self, config: CompressConfig, part: Pass | None = None) -> Coding:
        """See ``Codec``."""
        from semvid.codecs.ffmpeg.region_coding import RegionCoding

        return RegionCoding.of_file(self, config, part)

    def live_presets(self, options: LiveOptions) -> tuple[str, ...]:
        """See ``Codec``."""
        if self.not_live is not None:
            raise MapIgnoredError(f"{self.name} is not for live streams: {self.not_live}; use `codec=x264`")
        if self.live_preset is None:
            refuse_preset(self.name, options)
            return ()
        first = options.preset or self.live_preset
        self.options(self.crf.default, first, self.low_delay)
        slowest = self.slowest_live or first
        if self.presets.index(first) < self.presets.index(slowest):
            raise ConfigError(
                f"{setting('preset', first)} is not for live {self.name}; choose one of "
                f"{slowest} to {self.presets[-1]}"
            )
        faster = self.presets[self.presets.index(first) :]
        return tuple(one for one in faster if self._obeys(one, self.low_delay))

    def load_live(self) -> None:
        """See ``Codec``."""
        import semvid.codecs.ffmpeg.region_coding  # noqa: F401

    def live_coding(self, options: LiveOptions, allocation: AllocationConfig) -> Coding:
        """See ``Codec``."""
        from semvid.codecs.ffmpeg.region_coding import RegionCoding

        return RegionCoding.of_live_stream(self, options, allocation)

    def self_test(self) -> SelfTest:
        """See ``Codec``."""
        from semvid.codecs.ffmpeg.option_trial import test_encoder

        return test_encoder(self, None)

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

    def coded_crf(self, crf: float, allocation: AllocationConfig) -> float:
        """Return the CRF that frames are coded at, for a quality of ``crf`` in all; see ``finer_crf``."""
        if self.finer_crf is None or allocation.strength == 0 or allocation.chosen_match != "size":
            return crf
        return max(crf - self.finer_crf * min(allocation.strength, 1), self.crf.lowest)

    def finer_steps(self, crf: float, allocation: AllocationConfig) -> float:
        """Return the QP steps by which frames are coded finer than ``crf``."""
        return self.crf_steps(crf) - self.crf_steps(self.coded_crf(crf, allocation))

    def with_crf_floor(self, options: Mapping[str, str]) -> dict[str, str]:
        """Add to FFmpeg's options what makes the encoder keep to the CRF among them; none, nothing added."""
        if self.crf_floor is None or "crf" not in options:
            return dict(options)
        return {self.crf_floor: options["crf"], **options}

    def options(
        self, crf: float, preset: str | None, extra: Mapping[str, str], *, has_map: bool = True
    ) -> dict[str, str]:
        """Build FFmpeg's options and refuse those under which a map would be ignored.

        Args:
            crf: Constant rate factor.
            preset: One of ``presets``, None for the default.
            extra: The user's own FFmpeg options; they win over semvid's.
            has_map: Pictures will have offsets; without them there is nothing to ignore.

        Raises:
            ConfigError: CRF or preset is not one the encoder has, or FFmpeg would drop an option.
            MapIgnoredError: The encoder would silently ignore the map.
        """
        self.check_crf(crf)
        if preset is not None and not self.presets:
            raise ConfigError(f"{setting('preset', preset)} is not for {self.name}; leave it out")
        preset = preset or self.default_preset
        if self.presets and preset not in self.presets:
            raise ConfigError(
                f"{setting('preset', preset)} is unknown to {self.name}; choose one of "
                f"{', '.join(self.presets)}"
            )
        mode = None if has_map else self.mapless_mode(extra)
        fixed = self.mapless[mode] if mode else self.fixed_options
        extra = {self.aliases.get(key, key): value for key, value in extra.items()}
        for key in self.nested_only & extra.keys():
            raise ConfigError(
                f"{setting('encoder_options', f'{key}={extra[key]}')} has no effect on {self.name}; "
                f"give {self.nested_option}={key}={extra[key]}"
            )
        speed = {self.preset_option: preset} if self.presets else {}
        options = {**fixed, "crf": f"{crf:g}", **speed, **extra}
        if self.nested_option and self.nested_option in extra and self.nested_option in self.fixed_options:
            options[self.nested_option] = (
                f"{self.fixed_options[self.nested_option]}:{extra[self.nested_option]}"
            )
        effective = self.effective(options)
        if "b" not in extra:
            found = number(effective["crf"])
            if found is None:
                text = setting("encoder_options", f"crf={effective['crf']}")
                raise ConfigError(f"{text} is no number; give `Crf`")
            self.check_crf(found)
        for condition in self.map_conditions if has_map else ():
            if not condition.obeys(effective):
                raise MapIgnoredError(
                    f"{self.name} would ignore the map: {condition.reason}; {condition.remedy}"
                )
        return options

    def with_closed_groups(self, options: Mapping[str, str]) -> dict[str, str]:
        """Return options with which every key frame that is asked for can begin a stream."""
        if not self.closed_groups or self.nested_option is None:
            return dict(options)
        given = options.get(self.nested_option, "")
        return {**options, self.nested_option: ":".join(filter(None, [given, self.closed_groups]))}

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
        for (option, value), implied in self.implications.items():
            given = outer.get(option, "")
            if value in (tunes(given) if option == "tune" else {given.strip()}):
                effective.update(implied)
        effective.update(outer)
        for name in self.nested_options:
            # Presets and tunes count outside the lists alone.
            inner = split_list(options.get(name, ""))
            effective.update(one for one in inner if one[0] not in {"preset", "tune"})
        return effective
