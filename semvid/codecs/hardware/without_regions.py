"""Hardware encoders to which FFmpeg passes no regions on: what does not matter is softened before them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from semvid.codecs.base.codec import QualityScale
from semvid.codecs.hardware.formats import (
    AV1_INDICES,
    EIGHT_BIT,
    H264_QUANTIZERS,
    HEVC_QUANTIZERS,
    INDICES_PER_STEP,
    LAMBDA,
    encoder,
)
from semvid.codecs.hardware.spec import Family

_NVENC = Family("NVIDIA NVENC", {
    "Cannot load libcuda": "no NVIDIA driver is installed",
    "Cannot load nvcuda": "no NVIDIA driver is installed",
    "Cannot load libnvidia-encode": "the NVIDIA driver's encoding library is missing",
    "Cannot load nvEncodeAPI": "the NVIDIA driver's encoding library is missing",
    "No capable devices": "no NVIDIA graphics that encodes this format was found",
    "minimum required Nvidia driver": "the NVIDIA driver is too old",
    "OpenEncodeSessionEx failed": "the NVIDIA graphics has no encoder, or is busy",
})  # fmt: skip
_AMF = Family(
    "AMD AMF",
    {
        "amfrt": "AMD's AMF runtime is not installed",
        "AMF failed": "AMD's driver does not offer this encoder",
    },
)
_VIDEOTOOLBOX = Family(
    "Apple VideoToolbox", {"cannot create compression session": "this Mac has no such encoder"}
)
_MEDIACODEC = Family("Android MediaCodec", {"Failed to create encoder": "this device has no such encoder"})
_V4L2 = Family(
    "V4L2", {"Could not find a valid device": "no video encoder is among the devices (/dev/video*)"}
)


def _fractions(default: float) -> QualityScale:
    return QualityScale(1, 51, default, takes_fractions=True, steps_per_octave=6.0, step=0.1)


_FROM_THE_BEST = QualityScale(0, 99, 35, takes_fractions=False, steps_per_octave=12.0, map_fractions=False)
"""What these encoders take is 1 to 100, higher = better; 100 less that is a CRF."""


def _nvenc(crf: float) -> Mapping[str, str]:
    return {"rc": "vbr", "cq": f"{crf:g}", "b": "0"}


def _amf(kinds: str, quantizer: float) -> Mapping[str, str]:
    return {"rc": "cqp", **{f"qp_{kind}": f"{quantizer:g}" for kind in kinds}}


def _videotoolbox(crf: float) -> Mapping[str, str]:
    return {"flags": "+qscale", "global_quality": str(round((100 - crf) * LAMBDA))}


def _mediacodec(crf: float) -> Mapping[str, str]:
    return {"bitrate_mode": "cq", "global_quality": str(round(100 - crf))}


def _v4l2(quantizer: float) -> Mapping[str, str]:
    # It has no constant quality; between equal limits the bit rate has no say.
    return {"qmin": f"{quantizer:g}", "qmax": f"{quantizer:g}", "b": "20000000"}


def _half(crf: float) -> float:
    return crf / 2


NVENC = tuple(
    encoder(
        name, _NVENC, _nvenc, _fractions(default),
        presets=("p7", "p6", "p5", "p4", "p3", "p2", "p1"), default_preset="p5", fixed={"forced-idr": "1"},
    )
    for name, default in (("h264_nvenc", 26), ("hevc_nvenc", 28), ("av1_nvenc", 32))
)  # fmt: skip
AMF = tuple(
    encoder(
        name, _AMF, partial(_amf, kinds), crf, presets=("quality", "balanced", "speed"),
        default_preset="balanced", preset_option="quality", fixed={"usage": "transcoding", "forced_idr": "1"},
        crf_steps=(lambda index: index / INDICES_PER_STEP) if crf is AV1_INDICES else float,
    )
    for name, kinds, crf in (
        ("h264_amf", "ipb", H264_QUANTIZERS),
        ("hevc_amf", "ip", HEVC_QUANTIZERS),
        ("av1_amf", "ipb", AV1_INDICES),
    )
)  # fmt: skip
VIDEOTOOLBOX = tuple(
    encoder(name, _VIDEOTOOLBOX, _videotoolbox, _FROM_THE_BEST, crf_steps=_half)
    for name in ("h264_videotoolbox", "hevc_videotoolbox")
)
MEDIACODEC = tuple(
    encoder(name, _MEDIACODEC, _mediacodec, _FROM_THE_BEST, crf_steps=_half, handed_as=EIGHT_BIT)
    for name in ("h264_mediacodec", "hevc_mediacodec")
)
V4L2 = (encoder("h264_v4l2m2m", _V4L2, _v4l2, H264_QUANTIZERS, handed_as={"yuv420p": "yuv420p"}),)
