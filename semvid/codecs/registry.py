"""The encoders semvid steers, and why it refuses the others."""

from __future__ import annotations

from collections.abc import Mapping

from semvid.allocate.rate_model import RateModel
from semvid.allocate.vpx_scale import vp8_native, vp8_steps, vp9_native, vp9_steps
from semvid.codecs.ffmpeg.option_text import is_off, number
from semvid.codecs.ffmpeg.spec import CrfRange, EncoderSpec, Implication, MapCondition
from semvid.core.errors import ConfigError, MapIgnoredError
from semvid.core.text import setting
from semvid.core.types import FloatArray

_X26X_PRESETS = (
    "placebo", "veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast", "superfast", "ultrafast",
)  # fmt: skip


def _quantizer_steps(offsets: FloatArray, crf: float) -> FloatArray:
    """x264 and x265 take offsets in QP steps at any CRF."""
    return offsets


def _h26x_range(bits: int) -> int:
    # FFmpeg scales qoffset by the whole QP range, which grows by 6 with every bit beyond 8.
    return 51 + 6 * (bits - 8)


def _vpx_range(bits: int) -> int:
    return 63


def _is_zero(value: str | None) -> bool:
    return number(value) == 0


_AQ_MODES = {"variance", "autovariance", "autovariance-biased"}


def _needs_aq(fastest_preset: str, switch: str, tree: str) -> tuple[MapCondition, ...]:
    """Return what x264 and x265 need for the map.

    Args:
        fastest_preset: That has adaptive quantization on.
        switch: Option that turns it on.
        tree: Option that keeps it on at a strength of 0.
    """
    return (
        MapCondition(
            lambda found: "qp" not in found,
            "a constant qp overrules every offset",
            "give `Crf` instead of qp",
        ),
        MapCondition(
            lambda found: found["aq-mode"].strip() in _AQ_MODES or (number(found["aq-mode"]) or 0) > 0,
            "the map rides on adaptive quantization, which is off (by aq-mode 0, or by a preset or tune)",
            f"use `preset={fastest_preset}` or slower, or `encoder_options={switch}`",
        ),
        MapCondition(
            lambda found: (
                not (
                    _is_zero(found.get("aq-strength"))
                    and (is_off(found.get(tree, "1")) or _is_zero(found.get("rc-lookahead")))
                )
            ),
            f"without {tree}, aq-strength 0 turns off the adaptive quantization the map rides on",
            "drop aq-strength",
        ),
        MapCondition(
            lambda found: not _has_one_quantizer(found),
            "qmin and qmax leave one quantizer",
            "set them further apart",
        ),
    )


def _has_one_quantizer(found: Mapping[str, str]) -> bool:
    for lowest, highest in (("qmin", "qmax"), ("qpmin", "qpmax"), ("qp-min", "qp-max")):
        low, high = number(found.get(lowest)), number(found.get(highest))
        if low is not None and high is not None and low >= high:
            return True
    return False


def _is_off_option(option: str, reason: str) -> MapCondition:
    return MapCondition(lambda found: is_off(found.get(option)), reason, f"drop {option}")


def _is_realtime(found: Mapping[str, str]) -> bool:
    deadline = found.get("deadline", "").strip()
    return deadline == "realtime" or number(deadline) == 1


_NO_FIELDS_BY_OPTION = MapCondition(
    # libx264 reads a map in pairs of rows then; where their number is odd, beyond the map's end.
    lambda found: (
        all(is_off(found.get(one)) for one in ("interlaced", "tff", "bff"))
        and not any(one in found.get("flags", "") for one in ("ildct", "ilme"))
    ),
    "interlaced coding by an option reads it on the wrong lines",
    "drop it; interlaced video is coded as such by itself (`deinterlace=auto`)",
)

_LOOKS_NOT_AHEAD = MapCondition(
    # FFmpeg hands libvpx a picture's map at once, but the picture waits for those it looks ahead at.
    lambda found: is_off(found.get("lag-in-frames")),
    "while libvpx looks ahead, every picture is coded by the map of a later one",
    "drop lag-in-frames",
)

