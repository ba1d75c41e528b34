"""What a live stream measures of itself, over the last seconds."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import MutableSequence

import numpy as np

from semvid.streaming.base.sound import CHUNK_SAMPLES, SOUND_RATE, SoundChunk

_WINDOW_SECONDS = 10.0
_SETTLING_SECONDS = 2.0
"""While the encoder opens, a few frames are lost, which is no reason to worry."""
_SOUND_TENTHS = 10
_CHUNKS_PER_TENTH = SOUND_RATE // CHUNK_SAMPLES // 10
SILENCE_DB = -96.0
"""Level of digital silence, and the lowest: 16 bits tell no lower one."""


class Meters:
    """Counts frames, delays and bits. Thread-safe; the caller passes the time, which must only go forward."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._came: deque[float] = deque()
        self._coded: deque[tuple[float, float, int]] = deque()
        self._worked: deque[tuple[float, float]] = deque()
        self._lost: deque[tuple[float, int]] = deque()
        self._num_lost = 0
        self._started: float | None = None
        self._kept: MutableSequence[float] | None = None

    def record_into(self, latencies: MutableSequence[float]) -> None:
        """Also append every delay in seconds to a list or array."""
        self._kept = latencies

    def came(self, now: float) -> None:
        """Count a frame that came in."""
        with self._lock:
            self._started = now if self._started is None else self._started
            self._came.append(now)
            _forget(self._came, now)

    def lost(self, now: float, num_lost: int) -> None:
        """Take note of how many frames of the source were lost since the start."""
        with self._lock:
            self._started = now if self._started is None else self._started
            if num_lost > self._num_lost and now >= self._started + _SETTLING_SECONDS:
                self._lost.append((now, num_lost - self._num_lost))
            self._num_lost = num_lost

    def coded(self, now: float, latency: float, num_bytes: int) -> None:
        """Count a packet that went out ``latency`` seconds after its frame came in."""
        with self._lock:
            if self._kept is not None:
                self._kept.append(latency)
            self._coded.append((now, latency, num_bytes))
            while self._coded[0][0] < now - _WINDOW_SECONDS:
                self._coded.popleft()

    def worked(self, now: float, seconds: float) -> None:
        """Count time that the stream's thread spent on a frame."""
        with self._lock:
            self._worked.append((now, seconds))
            while self._worked[0][0] < now - 1:
                self._worked.popleft()

    def busy(self) -> float:
        """Return the share of the last second in which the thread was busy."""
        with self._lock:
            return sum(seconds for _, seconds in self._worked)

    def rates(self, now: float) -> tuple[float, float, float]:
        """Return frames per second in (lost ones too) and out, and kilobits per second out."""
        with self._lock:
            num_came = self._count(now)
            while self._coded and self._coded[0][0] < now - _WINDOW_SECONDS:
                self._coded.popleft()
            span = min(max(now - (now if self._started is None else self._started), 0.1), _WINDOW_SECONDS)
            bits = 8 * sum(size for *_, size in self._coded)
            return num_came / span, len(self._coded) / span, bits / span / 1000

    def dropped_share(self, now: float) -> float:
        """Return the share of the source's frames of the last seconds that were lost, 0..1.

        The first two seconds of the stream do not count.
        """
        with self._lock:
            num_came = self._count(now)
            return (num_came - len(self._came)) / num_came if num_came else 0.0

    def _count(self, now: float) -> int:
        """Frames of the source in the last seconds, lost ones too."""
        _forget(self._came, now)
        while self._lost and self._lost[0][0] < now - _WINDOW_SECONDS:
            self._lost.popleft()
        return len(self._came) + sum(number for _, number in self._lost)

    def latencies(self) -> tuple[float, float]:
        """Return median and 99th percentile in milliseconds, 0 before the first packet."""
        with self._lock:
            values = [latency for _, latency, _ in self._coded]
        if not values:
            return 0.0, 0.0
        median, high = np.percentile(values, (50, 99))
        return 1000 * float(median), 1000 * float(high)


class SoundMeter:
    """Measures how loud the last second of sound is. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._peaks: deque[int] = deque(maxlen=_SOUND_TENTHS * _CHUNKS_PER_TENTH)

    def heard(self, chunk: SoundChunk) -> None:
        """Measure the next chunk."""
        samples = np.frombuffer(chunk.samples, np.int16)
        # Of -32768 there is no absolute value in 16 bits.
        peak = max(int(samples.max()), -int(samples.min()))
        with self._lock:
            self._peaks.append(peak)

    def peaks(self) -> tuple[float, ...]:
        """Return the highest level in each tenth of the last second, see ``LiveStatus.sound_peaks``."""
        with self._lock:
            peaks = list(self._peaks)
        tenths = [
            peaks[start : start + _CHUNKS_PER_TENTH] for start in range(0, len(peaks), _CHUNKS_PER_TENTH)
        ]
        return tuple(round(_decibels(max(one)), 1) for one in tenths)


def _decibels(peak: int) -> float:
    return max(20 * math.log10(peak / 32768), SILENCE_DB) if peak else SILENCE_DB


def _forget(times: deque[float], now: float) -> None:
    while times and times[0] < now - _WINDOW_SECONDS:
        times.popleft()
