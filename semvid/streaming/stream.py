"""Turns frames into packets at once: makes and carries maps, allocates, encodes, and reduces the load."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import replace
from fractions import Fraction

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.codecs.base.live import LiveEncoder
from semvid.core.closing import Closing
from semvid.core.coded import TIME_BASE, CodedPacket
from semvid.core.config import LiveConfig
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Bitrate
from semvid.core.settings import or_default
from semvid.core.types import Frame
from semvid.importance.predictor import NetworkSource
from semvid.importance.registry import open_source
from semvid.streaming.base.types import USUAL_RATE, Captured, Snapshot
from semvid.streaming.encoder import live_presets, open_encoder
from semvid.streaming.follower import LiveFollower
from semvid.streaming.governor import Governor, Load, ladder
from semvid.streaming.handle import LiveControls
from semvid.streaming.mapper import LiveMapper
from semvid.streaming.meters import Meters

_KEY_SECONDS = 1.0
"""Minimum interval between requested key frames: they are large."""
_JUDGED_EVERY = 0.25
"""Seconds between looks at the load."""


class LiveStream(Closing):
    """The heart of a live stream, without source and sinks.

    Example:
        ``with LiveStream(LiveConfig()) as stream: packets = stream.feed_array(rgb, 0.0) + stream.flush()``

    Args:
        config: Options.
        source: Makes the maps; it is closed at the end. None = what ``config`` names.

    Attributes:
        meters: Measurements.
        governor: How far the load is reduced.
        num_frames: Coded so far.
    """

    def __init__(self, config: LiveConfig, source: ImportanceSource | None = None) -> None:
        self.meters = Meters()
        self.num_frames = 0
        self._config = config = or_default(config, LiveConfig)
        presets = live_presets(config)
        source = self._source = open_source(config.maps, None, source)
        self._preset = presets[0] if presets else None
        self._ladder = ladder(presets[1:])
        self.governor = Governor(len(self._ladder))
        self._follower = LiveFollower(source, config.temporal)
        self._mapper = LiveMapper(source, config.max_maps_per_second)
        self._step = 0
        self._controls = LiveControls(
            config.allocation.strength, config.rate.bits_per_second, config.maps.focus.weights, maps_on=True
        )
        self._wanted = self._controls
        self._lock = threading.Lock()
        self._encoder: LiveEncoder | None = None
        self._encoder_key: tuple[object, ...] = ()
        self._snapshot: Snapshot | None = None
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=1000)
        self._rate = config.frame_rate or USUAL_RATE
        self._last_pts: int | None = None
        self._judged_at = 0.0
        self._key_at = -_KEY_SECONDS
        self._num_lost = 0
        self._remarks: list[str] = []

    @property
    def load(self) -> Load:
        """The current load per frame."""
        return self._ladder[self._step]

    @property
    def maps_per_second(self) -> float:
        """Maps per second, over the last seconds."""
        return self._mapper.maps_per_second

    @property
    def num_failed_maps(self) -> int:
        """Frames for which the source of the maps failed, since the start."""
        return self._mapper.num_failed

    @property
    def map_failure(self) -> str:
        """Why the newest map could not be made; empty if it could."""
        return self._mapper.failure

    @property
    def is_map_stuck(self) -> bool:
        """Whether the source of the maps hangs, or takes far longer than it did."""
        return self._mapper.is_stuck

    @property
    def saving(self) -> float | None:
        """See ``LiveStatus``."""
        encoder = self._encoder
        return encoder.saving if encoder is not None and self._controls.maps_on else None

    def snapshot(self) -> Snapshot | None:
        """Return the newest frame and what matters in it; None before the first."""
        return self._snapshot

    def controls(self) -> LiveControls:
        """Return the current settings."""
        return self._wanted

    def adjust(self, controls: LiveControls) -> None:
        """Change settings, starting with the next frame."""
        with self._lock:
            self._wanted = controls

    def feed(
        self,
        captured: Captured,
        *,
        expected_rate: float | None = None,
        sample_aspect_ratio: Fraction | None = None,
        wants_key: bool = False,
    ) -> list[CodedPacket]:
        """Code the next frame.

        Args:
            captured: The frame.
            expected_rate: Frames a second of the source, if it says; for the first frame.
            sample_aspect_ratio: Width of a pixel by its height; None = square or unknown.
            wants_key: Make it a key frame, at which players can begin; at most once a second.

        Raises:
            SemvidError: The encoder failed, or the source of the maps did so several times in a row.
        """
        started = time.monotonic()
        self.meters.came(started)
        self._follow_rate(captured.frame, expected_rate)
        self._apply()
        frame = captured.frame
        answer = self._mapper.take()
        if answer is not None:
            self._follower.answer(*answer)
        followed = self._follower.update(frame)
        if self._controls.maps_on and self._mapper.wants(at_once=not self._follower.has_map):
            self._follower.ask(frame)
            self._mapper.offer(frame)
        importance = followed.importance if self._controls.maps_on else None
        packets = self._change_encoder(frame, sample_aspect_ratio)
        assert self._encoder is not None  # noqa: S101 - it was opened just now
        self._arrivals.append((frame.picture.pts or 0, captured.arrived))
        wants_key = wants_key and started - self._key_at >= _KEY_SECONDS
        if wants_key:
            self._key_at = started
        packets += self._encoder.encode(frame, importance, is_cut=followed.is_cut, wants_key=wants_key)
        self.num_frames += 1
        self._snapshot = Snapshot(frame, importance)
        self._measure(packets)
        now = time.monotonic()
        self.meters.worked(now, now - started)
        return packets

    def take_remarks(self) -> list[str]:
        """Return sentences, each once, on what the user should know about the encoded pictures so far."""
        if self._encoder is not None:
            self._remarks += self._encoder.take_remarks()
        remarks, self._remarks = self._remarks, []
        return remarks

    def flush(self) -> list[CodedPacket]:
        """Return the unfinished frames at the end; what is fed later begins a new stream.

        Raises:
            EncoderError: The encoder failed.
        """
        packets = self._finish_encoder(is_end=True)
        self._measure(packets)
        return packets

    def feed_array(self, rgb: NDArray[np.uint8], seconds: float) -> list[CodedPacket]:
        """Encode the caller's picture.

        Args:
            rgb: ``(h, w, 3)``.
            seconds: When it is shown, rising from picture to picture.

        Raises:
            ValueError: The time is not later than the one before.
            SemvidError: See ``feed``.
        """
        pts = round(seconds / TIME_BASE)
        if self._last_pts is not None and pts <= self._last_pts:
            raise ValueError(f"{seconds} s is not later than the picture before")
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        picture.pts, picture.time_base = pts, TIME_BASE
        luma = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
        return self.feed(Captured(Frame(picture, self.num_frames, luma, 8), time.monotonic()))

    def judge(self, num_lost: int) -> bool:
        """Look at the load; True if a step was taken just now.

        Args:
            num_lost: Frames of the source lost so far because they were not taken in time.
        """
        now = time.monotonic()
        if now - self._judged_at < _JUDGED_EVERY:
            return False
        self._judged_at = now
        median, _ = self.meters.latencies()
        is_late = num_lost > self._num_lost or median > self._config.latency_ms
        self._num_lost = num_lost
        step = self.governor.update(now, busy=self.meters.busy(), is_late=is_late)
        changed, self._step = step != self._step, step
        if changed:
            self._mapper.interval = 1 / (self._config.max_maps_per_second * self.load.map_rate)
            if isinstance(self._source, NetworkSource):
                self._source.pixel_share = self.load.pixel_share
        return changed

    def close(self) -> None:
        """Stop all threads; unfinished frames are lost unless ``flush`` returned them before."""
        self._mapper.close()
        if self._encoder is not None:
            self._encoder.close()

    def _follow_rate(self, frame: Frame, expected: float | None) -> None:
        pts = frame.picture.pts or 0
        if self._last_pts is None and expected and self._config.frame_rate is None:
            self._rate = expected
        self._last_pts = pts

    def _apply(self) -> None:
        with self._lock:
            wanted = self._wanted
        if wanted is self._controls:
            return
        if wanted.strength != self._controls.strength and self._encoder is not None:
            self._encoder.reweigh(replace(self._config.allocation, strength=wanted.strength))
        if wanted.focus != self._controls.focus and isinstance(self._source, NetworkSource):
            self._source.network.refocus(replace(self._config.maps.focus, weights=wanted.focus))
        self._controls = wanted

    def _change_encoder(self, frame: Frame, aspect: Fraction | None) -> list[CodedPacket]:
        """Open a new encoder if size, rate or preset has changed; return what the old one still held."""
        controls, preset = self._controls, self.load.preset or self._preset
        picture = frame.picture
        key = (picture.width, picture.height, picture.format.name, preset, controls.bitrate, aspect)
        if self._encoder is not None and key == self._encoder_key:
            return []
        config = replace(self._config, rate=Bitrate(controls.bitrate))
        allocation = replace(config.allocation, strength=controls.strength)
        fresh = open_encoder(config, frame, self._rate, preset, allocation, aspect)
        packets = self._finish_encoder()
        self._encoder, self._encoder_key = fresh, key
        return packets

    def _finish_encoder(self, *, is_end: bool = False) -> list[CodedPacket]:
        encoder, self._encoder = self._encoder, None
        if encoder is None:
            return []
        try:
            packets = encoder.flush()
            # Only at the end is there time to wait.
            self._remarks += encoder.take_remarks(waits=is_end)
            return packets
        finally:
            encoder.close()

    def _measure(self, packets: list[CodedPacket]) -> None:
        now = time.monotonic()
        for packet in packets:
            self.meters.coded(now, now - self._arrival_of(packet.pts), len(packet.data))

    def _arrival_of(self, pts: int) -> float:
        while self._arrivals and self._arrivals[0][0] < pts:
            self._arrivals.popleft()
        return self._arrivals[0][1] if self._arrivals else time.monotonic()
