"""Turns frames into packets at once: makes and carries maps, allocates, encodes, and reduces the load."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from semvid.codecs.base.coding import Coding, PreparedFrame, Target
from semvid.core.closing import Closing
from semvid.core.coded import TIME_BASE, CodedPacket
from semvid.core.config import LiveConfig
from semvid.core.events import Notice
from semvid.core.map_source import ImportanceSource
from semvid.core.rate import Bitrate
from semvid.core.settings import or_default
from semvid.core.threads import limited_threads
from semvid.core.types import AnalysedFrame, FloatArray, Frame
from semvid.engine.encoding import Encoded, Encoding
from semvid.engine.stages import applied, each
from semvid.importance.predictor import NetworkSource
from semvid.importance.registry import open_source
from semvid.streaming.base.types import USUAL_RATE, Captured, Snapshot
from semvid.streaming.coding import live_coding, live_presets
from semvid.streaming.follower import LiveFollower
from semvid.streaming.governor import Governor, Load, ladder
from semvid.streaming.handle import LiveControls
from semvid.streaming.mapper import LiveMapper
from semvid.streaming.meters import Meters

_KEY_SECONDS = 1.0
"""Minimum interval between requested key frames: they are large."""
_MOST_RATE_UNITS = 1001
"""Denominator of frame rates."""
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
        mapper: Makes the maps, and knows how that goes.
        governor: How far the load is reduced.
        num_frames: Coded so far.
    """

    def __init__(self, config: LiveConfig, source: ImportanceSource | None = None) -> None:
        self.meters = Meters()
        self.num_frames = 0
        self._config = config = or_default(config, LiveConfig)
        presets = live_presets(config)
        with limited_threads(config.threads):
            source = self._source = open_source(config.maps, None, source)
        self._preset = presets[0] if presets else None
        self._ladder = ladder(presets[1:])
        self.governor = Governor(len(self._ladder))
        self._follower = LiveFollower(source, config.temporal)
        self.mapper = LiveMapper(source, config.max_maps_per_second)
        self._step = 0
        self._controls = LiveControls(
            config.allocation.strength, config.rate.bits_per_second, config.maps.focus.weights, maps_on=True
        )
        self._wanted = self._controls
        self._lock = threading.Lock()
        self._encoding = Encoding()
        self._stages = (
            each(Captured, self._follow), each(AnalysedFrame, self._prepare), self._encoding.encode
        )  # fmt: skip
        self._coding: Coding | None = None
        self._coding_key: tuple[object, ...] = ()
        self._wants_key = False
        self._aspect: Fraction | None = None
        self._followed: FloatArray | None = None
        self._saving: float | None = None
        self._snapshot: Snapshot | None = None
        self._arrivals: deque[tuple[int, float]] = deque(maxlen=1000)
        self._rate = config.frame_rate or USUAL_RATE
        self._last_pts: int | None = None
        self._judged_at = 0.0
        self._key_at = -_KEY_SECONDS
        self._num_lost = 0
        self._remarks: list[str] = []
        self._limit = ExitStack()
        self._limit.enter_context(limited_threads(config.threads))

    @property
    def load(self) -> Load:
        """The current load per frame."""
        return self._ladder[self._step]

    @property
    def saving(self) -> float | None:
        """See ``LiveStatus``."""
        return self._saving if self._controls.maps_on else None

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
        self._aspect = sample_aspect_ratio
        self._wants_key = wants_key and started - self._key_at >= _KEY_SECONDS
        if self._wants_key:
            self._key_at = started
        packets = self._take(applied([captured], *self._stages))
        self.num_frames += 1
        self._snapshot = Snapshot(captured.frame, self._followed)
        now = time.monotonic()
        self.meters.worked(now, now - started)
        return packets

    def _follow(self, captured: Captured) -> Iterator[AnalysedFrame]:
        """Carry the newest map to the frame, and ask for its own when that is due."""
        frame = captured.frame
        answer = self.mapper.take()
        if answer is not None:
            self._follower.answer(*answer)
        followed = self._follower.update(frame)
        if self._controls.maps_on and self.mapper.wants(at_once=not self._follower.has_map):
            self._follower.ask(frame)
            self.mapper.offer(frame)
        self._followed = followed.importance if self._controls.maps_on else None
        self._arrivals.append((frame.picture.pts or 0, captured.arrived))
        coded = None if self._followed is None else frame.as_coded(self._followed)
        yield AnalysedFrame(frame, coded, followed.is_cut, self._wants_key)

    def _prepare(self, analysed: AnalysedFrame) -> Iterator[PreparedFrame]:
        prepared = self._coding_for(analysed.frame).prepare(analysed)
        self._saving = prepared.saving
        yield prepared

    def _coding_for(self, frame: Frame) -> Coding:
        """Return how to code the frame; size, rate or preset may have changed."""
        controls, preset, picture = self._controls, self.load.preset or self._preset, frame.picture
        key = (*frame.size, picture.format.name, preset, controls.bitrate, self._aspect)
        if self._coding is None or key != self._coding_key:
            allocation = replace(self._config.allocation, strength=controls.strength)
            config = replace(self._config, rate=Bitrate(controls.bitrate), allocation=allocation)
            self._coding, self._coding_key = live_coding(config, self._rate, preset), key
            rate = Fraction(self._rate).limit_denominator(_MOST_RATE_UNITS)
            self._encoding.begin(self._coding, Target(rate, self._aspect))
        return self._coding

    def _take(self, items: Iterable[Any]) -> list[CodedPacket]:
        """Collect what came out, and have it go to any number of containers."""
        usual = round(1 / (self._rate * TIME_BASE))
        packets: list[CodedPacket] = []
        for item in items:
            if isinstance(item, Notice):
                self._remarks.append(item.message)
            elif isinstance(item, Encoded):
                packets += [replace(one, duration=one.duration or usual, origin=None) for one in item.packets]
        self._measure(packets)
        return packets

    def take_remarks(self) -> list[str]:
        """Return sentences, each once, on what the user should know about the encoded pictures so far."""
        remarks, self._remarks = self._remarks, []
        return remarks

    def flush(self) -> list[CodedPacket]:
        """Return the unfinished frames at the end; what is fed later begins a new stream.

        Raises:
            EncoderError: The encoder failed.
        """
        self._coding = None
        return self._take(self._encoding.finish())

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
        self.meters.lost(now, num_lost)
        median, _ = self.meters.latencies()
        is_late = num_lost > self._num_lost or median > self._config.latency_ms
        self._num_lost = num_lost
        step = self.governor.update(now, busy=self.meters.busy(), is_late=is_late)
        changed, self._step = step != self._step, step
        if changed:
            self.mapper.interval = 1 / (self._config.max_maps_per_second * self.load.map_rate)
            if isinstance(self._source, NetworkSource):
                self._source.pixel_share = self.load.pixel_share
        return changed

    def close(self) -> None:
        """Stop all threads; unfinished frames are lost unless ``flush`` returned them before."""
        self._limit.close()
        self.mapper.close()
        self._encoding.close()

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
        if wanted.strength != self._controls.strength and self._coding is not None:
            self._coding.reweigh(replace(self._config.allocation, strength=wanted.strength))
        if wanted.focus != self._controls.focus and isinstance(self._source, NetworkSource):
            self._source.network.refocus(replace(self._config.maps.focus, weights=wanted.focus))
        self._controls = wanted

    def _measure(self, packets: list[CodedPacket]) -> None:
        now = time.monotonic()
        for packet in packets:
            self.meters.coded(now, now - self._arrival_of(packet.pts), len(packet.data))

    def _arrival_of(self, pts: int) -> float:
        while self._arrivals and self._arrivals[0][0] < pts:
            self._arrivals.popleft()
        return self._arrivals[0][1] if self._arrivals else time.monotonic()
