"""A live stream from end to end: source, maps, encoder, sinks."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, MutableSequence, Sequence
from fractions import Fraction

from semvid.config import LiveConfig
from semvid.errors import InputError, OutputError
from semvid.events import Notice
from semvid.saliency.source import ImportanceSource
from semvid.streaming.ends import FrameSource, PacketTaker, SoundSource, SoundTaker
from semvid.streaming.handle import LiveControls
from semvid.streaming.stream import LiveStream
from semvid.streaming.types import (
    TIME_BASE,
    Captured,
    LiveStatus,
    Snapshot,
    SourceState,
)
from semvid.types import Frame

_STATUS_SECONDS = 1.0
_SILENCE_SECONDS = 0.25
"""So long without a frame, and the last one is shown again until there are new ones."""
_DEFAULT_RATE = 30.0


class _NotYet:
    """Stands for a source that was not opened."""

    state: SourceState = "opening"
    num_dropped = num_reconnections = 0
    last_error = ""
    frame_rate: Fraction | None = None

    def next(self, timeout: float) -> Captured | None:
        return None

    def close(self) -> None:
        return


_NOT_YET = _NotYet()


class LiveSession:
    """Runs a live stream. Its other methods may be called from any thread meanwhile.

    Args:
        open_reader: Opens where frames come from, when the stream begins. It is closed at the end.
        sinks: Where packets go. They are closed at the end.
        config: Options.
        importance: Gives the maps. It is closed at the end.
    """

    def __init__(
        self,
        open_reader: Callable[[], FrameSource],
        sinks: Sequence[PacketTaker],
        config: LiveConfig,
        importance: ImportanceSource,
    ) -> None:
        self._open_reader = open_reader
        self._reader: FrameSource = _NOT_YET
        self._sinks = sinks
        self._stream = LiveStream(config, importance)
        self._started = time.monotonic()
        self._num_repeated = 0
        self._sound_takers: list[SoundTaker] = []
        self._last: Captured | None = None
        self._is_stopped = False

    def status(self) -> LiveStatus:
        """Return how it is doing."""
        now = time.monotonic()
        fps_in, fps_out, kbps = self._stream.meters.rates(now)
        median, high = self._stream.meters.latencies()
        return LiveStatus(
            seconds=now - self._started,
            source=self._reader.state,
            sinks={one.name: one.state for one in self._sinks},
            fps_in=fps_in,
            fps_out=fps_out,
            latency_ms=median,
            latency_p99_ms=high,
            bitrate_kbps=kbps,
            maps_per_second=self._stream.maps_per_second,
            num_frames=self._stream.num_frames,
            num_dropped=self._reader.num_dropped,
            num_repeated=self._num_repeated,
            num_reconnections=self._reader.num_reconnections
            + sum(one.num_reconnections for one in self._sinks),
            load_step=self._stream.governor.step,
            load_note=self._stream.load.describe(),
            saving=self._stream.saving,
        )

    def snapshot(self) -> Snapshot | None:
        """Return the newest frame and what matters in it; None before the first."""
        return self._stream.snapshot()

    def controls(self) -> LiveControls:
        """Return what is set."""
        return self._stream.controls()

    def adjust(self, controls: LiveControls) -> None:
        """Change settings from the next frame on."""
        self._stream.adjust(controls)

    def record_latencies(self, into: MutableSequence[float]) -> None:
        """Also append every frame's delay in seconds to a list or array of yours, for measurements."""
        self._stream.meters.record_into(into)

    def stop(self) -> None:
        """End ``run`` after the frame in the making."""
        self._is_stopped = True

    def run(self) -> Generator[Snapshot | LiveStatus | Notice, None, None]:
        """Stream until the source ends, all sinks are closed, ``stop`` is called, or the generator is closed.

        Yields:
            ``Snapshot`` for every frame coded, ``LiveStatus`` every second, ``Notice`` of what changes.

        Raises:
            SemvidError: The source cannot be opened; the encoder, the network, or a file that is written
                failed.
        """
        told = _Changes()
        try:
            self._reader = self._open_reader()
            self._started = time.monotonic()
            status_at = self._started + _STATUS_SECONDS
            yield from self._expect_sound()
            while not self._is_stopped:
                captured = self._next()
                if captured is None and self._reader.state == "ended":
                    if not self._stream.num_frames:
                        why = f" ({self._reader.last_error})" if self._reader.last_error else ""
                        raise InputError(
                            f"the source ended without a frame that can be decoded{why}; it is encrypted, "
                            "damaged, or not what it seems"
                        )
                    self._pass_sound_on(0)
                    break
                if captured is not None:
                    self._pass_on(captured)
                    snapshot = self._stream.snapshot()
                    assert snapshot is not None  # noqa: S101 - a frame was fed
                    yield snapshot
                # For a file that waits nobody is too slow.
                is_live = not getattr(self._reader, "waits", False)
                if is_live and self._stream.judge(self._reader.num_dropped):
                    note = self._stream.load.describe()
                    yield Notice(f"the machine cannot keep up: {note}" if note else "full load again")
                yield from told.of(self._reader, self._sinks)
                if self._sinks and all(one.state == "closed" for one in self._sinks):
                    errors = [one.last_error for one in self._sinks if one.last_error]
                    if errors:
                        raise OutputError("; ".join(errors))
                    break
                if time.monotonic() >= status_at:
                    status_at += _STATUS_SECONDS
                    yield self.status()
        finally:
            self.close()

    def close(self) -> None:
        """Stop everything and finish files."""
        self._reader.close()
        for sink in self._sinks:
            sink.close()
        self._stream.close()

    def _pass_on(self, captured: Captured) -> None:
        rate = self._reader.frame_rate
        packets = self._stream.feed(
            captured,
            expected_rate=None if rate is None else float(rate),
            sample_aspect_ratio=getattr(self._reader, "sample_aspect_ratio", None),
            wants_key=any(getattr(one, "wants_keyframe", False) for one in self._sinks),
        )
        for packet in packets:
            for sink in self._sinks:
                sink.offer(packet)
        self._pass_sound_on(captured.frame.picture.pts or 0)

    def _expect_sound(self) -> Generator[Notice, None, None]:
        """Bring source and sinks together, if there is sound."""
        if not isinstance(self._reader, SoundSource) or not self._reader.has_sound:
            return
        self._sound_takers = [
            sink for sink in self._sinks if isinstance(sink, SoundTaker) and sink.carries_sound
        ]
        for taker in self._sound_takers:
            taker.expect_sound()
        if not self._sound_takers:
            yield Notice("the source has sound, which nobody here takes: page and camera show pictures alone")

    def _pass_sound_on(self, ticks: int) -> None:
        if self._sound_takers and isinstance(self._reader, SoundSource):
            for chunk in self._reader.take_sound(ticks):
                for taker in self._sound_takers:
                    taker.offer_sound(chunk)

    def _next(self) -> Captured | None:
        """Return the next frame, or the last one again when the source is silent."""
        gap = 1 / float(self._reader.frame_rate or _DEFAULT_RATE)
        last = self._last
        captured = self._reader.next(max(_SILENCE_SECONDS, 3 * gap))
        if captured is None:
            # A pipe that is slow has its own timestamps: nothing is missing.
            if last is None or self._reader.state == "ended" or getattr(self._reader, "waits", False):
                return None
            now = time.monotonic()
            pts = (last.frame.picture.pts or 0) + round((now - last.arrived) / TIME_BASE)
            captured = Captured(_at(last.frame, pts), now)
            self._num_repeated += 1
        elif last is not None:
            pts = max(captured.frame.picture.pts or 0, (last.frame.picture.pts or 0) + 1)
            captured = Captured(_at(captured.frame, pts, last.frame.index + 1), captured.arrived)
        self._last = captured
        return captured


def _at(frame: Frame, pts: int, index: int | None = None) -> Frame:
    frame.picture.pts, frame.picture.time_base = pts, TIME_BASE
    return Frame(frame.picture, frame.index + 1 if index is None else index, frame.luma, frame.luma_bits)


class _Changes:
    """Tells when source or sinks come and go."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, reader: FrameSource, sinks: Sequence[PacketTaker]) -> Generator[Notice, None, None]:
        ends: list[tuple[str, FrameSource | PacketTaker]] = [("the source", reader)]
        ends += [(sink.name, sink) for sink in sinks]
        for name, one in ends:
            before, self._known[name] = self._known.get(name), one.state
            if one.state == "lost" and before != "lost":
                why = f": {one.last_error}" if one.last_error else ""
                yield Notice(f"{name} is lost, trying to reach it again{why}")
            elif before == "lost" and one.state in {"playing", "open"}:
                yield Notice(f"{name} is back")