X264 = EncoderSpec(
    name="x264",
    library="libx264",
    coding_format="h264",
    # CRF 0 is lossless in 8 bit: there is nothing to allocate.
    crf=CrfRange(1, 51, 26, takes_fractions=True),
    presets=_X26X_PRESETS,
    default_preset="medium",
    preset_option="preset",
    block_size=16,
    offset_range=_h26x_range,
    to_native=_quantizer_steps,
    map_conditions=(*_needs_aq("superfast", "aq-mode=1", "mbtree"), _NO_FIELDS_BY_OPTION),
    rate=RateModel(spatial=0.21, temporal=0.24, finer=1.5, coarser=1.5),
    # Interlaced pictures are coded by pairs of macroblock rows; in a pair coded by fields the upper row's
    # offsets would go to one field and the lower row's to the other (examples/benchmark/interlaced.py).
    field_block_size=32,
    defaults={"aq-mode": "1"},
    implications=(
        *(Implication("preset", name, ("aq-mode", "0")) for name in ("ultrafast", "0")),
        *(Implication("preset", name, ("mbtree", "0")) for name in ("ultrafast", "superfast", "0", "1")),
        Implication("tune", "psnr", ("aq-mode", "0")),
        Implication("tune", "zerolatency", ("rc-lookahead", "0")),
    ),
    nested_options=("x264opts", "x264-params"),
    hdr10_options=("mastering-display", "cll"),
)

X265 = EncoderSpec(
    name="x265",
    library="libx265",
    coding_format="hevc",
    crf=CrfRange(1, 51, 28, takes_fractions=True),
    presets=_X26X_PRESETS,
    default_preset="medium",
    preset_option="preset",
    # The quantization group of all presets: offsets of smaller blocks would only be averaged, and the
    # optimal offset of a group is that of its mean weight, not the mean of its offsets.
    sides=(16, 65535),
    block_size=32,
    matrices=frozenset(range(16)),
    offset_range=_h26x_range,
    to_native=_quantizer_steps,
    map_conditions=(
        *_needs_aq("veryfast", "x265-params=aq-mode=2", "cutree"),
        _is_off_option("hevc-aq", "hevc-aq takes the place of the adaptive quantization the map rides on"),
        _is_off_option("lossless", "lossless coding has no quantizer"),
    ),
    rate=RateModel(spatial=0.4, temporal=0.33, finer=1.7, coarser=1.7),
    defaults={"aq-mode": "2"},
    implications=(
        *(Implication("preset", name, ("aq-mode", "0")) for name in ("ultrafast", "superfast", "0", "1")),
        Implication("tune", "grain", ("aq-mode", "0")),
        Implication("tune", "zerolatency", ("cutree", "0")),
    ),
    nested_options=("x265-params",),
    nested_only=frozenset({"aq-mode", "aq-strength", "hevc-aq", "lossless"}),
    hdr10_options=("master-display", "max-cll"),
    fixed_options={"x265-params": "log-level=none", "a53cc": "1"},
    # QuickTime and Safari play HEVC only under this tag.
    container_tags={".mp4": "hvc1", ".m4v": "hvc1", ".mov": "hvc1"},
)

_VPX_ALIASES = {"quality": "deadline", "speed": "cpu-used"}

VP8 = EncoderSpec(
    name="vp8",
    library="libvpx",
    coding_format="vp8",
    crf=CrfRange(4, 63, 34, takes_fractions=False),
    presets=("0", "1", "2", "3", "4", "5"),
    default_preset="2",
    preset_option="cpu-used",
    aliases=_VPX_ALIASES,
    sides=(1, 16383),
    block_size=16,
    # It names none: decoders take BT.601.
    matrices=frozenset({5, 6}),
    offset_range=_vpx_range,
    to_native=vp8_native,
    crf_steps=vp8_steps,
    map_conditions=(_LOOKS_NOT_AHEAD,),
    codes_full_range=False,
    # Its alternate references would have to be those of the second layer too.
    alpha_options={"auto-alt-ref": "0"},
    codes_odd_sizes=True,
    truncates_offsets=True,
    # VP8's CRF is a floor under a bit rate, which FFmpeg sets to 256 kb/s when none is given.
    bit_rate=200_000_000,
    # libvpx heeds it only from the 151st frame on, never in key frames, and until then fills the bit rate.
    crf_floor="qmin",
    rate=RateModel(spatial=0.917, temporal=0.527, finer=1.081, coarser=0.717),
    max_levels=3,
    # A map costs 1 to 2 bits a block: in every frame, half as much again as a whole video of a still scene.
    map_frames=8,
    fixed_options={"deadline": "good", "lag-in-frames": "0"},
)

