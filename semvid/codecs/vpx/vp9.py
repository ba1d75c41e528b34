"""VP9, by libvpx."""

from __future__ import annotations

import io
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from semvid.allocate.rate_model import BitCurve, RateModel
from semvid.codecs.base.codec import QualityScale
from semvid.codecs.ffmpeg.option_text import number
from semvid.codecs.ffmpeg.spec import EncoderSpec, MapCondition, ToldQuantizers, is_off_option
from semvid.codecs.vpx.common import LIVE_RATES, LOOKS_NOT_AHEAD, OPTION_ALIASES, in_ivf, offset_range

if TYPE_CHECKING:
    from av import VideoFrame

    from semvid.allocate.vpx_scale import QuantizerScale
    from semvid.core.types import FloatArray


def quantizer_scale() -> QuantizerScale:
    """Return the quantizers of VP9."""
    from semvid.allocate.vpx_scale import VP9_SCALE

    return VP9_SCALE


def _is_realtime(found: Mapping[str, str]) -> bool:
    deadline = found.get("deadline", "").strip()
    return deadline == "realtime" or number(deadline) == 1


def _segments(picture: VideoFrame, qps: FloatArray, asked: FloatArray, num_bytes: int) -> FloatArray:
    import numpy as np

    rows = np.zeros((qps.size, 4), np.float32)
    # libvpx rounds to one of FFmpeg's 64 steps, and each is four of the bitstream's 256 indices.
    rows[:, 0], rows[:, 1] = qps.ravel(), 4 * np.round(asked).ravel()
    return rows


def _size_and_format(key_frame: bytes) -> bytes:
    # Marker, profile and sync code, colours and size: all in the first bytes, but not at bytes' borders; the
    # last of them may hold other things, so the size is read by a decoder.
    import av

    demuxer, data = in_ivf(b"VP90", key_frame)
    with av.open(io.BytesIO(data), "r", format=demuxer) as parsed:
        stream = parsed.streams.video[0]
        return f"{stream.width}x{stream.height} {stream.codec_context.pix_fmt}".encode()


VP9 = EncoderSpec(
    name="vp9",
    library="libvpx-vp9",
    also_called=("libvpx-vp9",),
    coding_format="vp9",
    # Quantizer 0 is lossless.
    crf=QualityScale(1, 63, 38, takes_fractions=False, steps_per_octave=10.0),
    presets=("0", "1", "2", "3", "4", "5", "6", "7", "8"),
    default_preset="5",
    preset_option="cpu-used",
    aliases=OPTION_ALIASES,
    sides=(1, 65535),
    block_size=8,
    matrices=frozenset({1, 2, 5, 6, 7, 9}),
    offset_range=offset_range,
    to_native=lambda offsets, crf: quantizer_scale().native(offsets, crf),
    crf_steps=lambda crf: quantizer_scale().steps(crf),
    map_conditions=(
        MapCondition(
            _is_realtime,
            "libvpx-vp9 reads maps only in its realtime mode",
            "drop deadline or set deadline=realtime",
        ),
        MapCondition(
            lambda found: abs(number(found["cpu-used"]) or 0) >= 5,
            "libvpx-vp9 reads maps only at cpu-used 5 or faster",
            "use `preset=5 to 8`",
        ),
        is_off_option("aq-mode", "libvpx-vp9's own aq-mode takes the segments the map needs"),
        is_off_option("lossless", "lossless coding has no quantizer"),
        MapCondition(
            lambda found: number(found.get("g", "128")) not in {0, 1},
            "libvpx-vp9 reads no map in key frames, and g=1 makes every frame one",
            "drop g",
        ),
        LOOKS_NOT_AHEAD,
    ),
    alpha_options={},
    codes_odd_sizes=True,
    truncates_offsets=True,
    elementary=partial(in_ivf, b"VP90"),
    describe_key_frame=_size_and_format,
    # libvpx keeps the frame's Lagrangian for all segments, so offsets do less than they should.
    rate=RateModel(
        first=BitCurve(gradient=2.243, difference=0.0, level=-7.102, steepness=0.193, least=-5.498),
        later=BitCurve(gradient=0.413, difference=0.353, level=-2.694, steepness=5.03, least=-2.712),
        coarser=0.496,
    ),
    # Key frames are not read: they ignore maps.
    quantizers=ToldQuantizers(_segments),
    max_levels=7,
    leaves_out_losing_maps=True,
    fixed_options={"deadline": "realtime", "aq-mode": "0", "row-mt": "1", "lag-in-frames": "0"},
    # It looks ahead, and chooses cpu-used 5 for all that is faster.
    mapless={("deadline", "good"): {"row-mt": "1"}},
    live_preset="8",
    low_delay={"error-resilient": "default"},
    live_rates=LIVE_RATES,
)
