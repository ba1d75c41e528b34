"""The interface of a codec to code that only knows its name. Imports nothing heavy: ``--help`` uses it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from semvid.core.errors import ConfigError
from semvid.core.rate import Crf, Quality, Rate
from semvid.core.records import dataclass
from semvid.core.text import setting

if TYPE_CHECKING:
    from semvid.codecs.base.coding import Coding
    from semvid.codecs.base.self_test import SelfTest
    from semvid.core.config import AllocationConfig, CompressConfig


@dataclass(frozen=True, slots=True)
class QualityScale:
    """The range of qualities a codec takes, in its own unit."""

    lowest: float
    highest: float
    default: float
    takes_fractions: bool
    steps_per_octave: float
    """Steps that halve the size, roughly, as the first guess of a search goes by; negative where more is
    larger."""
    kind: type[Crf] | type[Quality] = Crf
    step: float = 0.01
    """Between fractions that differ."""
    map_fractions: bool = True
    """Where whole numbers are taken, the map makes up for what is between them."""
    joined_within: float | None = None
    """Streams can be joined if both qualities lie between the same multiples of this: it is in what their
    header says. None = all can."""

    @property
    def name(self) -> str:
        """Its name for users."""
        return "CRF" if self.kind is Crf else "quality"

    def rate(self, quality: float) -> Rate:
        """Return a quality of the scale as ``CompressConfig`` takes it."""
        return Crf(quality) if self.kind is Crf else Quality(round(quality))

    def round(self, quality: float) -> float:
        """Return the nearest quality on the scale."""
        limited = min(max(quality, self.lowest), self.highest)
        return (
            round(round(limited / self.step) * self.step, 2)
            if self.takes_fractions
            else float(round(limited))
        )


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """Options of a live stream: little delay, every frame comes out at once, at a constant bit rate."""

    bitrate: int
    """Bit rate in bits per second."""
    latency_ms: float
    """Target delay from frame to packet."""
    frame_rate: float
    """Frames per second to expect."""
    preset: str | None
    """One of ``Codec.live_presets``; None if there are none."""


@dataclass(frozen=True, slots=True)
class Pass:
    """One of the two passes of an encode to a bit rate. Both must see the same frames and maps."""

    number: Literal[1, 2]
    """The first finds out what each frame takes, and its packets are thrown away; the second encodes."""
    statistics: Path
    """What the first writes and the second reads; encoders put other files beside it, named after it."""
    bits_per_second: float
    """To ask of the encoder, by the clock of its nominal frame rate."""
    first_header: bytes = b""
    """In the second pass: ``StreamParameters.extradata`` of the first."""


@dataclass(frozen=True, slots=True)
class QuickPair:
    """How parts are encoded twice beside an encode, with the map and without, to estimate what it saves.

    The logarithm of the ratio of sizes, plain by mapped, is ``shift`` more than ``slope`` times that of the
    parts: by 9 clips at 270 and 720 lines and 10 sequences of DAVIS, at CRF 28.
    """

    preset: str
    options: Mapping[str, str]
    """FFmpeg's, unless the user gives the same."""
    share: float
    """Of the frames: what takes at most a tenth of the processor time of an encode by the default preset."""
    slope: float
    shift: float
    error: float
    """Points of the saving, in percent, by which the estimate is off on average if all frames are parts."""
    sampling_error: float
    """Likewise what choosing 48 of the frames adds, as the other leg of a right triangle."""


def refuse_preset(codec: str, options: LiveOptions) -> None:
    """Raise ConfigError if there is a preset, for codecs that take none live."""
    if options.preset is not None:
        raise ConfigError(f"{setting('preset', options.preset)} is not for live {codec}; leave it out")


class Codec(Protocol):
    """One codec: everything about it is in one folder or module, with one line in the registry."""

    @property
    def name(self) -> str:
        """Its name on the command line."""

    @property
    def also_called(self) -> tuple[str, ...]:
        """Other names for it."""

    @property
    def library(self) -> str:
        """The library that encodes."""

    @property
    def packages(self) -> tuple[str, ...]:
        """Packages to reinstall if that does not work."""

    @property
    def coding_format(self) -> str:
        """FFmpeg's name of the bitstream format."""

    @property
    def scale(self) -> QualityScale:
        """The qualities it takes."""

    @property
    def has_two_passes(self) -> bool:
        """Whether it keeps to a ``Bitrate`` in two passes."""

    @property
    def takes_peak(self) -> bool:
        """Whether it keeps to a ``Peak``."""

    @property
    def obedient_presets(self) -> tuple[str, ...]:
        """Presets with which it obeys maps, slowest first; empty if it has no presets."""

    @property
    def default_preset(self) -> str:
        """The default preset; empty if it has none."""

    @property
    def takes_offsets(self) -> bool:
        """Whether maps become quantizer offsets."""

    def softening(self, allocation: AllocationConfig) -> float:
        """Return the ``prefilter`` in effect.

        Raises:
            EncoderError: The encoder cannot be used, so nobody knows.
        """

    @property
    def quick_pair(self) -> QuickPair | None:
        """How ``probe=quick`` is done; None = it is not: what was saved is measured in full."""

    @property
    def leaves_out_losing_maps(self) -> bool:
        """Whether coding a map takes so many bits that a file without one may be smaller, and as good.

        Where that is measured, the file is encoded without.
        """

    @property
    def needs_pre_roll(self) -> bool:
        """Whether it codes a first frame otherwise than a later key frame.

        A part of a video then needs a pre-roll.
        """

    def is_fast(self, preset: str | None) -> bool:
        """Whether it encodes so fast that maps would take longer; None = with the default preset."""

    @property
    def not_live(self) -> str | None:
        """Why it cannot be used for live streams; None = it can."""

    def steers(self, config: CompressConfig) -> bool:
        """Whether the map acts on how the pictures of a file are coded, not only on what is softened."""

    def elementary(self, key_frame: bytes) -> tuple[str, bytes]:
        """Return FFmpeg's demuxer for bare coded video, and a live key frame in the form it reads."""

    def describe_key_frame(self, key_frame: bytes) -> bytes:
        """Return what must stay the same for one container; empty if it does not say that."""

    def coding(self, config: CompressConfig, part: Pass | None = None) -> Coding:
        """Return the way of coding a video, its options checked.

        Args:
            config: Options.
            part: One of two passes, only for codecs that have them; None = there is one.

        Raises:
            MapIgnoredError: The encoder would ignore the map.
            ConfigError: It does not take an option.
        """

    def live_presets(self, options: LiveOptions) -> tuple[str, ...]:
        """Return the requested or the usual preset, and all faster ones that obey maps.

        None where there is no choice.

        Raises:
            ConfigError: There is no such preset.
            MapIgnoredError: The encoder would silently ignore the map.
        """

    def load_live(self) -> None:
        """Load what ``live_coding`` needs, so that the first frame does not wait for it."""

    def live_coding(self, options: LiveOptions, allocation: AllocationConfig) -> Coding:
        """Return the way of coding a live stream, with little delay.

        Args:
            options: Bit rate, delay and so on.
            allocation: How strongly importance moves the quantizer.

        Raises:
            ConfigError: There is no such preset.
            MapIgnoredError: The encoder would silently ignore the map.
        """

    def self_test(self) -> SelfTest:
        """Test by encoding whether the encoder is available and obeys a map."""
