"""FFmpeg's encoders that take regions, with little delay."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from av.video.frame import PictureType

from semvid.codecs.base.live import LiveOptions
from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.ffmpeg.encoder import VideoEncoder
from semvid.codecs.ffmpeg.map_watch import LiveMapWatch
from semvid.codecs.ffmpeg.option_trial import check_obedience
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.core.coded import TIME_BASE, CodedPacket
from semvid.core.config import AllocationConfig
from semvid.core.types import AnalysedFrame, FloatArray, Frame

_GOP_SECONDS = 2
"""Interval between places where a player can begin."""
_BUFFERED = 2.0
"""Bits that may wait for the line, in units of ``latency_ms``: the picture that carries them is that late."""
_LEAST_BUFFER_SECONDS, _MOST_BUFFER_SECONDS = 0.2, 1.0


def ffmpeg_options(spec: EncoderSpec, options: LiveOptions) -> dict[str, str]:
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
    return {**built, **rate, "g": str(max(round(_GOP_SECONDS * options.frame_rate), 1)), "bf": "0"}


class RegionLiveEncoder:
    """See ``LiveEncoder``.

    Args:
        spec: The encoder.
        first: Geometry, format and colour come from it.
        options: Bit rate, delay and so on.
        allocation: How strongly importance moves the quantizer.

    Raises:
        ConfigError: An option is not one the encoder has.
        MapIgnoredError: The encoder would silently ignore the map.
        EncoderError: It refuses the picture.
    """

    def __init__(
        self, spec: EncoderSpec, first: Frame, options: LiveOptions, allocation: AllocationConfig
    ) -> None:
        self._spec = spec
        self.saving: float | None = None
        self._preparer = FramePreparer(spec, spec.crf.default, first)
        self.reweigh(allocation)
        built = ffmpeg_options(spec, options)
        check_obedience(spec, built, self._preparer.pixel_format, {})
        self._duration = round(1 / (options.frame_rate * TIME_BASE))
        self._encoder = VideoEncoder(
            spec,
            built,
            self._preparer,
            first=first.picture,
            frame_rate=Fraction(options.frame_rate).limit_denominator(1001),
            sample_aspect_ratio=options.sample_aspect_ratio,
            suffix="",
        )
        self._watch = LiveMapWatch(spec, built, self._encoder.parameters.extradata)

    def encode(
        self, frame: Frame, importance: FloatArray | None, *, is_cut: bool, wants_key: bool = False
    ) -> list[CodedPacket]:
        """See ``LiveEncoder``."""
        if importance is None:
            # Regions that do nothing: libx265 4.2 crashes if only some frames carry any.
            importance = np.zeros((1, 1), np.float32)
        coded = frame.as_coded(importance)
        offsets, _ = self._allocator.update(AnalysedFrame(frame, coded, is_cut))
        assert offsets is not None  # noqa: S101 - there is a map
        self.saving = predicted_saving(self._spec, offsets.values)
        picture = self._preparer.prepare(frame, offsets)
        if self._watch.needs_key(offsets) or wants_key:
            picture.pict_type = PictureType.I
        self._watch.ask(picture, self._preparer.in_force)
        return self._watched(self._encoder.encode(picture))

    def _watched(self, packets: list[CodedPacket], *, is_last: bool = False) -> list[CodedPacket]:
        """Look at packets, and have them go to any number of containers."""
        self._watch.look(packets, is_last=is_last)
        return [replace(one, duration=one.duration or self._duration, origin=None) for one in packets]

    def reweigh(self, allocation: AllocationConfig) -> None:
        """See ``LiveEncoder``."""
        self._allocator = OffsetAllocator(self._spec, allocation)

    def flush(self) -> list[CodedPacket]:
        """See ``LiveEncoder``."""
        return self._watched(self._encoder.flush(), is_last=True)

    def take_remarks(self, *, waits: bool = False) -> list[str]:
        """See ``LiveEncoder``."""
        return self._watch.take_remarks(waits=waits)

    def close(self) -> None:
        """See ``LiveEncoder``."""
        self._watch.close()


def predicted_saving(spec: EncoderSpec, offsets: FloatArray) -> float:
    """Predict the share of bits saved against a plain encode whose finest blocks are as good.

    Args:
        spec: The encoder.
        offsets: ``(rows, cols)`` QP steps that cost no bits.
    """
    finest = min(float(np.percentile(offsets, 5)), 0.0)
    return float(1 - np.exp2(spec.rate.finer * finest / 6))
