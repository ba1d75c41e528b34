"""FFmpeg's options for what a file is to be coded at: a quality or a bit rate, with a maximum or without."""

from __future__ import annotations

import math
from collections.abc import Mapping

from semvid.codecs.base.codec import Pass
from semvid.codecs.base.rates import check_rates
from semvid.codecs.ffmpeg.mapless import check_mapless
from semvid.codecs.ffmpeg.option_text import quoted
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.config import CompressConfig
from semvid.core.errors import ConfigError
from semvid.core.rate import Bitrate, Crf
from semvid.core.setting_types import Limits
from semvid.core.text import setting

_BITRATES = Limits(1000, 2_000_000_000)
"""Both x264 and x265 count in whole kbit/s, up to 2 Gbit/s."""
_SET_BY_BITRATE = frozenset({
    "b", "bitrate", "crf", "cqp", "qp", "pass", "stats", "passlogfile", "multi-pass-opt-analysis",
    "multi-pass-opt-distortion",
})  # fmt: skip
_SET_BY_PEAK = frozenset({"maxrate", "bufsize", "vbv-maxrate", "vbv-bufsize", "minrate"})


def rated_options(
    spec: EncoderSpec, config: CompressConfig, part: Pass | None
) -> tuple[dict[str, str], float, float]:
    """Return FFmpeg's options of a file, the CRF that offsets are scaled for, and what the map adds to it.

    An encoder that takes whole numbers gets the remainder from the map, where that changes the quantizer.

    Args:
        spec: The encoder.
        config: Options.
        part: One of two passes; None = there is one.

    Raises:
        ConfigError: The encoder does not take an option.
        MapIgnoredError: It would silently ignore the map.
    """
    check_rates(config, spec, (Crf, Bitrate) if spec.has_two_passes else (Crf,))
    quality = config.rate.value if isinstance(config.rate, Crf) else spec.crf.default
    check_mapless(spec, config)
    has_map = spec.steers(config)
    by_map = has_map and spec.crf.map_fractions and not spec.crf.takes_fractions
    crf = math.ceil(quality) if by_map else quality
    options = spec.options(crf, config.preset, config.encoder_options, has_map=has_map)
    coded_crf = spec.coded_crf(crf, config.allocation)
    if coded_crf != crf:
        options = {**spec.size_options, **options, "crf": f"{coded_crf:g}"}
    if isinstance(config.rate, Bitrate):
        _refuse(spec, config.encoder_options, _SET_BY_BITRATE, "Bitrate")
        _BITRATES.check("Bitrate", config.rate.bits_per_second)
        options.pop("crf")
        options["b"] = _whole_kbits(part.bits_per_second if part else config.rate.bits_per_second)
    if config.peak is not None:
        _refuse(spec, config.encoder_options, _SET_BY_PEAK, "Peak")
        options["maxrate"] = str(config.peak.bits_per_second)
        options["bufsize"] = str(config.peak.chosen_buffer_bits)
    return (_in_pass(spec, options, part) if part else options), crf, quality - crf


def _whole_kbits(bits_per_second: float) -> str:
    """Round as encoders will not: they cut off what is no whole kbit/s."""
    return str(max(round(bits_per_second / 1000), 1) * 1000)


def _in_pass(spec: EncoderSpec, options: dict[str, str], part: Pass) -> dict[str, str]:
    assert spec.nested_option is not None  # noqa: S101 - encoders with two passes have one
    number = spec.first_of_two if part.number == 1 else "pass=2"
    if part.number > 1 and not _SET_BY_PEAK & spec.effective(options).keys():
        number = spec.second_of_two(part.first_header)
    lists = [options.get(spec.nested_option), number, f"stats={quoted(str(part.statistics))}"]
    return {**options, spec.nested_option: ":".join(filter(None, lists))}


def _refuse(spec: EncoderSpec, given: Mapping[str, str], taken: frozenset[str], rate: str) -> None:
    """Refuse options of the user that say something else about the rate."""
    for name, value in spec.effective(given).items():
        key = name.replace("_", "-")
        if key in taken - spec.defaults.keys() or (key == "flags" and "pass" in value):
            raise ConfigError(
                f"{setting('encoder_options', f'{name}={value}')} contradicts `{rate}`; leave one of them out"
            )
