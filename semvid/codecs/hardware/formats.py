"""What encoders of one bitstream format have in common, whatever chip they are in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from semvid.codecs.base.codec import QualityScale
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.codecs.hardware.spec import NOT_LIVE, Family, HardwareSpec, drive
from semvid.codecs.svtav1.av1 import AV1
from semvid.codecs.x26x.x264 import X264
from semvid.codecs.x26x.x265 import X265

H264_QUANTIZERS = QualityScale(1, 51, 26, takes_fractions=False, steps_per_octave=6.0, map_fractions=False)
HEVC_QUANTIZERS = QualityScale(1, 51, 28, takes_fractions=False, steps_per_octave=6.0, map_fractions=False)
AV1_INDICES = QualityScale(1, 255, 128, takes_fractions=False, steps_per_octave=35.0, map_fractions=False)
"""AV1's own quantizer indices."""
INDICES_PER_STEP = 5.0
"""Of AV1 in a QP step, roughly."""
EIGHT_BIT = {"yuv420p": "nv12"}
TEN_BIT = {**EIGHT_BIT, "yuv420p10le": "p010le"}
LAMBDA = 118
"""FFmpeg's ``FF_QP2LAMBDA``, in which some of its encoders take a quantizer."""
_FORMATS = {"h264": X264, "hevc": X265, "av1": AV1}
_KEY_DISTANCE = "250"
"""Frames between key frames at most, as of x264; FFmpeg's own default for some of these encoders is 12."""


def encoder(
    name: str,
    family: Family,
    quality: Callable[[float], Mapping[str, str]],
    crf: QualityScale,
    *,
    presets: tuple[str, ...] = (),
    default_preset: str = "",
    preset_option: str = "preset",
    handed_as: Mapping[str, str] | None = None,
    fixed: Mapping[str, str] | None = None,
    crf_steps: Callable[[float], float] = float,
    offset_range: Callable[[int], int] | None = None,
    most_regions: int | None = None,
    block_size: int = 16,
) -> HardwareSpec:
    """Describe an encoder.

    Args:
        name: FFmpeg's, which begins with the format; users type it too.
        family: Its interface.
        quality: See ``HardwareSpec``, and ``EncoderSpec`` for the rest.
        crf: Likewise.
        presets: Likewise.
        default_preset: Likewise.
        preset_option: Likewise.
        handed_as: Likewise; None = 8 bits for H.264, 8 and 10 for the others.
        fixed: More options that are always set.
        crf_steps: See ``EncoderSpec``.
        offset_range: Likewise; None = it reads no regions.
        most_regions: Likewise.
        block_size: Likewise.
    """
    software: EncoderSpec = _FORMATS[name.partition("_")[0]]
    usual = EIGHT_BIT if software is X264 else TEN_BIT
    return HardwareSpec(
        name=name,
        library=name,
        family=family,
        quality=quality,
        coding_format=software.coding_format,
        crf=crf,
        crf_steps=crf_steps,
        presets=presets,
        default_preset=default_preset,
        preset_option=preset_option,
        handed_as=usual if handed_as is None else handed_as,
        fixed_options={"g": _KEY_DISTANCE, **(fixed or {})},
        block_size=block_size,
        offset_range=offset_range or (lambda bits: 51),
        # FFmpeg's wrappers multiply whole numbers, and divide.
        truncates_offsets=True,
        reads_map=offset_range is not None,
        most_regions=most_regions,
        map_conditions=(),
        elementary=software.elementary,
        describe_key_frame=software.describe_key_frame,
        container_tags=software.container_tags,
        # Of the software encoder: none was measured.
        rate=software.rate,
        not_live=NOT_LIVE,
        drive=drive,
    )
