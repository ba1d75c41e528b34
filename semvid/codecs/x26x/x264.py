"""x264: H.264."""

from __future__ import annotations

from typing import TYPE_CHECKING

from semvid.allocate.rate_model import BitCurve, RateModel
from semvid.codecs.base.codec import QualityScale, QuickPair
from semvid.codecs.ffmpeg.option_text import is_off
from semvid.codecs.ffmpeg.spec import EncoderSpec, MapCondition, ToldQuantizers
from semvid.codecs.x26x.common import PRESETS, needs_aq, offset_range, parameter_sets

if TYPE_CHECKING:
    from av import VideoFrame

    from semvid.core.types import FloatArray

_SEQUENCE, _LEVEL = 7, 3
"""Kind of a sequence parameter set, and the byte with its level."""
_NO_FIELDS_BY_OPTION = MapCondition(
    # libx264 reads a map in pairs of rows then; where their number is odd, beyond the map's end.
    lambda found: (
        all(is_off(found.get(one)) for one in ("interlaced", "tff", "bff"))
        and not any(one in found.get("flags", "") for one in ("ildct", "ilme"))
    ),
    "interlaced coding by an option reads it on the wrong lines",
    "drop it; interlaced video is coded as such by itself (`deinterlace=auto`)",
)


def _coded_blocks(picture: VideoFrame, qps: FloatArray, asked: FloatArray, num_bytes: int) -> FloatArray:
    from semvid.codecs.x26x.x264_quantizers import coded_blocks

    return coded_blocks(picture, qps, asked, num_bytes)


def _second_of_two(header: bytes) -> str:
    # In its second pass libx264 looks ahead only under a maximum, and its motion search begins with what it
    # found there: with ``me=hex``, as of ``medium`` and faster, 0.1 to 0.3 dB are lost without it. So it gets
    # a maximum that is never reached, and the level of the first pass, which that would raise.
    out_of_reach = "vbv-maxrate=2000000:vbv-bufsize=2000000"
    level = parameter_sets(header, 0, 31, {_SEQUENCE})[_LEVEL : _LEVEL + 1]
    return ":".join(["pass=2", *([out_of_reach, f"level={level[0]}"] if level else [])])


X264 = EncoderSpec(
    name="x264",
    library="libx264",
    also_called=("h264", "avc", "libx264"),
    coding_format="h264",
    # CRF 0 is lossless in 8 bit: there is nothing to allocate.
    crf=QualityScale(1, 51, 26, takes_fractions=True, steps_per_octave=6.0, joined_within=1.0),
    # It hurries in this pass by itself.
    first_of_two="pass=1",
    second_of_two=_second_of_two,
    takes_peak=True,
    presets=PRESETS,
    fast_presets=frozenset({"veryfast", "superfast", "ultrafast"}),
    default_preset="medium",
    preset_option="preset",
    block_size=16,
    offset_range=offset_range,
    map_conditions=(*needs_aq("superfast", "aq-mode=1", "mbtree"), _NO_FIELDS_BY_OPTION),
    elementary=lambda key_frame: ("h264", key_frame),
    describe_key_frame=lambda key_frame: parameter_sets(key_frame, 0, 31, {7, 8}),
    rate=RateModel(
        first=BitCurve(gradient=0.848, difference=0.0, level=-4.633, steepness=1.061, least=-6.065),
        later=BitCurve(gradient=0.233, difference=0.257, level=-4.415, steepness=1.586, least=-8.244),
        coarser=0.818,
    ),
    quantizers=ToldQuantizers(_coded_blocks, only_live=True),
    # Interlaced pictures are coded by pairs of macroblock rows; in a pair coded by fields the upper row's
    # offsets would go to one field and the lower row's to the other (examples/benchmark/interlaced.py).
    field_block_size=32,
    defaults={"aq-mode": "1"},
    implications={
        **{("preset", name): {"aq-mode": "0", "mbtree": "0"} for name in ("ultrafast", "0")},
        **{("preset", name): {"mbtree": "0"} for name in ("superfast", "1")},
        ("tune", "psnr"): {"aq-mode": "0"},
        ("tune", "zerolatency"): {"rc-lookahead": "0"},
    },
    nested_options=("x264opts", "x264-params"),
    fixed_options={"forced-idr": "1"},
    needs_pre_roll=True,
    hdr10_options=("mastering-display", "cll"),
    live_preset="superfast",
    # Without what looks ahead, half of the saving of static video is missed.
    quick_pair=QuickPair(
        "superfast",
        {"mbtree": "1", "rc-lookahead": "40"},
        share=0.2,
        slope=0.83,
        shift=0.045,
        error=2.5,
        sampling_error=2.5,
    ),
    # A wave of intra blocks instead of intra frames: no frame is much larger than the others.
    low_delay={"tune": "zerolatency", "intra-refresh": "1"},
)