VP9 = EncoderSpec(
    name="vp9",
    library="libvpx-vp9",
    coding_format="vp9",
    # Quantizer 0 is lossless.
    crf=CrfRange(1, 63, 38, takes_fractions=False),
    presets=("5", "6", "7", "8"),
    default_preset="5",
    preset_option="cpu-used",
    aliases=_VPX_ALIASES,
    sides=(1, 65535),
    block_size=8,
    matrices=frozenset({1, 2, 5, 6, 7, 9}),
    offset_range=_vpx_range,
    to_native=vp9_native,
    crf_steps=vp9_steps,
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
        _is_off_option("aq-mode", "libvpx-vp9's own aq-mode takes the segments the map needs"),
        _is_off_option("lossless", "lossless coding has no quantizer"),
        MapCondition(
            lambda found: number(found.get("g", "128")) not in {0, 1},
            "libvpx-vp9 reads no map in key frames, and g=1 makes every frame one",
            "drop g",
        ),
        _LOOKS_NOT_AHEAD,
    ),
    alpha_options={},
    codes_odd_sizes=True,
    truncates_offsets=True,
    # libvpx keeps the frame's Lagrangian for all segments, so offsets do less than they should.
    rate=RateModel(spatial=1.0, temporal=0.32, finer=2.2, coarser=0.25),
    max_levels=7,
    fixed_options={"deadline": "realtime", "aq-mode": "0", "row-mt": "1", "lag-in-frames": "0"},
)

ENCODERS = {spec.name: spec for spec in (X264, X265, VP8, VP9)}
"""By the name users type."""

CODECS = (*ENCODERS, "mjpeg")
"""Everything ``codec`` can be."""

_ALIASES = {
    "h264": "x264", "avc": "x264", "libx264": "x264", "h265": "x265", "hevc": "x265", "libx265": "x265",
    "libvpx": "vp8", "libvpx-vp9": "vp9",
}  # fmt: skip

_REFUSED = {
    "av1": ("FFmpeg's AV1 encoders (SVT-AV1, libaom, rav1e) silently ignore region maps", "x265 or vp9"),
    "svtav1": ("FFmpeg's SVT-AV1 wrapper silently ignores region maps", "x265 or vp9"),
    "aom": ("FFmpeg's libaom wrapper silently ignores region maps", "x265 or vp9"),
    "rav1e": ("rav1e silently ignores region maps", "x265 or vp9"),
    "nvenc": ("NVENC silently ignores region maps", "x264 or x265"),
    "amf": ("AMF silently ignores region maps", "x264 or x265"),
    "videotoolbox": ("VideoToolbox silently ignores region maps", "x264 or x265"),
    "vvenc": ("FFmpeg's libvvenc wrapper silently ignores region maps", "x265"),
    "kvazaar": ("FFmpeg's libkvazaar wrapper silently ignores region maps", "x265"),
    "openh264": ("libopenh264 silently ignores region maps", "x264"),
}


def find_encoder(name: str) -> EncoderSpec:
    """Look an encoder up by the name a user typed.

    Raises:
        MapIgnoredError: The encoder exists but would ignore the map.
        ConfigError: No such encoder is known.
    """
    wanted = name.lower()
    spec = ENCODERS.get(_ALIASES.get(wanted, wanted))
    if spec is not None:
        return spec
    for key, (why, instead) in _REFUSED.items():
        if key in wanted.replace("-", "").replace("_", ""):
            raise MapIgnoredError(f"{setting('codec', name)} is refused: {why}; use `codec={instead}`")
    raise ConfigError(f"{setting('codec', name)} is unknown; choose one of {', '.join(CODECS)}")
