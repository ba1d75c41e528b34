"""VP8, by libvpx."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING

from semvid.allocate.rate_model import BitCurve, RateModel
from semvid.codecs.base.codec import QualityScale
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.codecs.vpx.common import LIVE_RATES, LOOKS_NOT_AHEAD, OPTION_ALIASES, in_ivf, offset_range

if TYPE_CHECKING:
    from semvid.allocate.vpx_scale import QuantizerScale


@cache
def quantizer_scale() -> QuantizerScale:
    """Return the quantizers of VP8."""
    from semvid.allocate.vpx_scale import QuantizerScale

    return QuantizerScale(
        user_knots=(0, 6, 15, 26, 41, 63),
        index_knots=(0, 7, 19, 31, 61, 127),
        linear_base=4,
        bend=54,
        growth=1.0221,
    )


VP8 = EncoderSpec(
    name="vp8",
    library="libvpx",
    also_called=("libvpx",),
    coding_format="vp8",
    crf=QualityScale(4, 63, 34, takes_fractions=False, steps_per_octave=10.0),
    presets=("0", "1", "2", "3", "4", "5"),
    default_preset="2",
    preset_option="cpu-used",
    aliases=OPTION_ALIASES,
    sides=(1, 16383),
    block_size=16,
    # It names none: decoders take BT.601.
    matrices=frozenset({5, 6}),
    offset_range=offset_range,
    to_native=lambda offsets, crf: quantizer_scale().native(offsets, crf),
    crf_steps=lambda crf: quantizer_scale().steps(crf),
    map_conditions=(LOOKS_NOT_AHEAD,),
    codes_full_range=False,
    # Its alternate references would have to be those of the second layer too.
    alpha_options={"auto-alt-ref": "0"},
    codes_odd_sizes=True,
    truncates_offsets=True,
    # VP8's CRF is a floor under a bit rate, which FFmpeg sets to 256 kb/s when none is given.
    bit_rate=200_000_000,
    # libvpx obeys it only from the 151st frame on, never in key frames, and until then fills the bit rate.
    crf_floor="qmin",
    elementary=partial(in_ivf, b"VP80"),
    # Its size.
    describe_key_frame=lambda key_frame: key_frame[6:10],
    rate=RateModel(
        first=BitCurve(gradient=1.498, difference=0.0, level=-5.451, steepness=0.853, least=-6.073),
        later=BitCurve(gradient=0.342, difference=0.337, level=-2.365, steepness=2.584, least=-5.849),
        coarser=0.57,
    ),
    max_levels=3,
    leaves_out_losing_maps=True,
    # A map costs 1 to 2 bits a block: in every frame, half as much again as a whole video of a still scene.
    map_frames=8,
    fixed_options={"deadline": "good", "lag-in-frames": "0"},
    low_delay={
        "deadline": "realtime", "cpu-used": "10", "error-resilient": "default",
    },
    live_rates=LIVE_RATES,
)  # fmt: skip
