"""The self-test of FFmpeg's encoders."""

from __future__ import annotations

from semvid.codecs.base.self_test import Coded, SelfTest, compare_halves
from semvid.codecs.ffmpeg.option_trial import encode_halves
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.types import Frame


def test_encoder(spec: EncoderSpec, preset: str | None) -> SelfTest:
    """Encode a small moving texture with and without a map and compare the pixels of both halves.

    Args:
        spec: The encoder.
        preset: One of its presets; None = the default.
    """

    def encode(frames: list[Frame], mark: bool) -> Coded:
        crf = round((spec.crf.lowest + spec.crf.highest) / 2)
        return encode_halves(spec, spec.options(crf, preset, {}), frames, mark=mark)

    return compare_halves(spec.name, spec.library, encode)
