"""Motion-JPEG: what everybody has to know of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semvid.codecs.base.codec import LiveOptions, Pass, QualityScale, refuse_preset
from semvid.core.config import JPEG_QUALITY, AllocationConfig, CompressConfig
from semvid.core.rate import Quality

if TYPE_CHECKING:
    from semvid.codecs.base.coding import Coding
    from semvid.codecs.base.self_test import SelfTest

_MARKER_SOF_FIRST, _MARKER_SOF_LAST = 0xC0, 0xC3


class _MotionJpeg:
    """See ``Codec``."""

    name = coding_format = "mjpeg"
    also_called: tuple[str, ...] = ("jpeg", "motion-jpeg")
    library = "semvid"
    packages: tuple[str, ...] = ("numba",)
    scale = QualityScale(
        1, 100, JPEG_QUALITY.value, takes_fractions=False, steps_per_octave=-25.0, kind=Quality
    )
    has_two_passes = takes_peak = leaves_out_losing_maps = False
    quick_pair = None
    needs_pre_roll = False
    obedient_presets: tuple[str, ...] = ()
    default_preset = ""
    takes_offsets = False
    not_live = None

    def is_fast(self, preset: str | None) -> bool:
        """See ``Codec``."""
        return False

    def softening(self, allocation: AllocationConfig) -> float:
        """See ``Codec``."""
        return 0.0

    def steers(self, config: CompressConfig) -> bool:
        """See ``Codec``."""
        return config.allocation.strength > 0

    def elementary(self, key_frame: bytes) -> tuple[str, bytes]:
        """See ``Codec``."""
        return "mjpeg", key_frame

    def describe_key_frame(self, key_frame: bytes) -> bytes:
        """See ``Codec``."""
        place = 2
        while place + 4 <= len(key_frame) and key_frame[place] == 0xFF:
            marker, length = key_frame[place + 1], int.from_bytes(key_frame[place + 2 : place + 4], "big")
            if _MARKER_SOF_FIRST <= marker <= _MARKER_SOF_LAST:
                return key_frame[place : place + 2 + length]
            place += 2 + length
        return b""

    def live_presets(self, options: LiveOptions) -> tuple[str, ...]:
        """See ``Codec``."""
        refuse_preset(self.name, options)
        return ()

    # What follows loads a compiler.

    def load_live(self) -> None:
        """See ``Codec``."""
        import semvid.codecs.jpeg.motion  # noqa: F401

    def live_coding(self, options: LiveOptions, allocation: AllocationConfig) -> Coding:
        """See ``Codec``."""
        from semvid.codecs.jpeg.motion import JpegCoding

        return JpegCoding(CompressConfig(codec=self.name, allocation=allocation), options)

    def coding(self, config: CompressConfig, part: Pass | None = None) -> Coding:
        """See ``Codec``."""
        from semvid.codecs.jpeg.motion import JpegCoding

        return JpegCoding(config)

    def self_test(self) -> SelfTest:
        """See ``Codec``; takes as long as the coder needs to be compiled, and far less the next time."""
        from semvid.codecs.jpeg.self_test import test_motion_jpeg

        return test_motion_jpeg()


MJPEG = _MotionJpeg()
