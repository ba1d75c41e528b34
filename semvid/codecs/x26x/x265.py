"""x265: HEVC."""

from __future__ import annotations

from semvid.allocate.rate_model import BitCurve, RateModel
from semvid.codecs.base.codec import QualityScale, QuickPair
from semvid.codecs.ffmpeg.spec import EncoderSpec, is_off_option
from semvid.codecs.x26x.common import PRESETS, needs_aq, offset_range, parameter_sets
from semvid.core.threads import ThreadBudget

_FRAMES_AT_ONCE = ((4, 1), (8, 2), (16, 3), (32, 4))
"""Below so many cores, the pictures that x265 codes at a time: ``getFrameThreadsCount`` of its
``encoder.cpp``."""


def _threads(budget: ThreadBudget) -> dict[str, str]:
    cores = budget.unasked_encoder
    if not cores:
        return {}
    pictures = next((count for most, count in _FRAMES_AT_ONCE if cores < most), 5)
    # A worker comes on top of the thread of the picture, which does the work where there is none. That codes
    # rows one after the other, in other bytes.
    return {"threads": str(pictures), "x265-params": f"pools={'none' if cores == 1 else cores}"}


X265 = EncoderSpec(
    name="x265",
    library="libx265",
    also_called=("h265", "hevc", "libx265"),
    coding_format="hevc",
    crf=QualityScale(1, 51, 28, takes_fractions=True, steps_per_octave=6.0),
    first_of_two="pass=1:slow-firstpass=0",
    takes_peak=True,
    presets=PRESETS,
    fast_presets=frozenset({"ultrafast"}),
    default_preset="medium",
    # Faster presets, and x264, answer to offsets in other ways.
    quick_pair=QuickPair("veryfast", {}, share=0.1, slope=1.0, shift=0.0, error=2.5, sampling_error=2.5),
    preset_option="preset",
    # The quantization group of all presets: offsets of smaller blocks would only be averaged, and the
    # optimal offset of a group is that of its mean weight, not the mean of its offsets.
    sides=(16, 65535),
    block_size=32,
    # Coding units have up to 64 pixels a side. By truth masks of five DAVIS sequences the object lost 0.36 dB
    # at CRF 28 without these two, 0.19 with the first alone, 0.06 with both.
    blocks_as_one=2,
    spared_steps=0.25,
    matrices=frozenset(range(16)),
    offset_range=offset_range,
    map_conditions=(
        *needs_aq("veryfast", "x265-params=aq-mode=2", "cutree"),
        is_off_option("hevc-aq", "hevc-aq takes the place of the adaptive quantization the map rides on"),
        is_off_option("lossless", "lossless coding has no quantizer"),
    ),
    elementary=lambda key_frame: ("hevc", key_frame),
    describe_key_frame=lambda key_frame: parameter_sets(key_frame, 1, 63, {32, 33, 34}),
    rate=RateModel(
        first=BitCurve(gradient=0.824, difference=0.0, level=-3.865, steepness=1.452, least=-6.29),
        later=BitCurve(gradient=0.28, difference=0.253, level=-4.213, steepness=1.785, least=-9.312),
        coarser=0.652,
    ),
    defaults={"aq-mode": "2"},
    implications={
        **{("preset", name): {"aq-mode": "0"} for name in ("ultrafast", "superfast", "0", "1")},
        ("tune", "grain"): {"aq-mode": "0"},
        ("tune", "zerolatency"): {"cutree": "0"},
    },
    nested_options=("x265-params",),
    nested_only=frozenset({"aq-mode", "aq-strength", "hevc-aq", "lossless"}),
    hdr10_options=("master-display", "max-cll"),
    fixed_options={"x265-params": "log-level=none", "a53cc": "1", "forced-idr": "1"},
    needs_pre_roll=True,
    # Else key frames that are asked for follow on from what is before, where others than the first would.
    closed_groups="open-gop=0",
    # QuickTime and Safari play HEVC only under this tag.
    container_tags={".mp4": "hvc1", ".m4v": "hvc1", ".mov": "hvc1"},
    live_preset="veryfast",
    lacks_live_keys=True,
    threads=_threads,
    low_delay={
        "tune": "zerolatency",
        "x265-params": "intra-refresh=1:repeat-headers=1:scenecut=0",
    },
)
