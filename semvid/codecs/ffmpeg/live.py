"""FFmpeg's options for live streams, and what a map saves there."""

from __future__ import annotations

import numpy as np

from semvid.allocate.rate_model import BlockBits
from semvid.codecs.base.codec import LiveOptions
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.types import FloatArray

_GOP_SECONDS = 2
"""Interval between places where a player can begin."""
_BUFFERED = 2.0
"""Bits that may wait for the line, in units of ``latency_ms``: the picture that carries them is that late."""
_LEAST_BUFFER_SECONDS, _MOST_BUFFER_SECONDS = 0.2, 1.0


def live_options(spec: EncoderSpec, options: LiveOptions) -> dict[str, str]:
    """Build FFmpeg's options for a constant bit rate and little delay.

    Raises:
        ConfigError: The encoder has no such preset.
        MapIgnoredError: It would silently ignore the map.
    """
    built = spec.options(spec.crf.default, options.preset, spec.low_delay)
    built.pop("crf")
    seconds = min(max(_BUFFERED * options.latency_ms / 1000, _LEAST_BUFFER_SECONDS), _MOST_BUFFER_SECONDS)
    rate = dict.fromkeys(spec.live_rates, str(options.bitrate))
    rate["bufsize"] = str(round(options.bitrate * seconds))
    # Only FFmpeg knows this one.
    in_order = {} if spec.drive else {"bf": "0"}
    return {**built, **rate, "g": str(max(round(_GOP_SECONDS * options.frame_rate), 1)), **in_order}


def predicted_saving(blocks: BlockBits, offsets: FloatArray) -> float:
    """Predict the share of bits saved against a plain encode that is as good where blocks are finer.

    That is their mean. The finest of them would promise too much, as maps also mark what does not matter
    (``examples/benchmark/live_prediction.py``).

    Args:
        blocks: Of a frame.
        offsets: ``(rows, cols)`` QP steps that cost no bits.
    """
    finer = offsets[offsets < 0]
    mean = float(finer.mean()) if finer.size else 0.0
    return 1 - 1 / blocks.ratio(np.full((1, 1), mean, np.float32))
