"""AV1, by SVT-AV1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from semvid.allocate.rate_model import BitCurve, RateModel
from semvid.codecs.base.codec import QualityScale
from semvid.codecs.ffmpeg.spec import EncoderSpec

if TYPE_CHECKING:
    from av import VideoFrame

    from semvid.allocate.vpx_scale import QuantizerScale
    from semvid.codecs.base.coding import Target
    from semvid.codecs.ffmpeg.prepare import FramePreparer
    from semvid.codecs.svtav1.encoder import SvtEncoder
    from semvid.core.threads import ThreadBudget


def quantizer_scale() -> QuantizerScale:
    """Return the quantizers of AV1, which are VP9's."""
    from semvid.allocate.vpx_scale import VP9_SCALE

    return VP9_SCALE


def _open(
    spec: EncoderSpec,
    options: Mapping[str, str],
    preparer: FramePreparer,
    *,
    first: VideoFrame,
    target: Target,
) -> SvtEncoder:
    from semvid.codecs.svtav1.encoder import SvtEncoder

    return SvtEncoder(spec, options, preparer, first=first, target=target)


def _temporal_units(key_frame: bytes) -> tuple[str, bytes]:
    return "obu", key_frame


def _sequence_header(key_frame: bytes) -> bytes:
    """Return the sequence header of a key frame, which starts with it behind a temporal delimiter."""
    place = 0
    while place < len(key_frame):
        kind, has_extension, has_size = key_frame[place] >> 3 & 15, key_frame[place] & 4, key_frame[place] & 2
        start = place + (2 if has_extension else 1)
        size, shift = len(key_frame) - start, 0
        if has_size:
            size = 0
            while True:
                size |= (key_frame[start] & 127) << shift
                shift, start = shift + 7, start + 1
                if key_frame[start - 1] < 128:
                    break
        if kind == _SEQUENCE_HEADER:
            return key_frame[start : start + size]
        place = start + size
    return b""


_SEQUENCE_HEADER = 1
"""``obu_type``, AV1 specification, 6.2.2."""

_LEVELS = ((1, 1), (2, 2), (6, 3), (12, 4), (24, 5))
"""Up to so many cores, the library's level of parallelism: ``PARALLEL_LEVEL_1_RANGE`` and so on of its
``enc_handle.c``, 4.0. Each level is a number of stages that work at a time, not of threads."""


def _threads(budget: ThreadBudget) -> dict[str, str]:
    cores = budget.unasked_encoder
    return {"lp": str(next((level for most, level in _LEVELS if cores <= most), 6))} if cores else {}


AV1 = EncoderSpec(
    name="av1",
    library="libsvtav1",
    also_called=("svtav1", "svt-av1", "libsvtav1", "av01"),
    coding_format="av1",
    crf=QualityScale(1, 63, 35, takes_fractions=True, steps_per_octave=10.0, step=0.25),
    presets=tuple(map(str, range(14))),
    fast_presets=frozenset({"11", "12", "13"}),
    default_preset="8",
    preset_option="preset",
    sides=(16, 8704),
    block_size=64,
    offset_range=lambda bits: 255,
    to_native=lambda offsets, crf: quantizer_scale().index_offsets(offsets, crf),
    crf_steps=lambda crf: quantizer_scale().steps(crf),
    map_conditions=(),
    elementary=_temporal_units,
    describe_key_frame=_sequence_header,
    rate=RateModel(
        first=BitCurve(gradient=3.325, difference=0.0, level=-12.527, steepness=1.136, least=-5.311),
        later=BitCurve(gradient=1.721, difference=0.417, level=-10.91, steepness=1.269, least=-16.37),
        coarser=0.356,
    ),
    max_levels=7,
    # The map is coded in every picture: with seven levels it costs the whole frame 0.15 dB at 500 kbit/s.
    live_levels=3,
    # The Lagrangian is the frame's: segments coded finer gain little for their bits.
    finer_crf=3.5,
    leaves_out_losing_maps=True,
    # Pictures that no other is predicted from weigh bits by 80/128 of what is usual: what moves gets its bits
    # there. On four sequences of DAVIS that are not in its table, at the same gain of the object, the whole
    # picture loses 13.6 % instead of 16.6. Without a map it gives the object 3.2 % and the whole 0.5.
    size_options={"enable-qm": "1", "lambda-scale-factors": "128,80,128,128,128,128,128"},
    live_preset="10",
    # ``rtc`` would take 7 for all that is slower, without a word.
    slowest_live="7",
    # Each picture is predicted from those before it, and all are alike: no quality that comes and goes.
    # In this mode one picture is coded at a time: more threads only cost a fifth more time.
    low_delay={"pred-struct": "1", "rtc": "1", "hierarchical-levels": "0", "lp": "1"},
    live_rates=("b",),
    threads=_threads,
    drive=_open,
)
