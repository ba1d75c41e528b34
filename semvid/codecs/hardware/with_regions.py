"""Hardware encoders to which FFmpeg passes regions on: Intel's Quick Sync Video, and VAAPI on Linux.

FFmpeg's Quick Sync wrapper passes at most 256 rectangles on for H.264, aligned to 16 pixels, and for HEVC,
aligned to 32, with offsets in whole QP steps; for AV1 none. Intel's runtime takes them at a constant
quantizer or a bit rate, but not in its constant quality mode (ICQ), so the quantizer is constant. FFmpeg's
VAAPI wrapper passes on as many as the driver says it takes. How many really count only the trial shows.
"""

from __future__ import annotations

from collections.abc import Mapping

from semvid.codecs.base.codec import QualityScale
from semvid.codecs.hardware.formats import (
    AV1_INDICES,
    H264_QUANTIZERS,
    HEVC_QUANTIZERS,
    INDICES_PER_STEP,
    LAMBDA,
    encoder,
)
from semvid.codecs.hardware.spec import Family, HardwareSpec
from semvid.codecs.x26x.common import offset_range

MOST_REGIONS = 256
_QSV = Family("Intel Quick Sync Video", {
    "MFX session": "no Intel graphics, or its driver or runtime (oneVPL) is missing",
    "No device available": "no Intel graphics was found",
})  # fmt: skip
_QSV_PRESETS = ("veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast")
_VAAPI = Family("VAAPI", {
    "finds no vaapi device": "no graphics chip with a VAAPI driver was found",
    "No VA display": "no graphics chip with a VAAPI driver was found",
    "No usable encoding entrypoint": "the graphics chip does not encode this format",
}, device="vaapi")  # fmt: skip


def _constant(quantizer: float) -> Mapping[str, str]:
    return {"flags": "+qscale", "global_quality": str(round(quantizer * LAMBDA))}


def _vaapi(quantizer: float) -> Mapping[str, str]:
    return {"rc_mode": "CQP", "qp": f"{quantizer:g}"}


def _qsv(name: str, crf: QualityScale, block_size: int) -> HardwareSpec:
    return encoder(
        name, _QSV, _constant, crf, presets=_QSV_PRESETS, default_preset="medium", fixed={"forced_idr": "1"},
        # Of 10 bits too.
        offset_range=lambda bits: 51, most_regions=MOST_REGIONS, block_size=block_size,
    )  # fmt: skip


QSV = (
    _qsv("h264_qsv", H264_QUANTIZERS, 16),
    _qsv("hevc_qsv", HEVC_QUANTIZERS, 32),
    encoder(
        "av1_qsv", _QSV, lambda quality: {"global_quality": f"{quality:g}"}, HEVC_QUANTIZERS,
        presets=_QSV_PRESETS, default_preset="medium", fixed={"forced_idr": "1"},
    ),
)  # fmt: skip
VAAPI = (
    encoder(
        "h264_vaapi", _VAAPI, _vaapi, H264_QUANTIZERS,
        offset_range=offset_range, most_regions=MOST_REGIONS, block_size=16,
    ),
    encoder(
        "hevc_vaapi", _VAAPI, _vaapi, HEVC_QUANTIZERS,
        offset_range=offset_range, most_regions=MOST_REGIONS, block_size=32,
    ),
    encoder(
        "av1_vaapi", _VAAPI, lambda index: {"rc_mode": "CQP", "global_quality": f"{index:g}"}, AV1_INDICES,
        crf_steps=lambda index: index / INDICES_PER_STEP,
    ),
)  # fmt: skip
