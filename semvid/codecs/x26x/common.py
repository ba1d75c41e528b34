"""What x264 and x265 have in common."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from semvid.codecs.ffmpeg.option_text import is_off, number
from semvid.codecs.ffmpeg.spec import MapCondition

_LONGEST_PARAMETERS = 4096
PRESETS = (
    "placebo", "veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast", "superfast", "ultrafast",
)  # fmt: skip


def offset_range(bits: int) -> int:
    """Return the native units of an FFmpeg ``qoffset`` of 1."""
    # FFmpeg scales qoffset by the whole QP range, which grows by 6 with every bit beyond 8.
    return 51 + 6 * (bits - 8)


def _is_zero(value: str | None) -> bool:
    return number(value) == 0


_AQ_MODES = {"variance", "autovariance", "autovariance-biased"}


def needs_aq(fastest_preset: str, switch: str, tree: str) -> tuple[MapCondition, ...]:
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


def parameter_sets(key_frame: bytes, shift: int, mask: int, kinds: Collection[int]) -> bytes:
    """Return the parameter sets in front of a key frame.

    Args:
        key_frame: Units with start codes.
        shift: Bits of a unit's first byte below its kind.
        mask: Those of the kind.
        kinds: Parameter sets.
    """
    units = key_frame[:_LONGEST_PARAMETERS].replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
    return b"".join(one.rstrip(b"\0") for one in units if one and one[0] >> shift & mask in kinds)
