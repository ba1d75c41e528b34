"""What a hardware encoder can do, as data. Whether it works is found out where it is used.

All of it is from FFmpeg's documentation and source, and none of it was ever run on the hardware.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from semvid.codecs.base.codec import Pass
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.errors import ConfigError, EncoderError
from semvid.core.records import dataclass
from semvid.core.text import setting

if TYPE_CHECKING:
    from av import VideoFrame

    from semvid.codecs.base.coding import Coding, Target
    from semvid.codecs.base.self_test import SelfTest
    from semvid.codecs.ffmpeg.prepare import FramePreparer
    from semvid.codecs.hardware.encoder import HardwareEncoder
    from semvid.core.config import AllocationConfig, CompressConfig

NOT_LIVE = "hardware encoders are for files so far"
_SOFTWARE = {"h264": "x264", "hevc": "x265", "av1": "av1"}
_OF_RATES = frozenset({
    "b", "bitrate_mode", "bufsize", "cq", "crf", "flags", "global_quality", "maxrate", "minrate", "pass", "q",
    "qmax", "qmin", "qp", "qp_b", "qp_i", "qp_p", "qscale", "qvbr_quality_level", "rc", "rc_mode",
})  # fmt: skip
"""Options by which these encoders are told a rate."""


@dataclass(frozen=True, slots=True)
class Family:
    """Encoders of one interface."""

    title: str
    """Its name for users."""
    signs: Mapping[str, str]
    """Parts of what FFmpeg says where it cannot be used -> what is missing."""
    device: str | None = None
    """FFmpeg's type of a device that pictures must be copied to; None = the encoder copies them."""


# Compared as what it is: one encoder.
@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class HardwareSpec(EncoderSpec):
    """One hardware encoder of FFmpeg; see ``EncoderSpec``."""

    family: Family
    quality: Callable[[float], Mapping[str, str]]
    """CRF -> FFmpeg's options for it."""

    @property
    def software(self) -> str:
        """The codec that writes the same format without such hardware."""
        return _SOFTWARE[self.coding_format]

    def options(
        self, crf: float, preset: str | None, extra: Mapping[str, str], *, has_map: bool = True
    ) -> dict[str, str]:
        """See ``EncoderSpec``; options that say something else about the rate are refused."""
        for key in _OF_RATES & extra.keys():
            raise ConfigError(
                f"{setting('encoder_options', f'{key}={extra[key]}')} contradicts `Crf`, by which "
                f"{self.name} is always driven; leave it out"
            )
        return EncoderSpec.options(self, crf, preset, extra, has_map=has_map)

    def is_fast(self, preset: str | None) -> bool:
        """See ``Codec``."""
        return True

    def here(self) -> HardwareSpec:
        """Return it as it works on this machine: perhaps without regions, or with fewer.

        Raises:
            EncoderError: It does not work.
        """
        from semvid.codecs.hardware.trust import verdict_on

        verdict = verdict_on(self)
        if verdict.fault:
            raise EncoderError(
                f"{setting('codec', self.name)} cannot be used here: {verdict.fault}; "
                f"use `codec={self.software}`, which needs no hardware"
            )
        if not verdict.regions:
            return replace(self, reads_map=False)
        return replace(self, most_regions=verdict.regions)

    def coding(self, config: CompressConfig, part: Pass | None = None) -> Coding:
        """See ``Codec``.

        Raises:
            EncoderError: It does not work on this machine.
        """
        return EncoderSpec.coding(self.here(), config, part)

    def softening(self, allocation: AllocationConfig) -> float:
        """See ``Codec``."""
        if allocation.prefilter is not None:
            return allocation.prefilter
        return EncoderSpec.softening(self.here(), allocation)

    def self_test(self) -> SelfTest:
        """See ``Codec``."""
        from semvid.codecs.base.self_test import SelfTest
        from semvid.codecs.hardware.trust import verdict_on

        found = verdict_on(self)
        return SelfTest(
            self.name, self.library, not found.fault, found.regions > 0, found.gain_db, found.fault
        )


def drive(
    spec: EncoderSpec,
    options: Mapping[str, str],
    preparer: FramePreparer,
    *,
    first: VideoFrame,
    target: Target,
) -> HardwareEncoder:
    """Open a hardware encoder; see ``EncoderSpec.open``."""
    from semvid.codecs.hardware.encoder import HardwareEncoder

    assert isinstance(spec, HardwareSpec)  # noqa: S101 - they alone have it
    return HardwareEncoder(spec, options, preparer, first=first, target=target)
