"""The target of an encode: a quality, a number of bits, or a score. The codec that takes a rate checks it."""

from __future__ import annotations

from typing import Annotated

from semvid.core.setting_types import Limits, Named
from semvid.core.settings import Settings, settings


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


@settings
class Ssimulacra2(Settings):
    """A SSIMULACRA 2 of a still picture."""

    value: Annotated[float, Limits(0, 100), Named("Ssimulacra2")]
    """Higher = better and larger; 90 = hardly anyone sees a difference, 70 = good, 50 = fair."""


StillRate = Quality | Size | Ssimulacra2
"""What a still picture takes."""
Rate = Crf | Quality | Bitrate | Size
