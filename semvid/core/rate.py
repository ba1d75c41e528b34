"""The target of an encode: a quality, a number of bits, or a score. The codec that takes a rate checks it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar

from semvid.core.setting_types import Limits, Named
from semvid.core.settings import Settings, settings

_MOST_AT_PEAK = 2_000_000_000
"""Both x264 and x265 count up to 2 Gbit in whole kbit."""
_BUFFER_SECONDS = 2


@settings
class Crf(Settings):
    """Constant rate factor: the quality of an encoder of video."""

    value: Annotated[float, Limits(-1000, 1000), Named("Crf")]
    """In the encoder's own unit, lower = better and larger."""


@settings
class Quality(Settings):
    """Quality of important areas in JPEG."""

    value: Annotated[int, Limits(1, 100), Named("Quality")]
    """On the scale of plain JPEG, higher = better and larger."""


@settings
class Bitrate(Settings):
    """Bit rate of the video."""

    bits_per_second: Annotated[int, Limits(1, 2**50), Named("Bitrate")]
    """Of the video alone, without sound."""


@settings
class Size(Settings):
    """Size of the whole output."""

    num_bytes: Annotated[int, Limits(1, 2**50), Named("Size")]
    """Maximum, including the sound and everything else."""


_OF_VMAF, _DECIBELS = Limits(10, 100), Limits(10, 60)


@settings
class Vmaf(Settings):
    """A VMAF of the whole picture: the mean of all frames, by its default model."""

    MEASURE: ClassVar[str] = "vmaf"
    value: Annotated[float, _OF_VMAF, Named("Vmaf")]
    """Higher = better and larger."""
    floor: Annotated[float, _OF_VMAF] | None = None
    """VMAF that the rest must have, beside what matters: the difference between them is made smaller until it
    has; None = any."""


@settings
class Xpsnr(Settings):
    """An XPSNR of the whole picture's luma: the mean of all frames."""

    MEASURE: ClassVar[str] = "xpsnr"
    value: Annotated[float, _DECIBELS, Named("Xpsnr")]
    """In dB, higher = better and larger."""
    floor: Annotated[float, _DECIBELS] | None = None
    """As for ``Vmaf``, in dB."""


@settings
class RegionVmaf(Settings):
    """A VMAF of what matters, where importance exceeds a half; ``semvid.scores.lanes`` defines it."""

    MEASURE: ClassVar[str] = "region-vmaf"
    value: Annotated[float, _OF_VMAF, Named("RegionVmaf")]
    """Higher = better and larger."""
    floor: Annotated[float, _OF_VMAF] | None = None
    """As for ``Vmaf``; not above ``value``."""


@settings
class RegionPsnr(Settings):
    """A PSNR of what matters, where importance exceeds a half: the mean of luma of all frames."""

    MEASURE: ClassVar[str] = "region-psnr"
    value: Annotated[float, _DECIBELS, Named("RegionPsnr")]
    """In dB, higher = better and larger."""
    floor: Annotated[float, _DECIBELS] | None = None
    """PSNR that the rest must have, as for ``Vmaf``; not above ``value``."""


@settings
class AsGoodAs(Settings):
    """The same PSNR of what matters as in another encode of the same video."""

    MEASURE: ClassVar[str] = "region-psnr"
    reference: Path
    """The other encode: a video with the frames of the source."""
    floor: Annotated[float, _DECIBELS] | None = None
    """As for ``RegionPsnr``."""


@settings
class Peak(Settings):
    """The fastest that a line, a disk or a player takes the video, beside ``Crf`` or ``Bitrate``.

    However long a part is, it has no more bits than come in its time at this rate, and those of the buffer
    before it (a video buffering verifier, VBV).
    """

    bits_per_second: Annotated[int, Limits(1000, _MOST_AT_PEAK), Named("Peak")]
    """Of the video alone, without sound."""
    buffer_bits: Annotated[int, Limits(1000, _MOST_AT_PEAK), Named("buffer_bits")] | None = None
    """Size of the buffer; smaller = steadier and worse. None = the bits of two seconds, as is usual for
    files."""

    @property
    def chosen_buffer_bits(self) -> int:
        """``buffer_bits``, or its default."""
        return self.buffer_bits or min(_BUFFER_SECONDS * self.bits_per_second, _MOST_AT_PEAK)


@settings
class Ssimulacra2(Settings):
    """A SSIMULACRA 2 of a still picture."""

    value: Annotated[float, Limits(0, 100), Named("Ssimulacra2")]
    """Higher = better and larger; 90 = hardly anyone sees a difference, 70 = good, 50 = fair."""


StillRate = Quality | Size | Ssimulacra2
"""What a still picture takes."""
ScoreWish = Vmaf | Xpsnr | RegionVmaf | RegionPsnr | AsGoodAs
"""What is reached by measuring."""
Rate = Crf | Quality | Bitrate | Size | Vmaf | Xpsnr | RegionVmaf | RegionPsnr | AsGoodAs
