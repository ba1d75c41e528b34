"""Encoders set for little delay: every frame that goes in comes out at once, at a bit rate."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import av
import numpy as np
from av.video.frame import PictureType

from semvid.codecs.ffmpeg.allocator import OffsetAllocator
from semvid.codecs.ffmpeg.encoder import VideoEncoder
from semvid.codecs.ffmpeg.option_trial import check_obedience
from semvid.codecs.ffmpeg.prepare import FramePreparer
from semvid.codecs.ffmpeg.spec import EncoderSpec
from semvid.codecs.registry import find_encoder
from semvid.core.config import AllocationConfig, CompressConfig, LiveConfig
from semvid.core.errors import ConfigError, MapIgnoredError
from semvid.core.text import setting
from semvid.core.types import AnalysedFrame, FloatArray, Frame
from semvid.streaming.base.types import TIME_BASE, CodedPacket
from semvid.streaming.map_watch import LiveMapWatch

if TYPE_CHECKING:
    from av import Packet

_GOP_SECONDS = 2
"""From one place where a player can begin to the next."""
_BUFFERED = 2.0
"""Bits that may wait for the line, in units of ``latency_ms``: the picture that carries them is that late."""
_LEAST_BUFFER_SECONDS, _MOST_BUFFER_SECONDS = 0.2, 1.0

_LOW_DELAY: Mapping[str, Mapping[str, str]] = {
    # A wave of intra blocks instead of intra frames: no frame is much larger than the others.
    "x264": {"tune": "zerolatency", "intra-refresh": "1", "forced-idr": "1"},
    "x265": {
        "tune": "zerolatency",
        "forced-idr": "1",
        "x265-params": "intra-refresh=1:repeat-headers=1:scenecut=0",
    },
    "vp8": {"deadline": "realtime", "cpu-used": "10", "error-resilient": "default"},
    "vp9": {"error-resilient": "default"},
}
_LIVE_PRESETS: Mapping[str, str] = {"x264": "superfast", "x265": "veryfast", "vp9": "8"}
"""What keeps up with 720p on two cores. VP8 goes faster than its presets for files."""


class LiveEncoder(Protocol):
    """Codes frames as they come."""

    saving: float | None
    """See ``LiveStatus``, of the last frame."""

    def encode(
        self, frame: Frame, importance: FloatArray | None, *, is_cut: bool, wants_key: bool = False
    ) -> list[CodedPacket]:
        """Code the next frame.

        Args:
            frame: The frame.
            importance: ``(h, w)`` in 0..1, upright; None = everything matters equally.
            is_cut: First frame of a scene.
            wants_key: Make it one at which players can begin.
        """

    def take_remarks(self, *, waits: bool = False) -> list[str]:
        """Return, once, a sentence for everything the user should know.

        Args:
            waits: For what is still being found out.
        """

    def reweigh(self, allocation: AllocationConfig) -> None:
        """Change how strongly importance moves the quantizer, from the next frame on."""

    def flush(self) -> list[CodedPacket]:
        """Return the frames that are still in the making; after it there is only ``close``."""

    def close(self) -> None:
        """Give up whatever is still going on."""


def live_presets(config: LiveConfig) -> tuple[str, ...]:
    """Return the preset at full load and all faster ones that obey maps; none where there is no choice.

    Raises:
        ConfigError: The encoder has no such preset.
        MapIgnoredError: It would silently ignore the map.
    """
    usual = _LIVE_PRESETS.get(config.codec)
    if usual is None:
        if config.preset is not None:
            raise ConfigError(
                f"{setting('preset', config.preset)} is not for a live {config.codec}; leave it out"
            )
        return ()
    spec, first = find_encoder(config.codec), config.preset or usual
    live_options(spec, first, config, 25)
    return tuple(one for one in spec.presets[spec.presets.index(first) :] if _obeys(spec, one, config))


def _obeys(spec: EncoderSpec, preset: str, config: LiveConfig) -> bool:
    try:
        live_options(spec, preset, config, 25)
    except MapIgnoredError:
        return False
    return True


def open_encoder(
    config: LiveConfig,
    first: Frame,
    frame_rate: float,
    preset: str | None,
    allocation: AllocationConfig,
    sample_aspect_ratio: Fraction | None = None,
) -> LiveEncoder:
    """Open an encoder for frames like ``first``.

    Args:
        config: Codec, bit rate and latency.
        first: Geometry, format and colour come from it.
        frame_rate: Frames a second to expect.
        preset: One of ``live_presets``; None where there are none.
        allocation: How strongly importance moves the quantizer.
        sample_aspect_ratio: Width of a pixel by its height; None = square or unknown. VP8, VP9 and JPEG
            cannot say.

    Raises:
        ConfigError: An option is not one the encoder has.
        MapIgnoredError: The encoder would silently ignore the map.
        EncoderError: It refuses the picture.
    """
    if config.codec == "mjpeg":
        return _JpegEncoder(config, frame_rate, allocation)
    return _RegionEncoder(config, first, frame_rate, preset, allocation, sample_aspect_ratio)


def live_options(
    spec: EncoderSpec, preset: str | None, config: LiveConfig, frame_rate: float
) -> dict[str, str]:
    """Build FFmpeg's options for a constant bit rate and little delay.

    Raises:
        ConfigError: The encoder has no such preset.
        MapIgnoredError: It would silently ignore the map.
    """
    options = spec.options(spec.crf.default, preset, dict(_LOW_DELAY[spec.name]))
    options.pop("crf")
    seconds = min(max(_BUFFERED * config.latency_ms / 1000, _LEAST_BUFFER_SECONDS), _MOST_BUFFER_SECONDS)
    bits = config.rate.bits_per_second
    rate = {"b": str(bits), "maxrate": str(bits), "bufsize": str(round(bits * seconds))}
    if spec.library.startswith("libvpx"):
        rate["minrate"] = rate["maxrate"]
    return {**options, **rate, "g": str(max(round(_GOP_SECONDS * frame_rate), 1)), "bf": "0"}


class _RegionEncoder:
    """An encoder of FFmpeg that takes quantizer offsets per region."""

    def __init__(
        self,
        config: LiveConfig,
        first: Frame,
        frame_rate: float,
        preset: str | None,
        allocation: AllocationConfig,
        sample_aspect_ratio: Fraction | None,
    ) -> None:
        self._spec = find_encoder(config.codec)
        self.saving: float | None = None
        self._allocator = OffsetAllocator(self._spec, allocation)
        self._preparer = FramePreparer(self._spec, self._spec.crf.default, first)
        options = live_options(self._spec, preset, config, frame_rate)
        check_obedience(self._spec, options, self._preparer.pixel_format, {})
        # Encoders of PyAV that are not part of a file cannot be told everything; this file is none.
        self._nowhere = av.open(os.devnull, "w", format="null")
        self._duration = round(1 / (frame_rate * TIME_BASE))
        try:
            self._encoder = VideoEncoder(
                self._nowhere,
                self._spec,
                options,
                self._preparer,
                first=first.picture,
                frame_rate=Fraction(frame_rate).limit_denominator(1001),
                sample_aspect_ratio=sample_aspect_ratio,
                suffix="",
            )
        except BaseException:
            self._nowhere.close()
            raise
        self._watch = LiveMapWatch(self._spec, options, self._encoder.stream)

    def encode(
        self, frame: Frame, importance: FloatArray | None, *, is_cut: bool, wants_key: bool = False
    ) -> list[CodedPacket]:
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
        packets = self._encoder.encode(picture)
        self._watch.look(packets)
        return self._coded(packets)

    def _coded(self, packets: list[Packet[Any]]) -> list[CodedPacket]:
        return [
            CodedPacket(
                bytes(one), self._spec.coding_format, one.pts or 0,
                one.pts or 0 if one.dts is None else one.dts,
                one.duration or self._duration, bool(one.is_keyframe),
            )
            for one in packets
        ]  # fmt: skip

    def reweigh(self, allocation: AllocationConfig) -> None:
        self._allocator = OffsetAllocator(self._spec, allocation)

    def flush(self) -> list[CodedPacket]:
        packets = self._encoder.flush()
        self._watch.look(packets, is_last=True)
        return self._coded(packets)

    def take_remarks(self, *, waits: bool = False) -> list[str]:
        return self._watch.take_remarks(waits=waits)

    def close(self) -> None:
        self._watch.close()
        self._nowhere.close()


def predicted_saving(spec: EncoderSpec, offsets: FloatArray) -> float:
    """Predict the share of bits saved against a plain encode whose finest blocks are as good.

    Args:
        spec: The encoder.
        offsets: ``(rows, cols)`` QP steps that cost no bits.
    """
    finest = min(float(np.percentile(offsets, 5)), 0.0)
    return float(1 - np.exp2(spec.rate.finer * finest / 6))


class _JpegEncoder:
    """Motion-JPEG of our own, on all cores: a frame comes out when that many more are in the making."""

    def __init__(self, config: LiveConfig, frame_rate: float, allocation: AllocationConfig) -> None:
        # They load torch and a compiler.
        from semvid.codecs.jpeg.budget import Budget
        from semvid.codecs.jpeg.encoder import Choice, PictureCoder
        from semvid.codecs.jpeg.motion import JpegCoding, planes_of

        self.saving: float | None = None
        self._coding = JpegCoding(CompressConfig(codec="mjpeg"))
        self._choice = Choice(background_weight=allocation.background_weight, strength=allocation.strength)
        self._budget = Budget(config.rate.bits_per_second / 8 / frame_rate, None, 50)
        self._duration = round(1 / (frame_rate * TIME_BASE))
        self._make_coder: Any = lambda picture, importance: PictureCoder(planes_of(picture), importance)
        self._depth = min(os.cpu_count() or 1, max(int(config.latency_ms / 1000 * frame_rate), 1))
        self._pool = ThreadPoolExecutor(self._depth, "semvid-jpeg")
        self._pending: deque[tuple[int, Future[bytes]]] = deque()
        # What is compiled on first use takes seconds: before the first frame, not while it waits.
        grey = np.full((64, 64, 3), 128, np.uint8)
        blank = av.VideoFrame.from_ndarray(grey)
        blank.pts, blank.time_base = 0, TIME_BASE
        analysed = AnalysedFrame(Frame(blank, 0), None, is_cut=True)
        picture = self._coding.prepare(analysed).picture
        self._make_coder(picture, np.zeros((1, 1), np.float32)).encode(self._choice)

    def encode(
        self, frame: Frame, importance: FloatArray | None, *, is_cut: bool, wants_key: bool = False
    ) -> list[CodedPacket]:
        coded = None if importance is None else frame.as_coded(importance)
        prepared = self._coding.prepare(AnalysedFrame(frame, coded, is_cut))
        choice = replace(self._choice, quality=self._budget.next_quality())
        job = self._pool.submit(lambda: self._make_coder(prepared.picture, coded).encode(choice))
        self._pending.append((frame.picture.pts or 0, job))
        return [] if len(self._pending) < self._depth else [self._oldest()]

    def _oldest(self) -> CodedPacket:
        pts, done = self._pending.popleft()
        data = done.result()
        self._budget.spend(len(data))
        return CodedPacket(data, "mjpeg", pts, pts, self._duration, is_keyframe=True)

    def take_remarks(self, *, waits: bool = False) -> list[str]:
        return []

    def reweigh(self, allocation: AllocationConfig) -> None:
        self._choice = replace(self._choice, strength=allocation.strength)

    def flush(self) -> list[CodedPacket]:
        return [self._oldest() for _ in range(len(self._pending))]

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)
