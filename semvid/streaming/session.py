"""A live stream from end to end: source, maps, encoder, sinks."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, MutableSequence, Sequence
from contextlib import ExitStack, suppress

from semvid.codecs.base.side_data import lost_live
from semvid.codecs.registry import find_codec
from semvid.core.coded import CodedPacket
from semvid.core.config import LiveConfig
from semvid.core.errors import EncoderError, InputError, OutputError, SemvidError
from semvid.core.events import Notice
from semvid.core.map_source import MapSource
from semvid.streaming.base.types import Captured, LiveStatus, Snapshot
from semvid.streaming.changes import Changes
from semvid.streaming.ends import (
    AccountableTaker,
    FrameSource,
    PacketTaker,
    PatientTaker,
    SoundSource,
    SoundTaker,
)
from semvid.streaming.feed import FrameFeed, NotYet
from semvid.streaming.handle import LiveControls
from semvid.streaming.meters import SoundMeter
from semvid.streaming.stream import LiveStream
from semvid.streaming.tap import PacketTap

_STATUS_SECONDS = 1.0
_POLL_SECONDS = 0.005


_NOT_YET = NotYet()


class LiveSession:
    """Runs a live stream. Its other methods may be called from any thread meanwhile.

    Args:
        open_reader: Opens the source when the stream begins. It is closed at the end.
        sinks: Where packets go. They are closed at the end.
        config: Options.
        importance: Makes the maps. It is closed at the end.
        opening_note: A notice before the source is opened; empty = none.

    Attributes:
        closing_notices: Notices about the stream that has ended; filled by ``close``.
    """

    def __init__(
        self,
        open_reader: Callable[[], FrameSource],
        sinks: Sequence[PacketTaker],
        config: LiveConfig,
        importance: MapSource,
        opening_note: str = "",
    ) -> None:
        self.closing_notices: list[Notice] = []
        self._failures: list[str] = []
        self._open_reader = open_reader
        self._opening_note = opening_note
        self._reader: FrameSource = _NOT_YET
        self._sinks = sinks
        self._codec = config.codec
        self._stream = LiveStream(config, importance)
        self._started = time.monotonic()
        self._feed = FrameFeed()
        self._sound_takers: list[SoundTaker] = []
        self._sound_meter = SoundMeter()
        self._tap = PacketTap(find_codec(config.codec).coding_format, config.sound_bitrate)
        self._is_stopped = self._is_closed = False
        self._can_flush = True

    def status(self) -> LiveStatus:
        """Return the state of the stream."""
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
            maps_per_second=self._stream.mapper.maps_per_second,
            num_frames=self._stream.num_frames,
            num_dropped=self._reader.num_dropped,
            num_repeated=self._feed.num_repeated,
            num_reconnections=self._reader.num_reconnections
            + sum(one.num_reconnections for one in self._sinks),
            load_step=self._stream.governor.step,
            load_note=self._stream.load.describe(),
            saving=self._stream.saving,
            num_failed_maps=self._stream.mapper.num_failed,
            map_failure=self._stream.mapper.failure or ("it hangs" if self._stream.mapper.is_stuck else ""),
            num_damaged=self._reader.num_damaged,
            dropped_share=self._stream.meters.dropped_share(now),
            sound_peaks=self._sound_meter.peaks(),
        )

    def snapshot(self) -> Snapshot | None:
        """Return the newest frame and what matters in it; None before the first."""
        return self._stream.snapshot()

    def packets(self) -> PacketTap:
        """Return where the coded packets can be had, for clients of the page."""
        return self._tap

    def controls(self) -> LiveControls:
        """Return the current settings."""
        return self._stream.controls()

    def adjust(self, controls: LiveControls) -> None:
        """Change settings, starting with the next frame."""
        self._stream.adjust(controls)

    def record_latencies(self, into: MutableSequence[float]) -> None:
        """Also append every frame's delay in seconds to a list or array of yours, for measurements."""
        self._stream.meters.record_into(into)

    def stop(self) -> None:
        """End ``run`` after the current frame."""
        self._is_stopped = True

    def run(self) -> Generator[Snapshot | LiveStatus | Notice, None, None]:
        """Stream until the source ends, all sinks are closed, ``stop`` is called, or the generator is closed.

        However it ends, unfinished frames are still sent, and files are completed.

        Yields:
            ``Snapshot`` for every encoded frame, ``LiveStatus`` every second, ``Notice`` when something
            changes.

        Raises:
            SemvidError: The source cannot be opened or broke off for good; the encoder, the network, or a
                sink failed, the last two also while they were closed.
        """
        try:
            if self._opening_note:
                yield Notice(self._opening_note)
            yield from self._play()
        except (GeneratorExit, KeyboardInterrupt):
            # How the stream of a camera ends: no reason to keep quiet about what is missing.
            self._be_patient(False)
            self.close()
            self._raise_failures()
            raise
        finally:
            self.close()
        yield from self.closing_notices
        self._raise_failures()

    def _play(self) -> Generator[Snapshot | LiveStatus | Notice, None, None]:
        told = Changes()
        self._reader = self._open_reader()
        self._started = time.monotonic()
        status_at = self._started + _STATUS_SECONDS
        yield from self._expect_sound()
        self._be_patient(self._waits)
        while not self._is_stopped:
            captured = self._feed.next(self._reader, is_waited_for=self._waits)
            if captured is None and self._reader.state == "ended":
                if not self._stream.num_frames:
                    why = f" ({self._reader.last_error})" if self._reader.last_error else ""
                    raise InputError(
                        f"the source ended without a frame that can be decoded{why}; it is encrypted, "
                        "damaged, or not what it seems"
                    )
                return
            if captured is not None:
                if not self._stream.num_frames:
                    yield from map(Notice, lost_live(captured.frame.picture, self._codec))
                self._pass_on(captured)
                snapshot = self._stream.snapshot()
                assert snapshot is not None  # noqa: S101 - a frame was fed
                yield snapshot
            # For a file that waits nobody is too slow.
            if self._waits:
                self._wait_for_sinks()
            elif self._stream.judge(self._reader.num_dropped):
                note = self._stream.load.describe()
                yield Notice(f"the machine cannot keep up: {note}" if note else "the machine keeps up again")
            yield from told.of(self._reader, self._sinks, self._stream)
            if self._sinks and all(one.state == "closed" for one in self._sinks):
                return
            if time.monotonic() >= status_at:
                status_at += _STATUS_SECONDS
                yield self.status()

    @property
    def _waits(self) -> bool:
        return bool(getattr(self._reader, "waits", False))

    def _be_patient(self, is_patient: bool) -> None:
        for sink in self._sinks:
            if isinstance(sink, PatientTaker):
                sink.is_patient = is_patient

    def _wait_for_sinks(self) -> None:
        """Let slow sinks take what waits for them, so that files are complete."""
        patient = [one for one in self._sinks if isinstance(one, PatientTaker)]
        while not self._is_stopped and any(one.is_full for one in patient):
            time.sleep(_POLL_SECONDS)

    def close(self) -> None:
        """Send unfinished frames, complete all files, and stop everything; call it once.

        Raises:
            EncoderError: The encoder failed at its last frames.
        """
        if self._is_closed:
            return
        self._is_closed = True
        gone = [one for one in self._sinks if one.state == "closed"]
        with ExitStack() as stack:
            stack.callback(self._stream.close)
            for sink in self._sinks:
                stack.callback(sink.close)
            self._reader.close()
            if self._can_flush:
                # A sink that refuses says so in its ``failure`` as well.
                with suppress(OutputError):
                    self._offer(self._stream.flush())
                self.closing_notices += map(Notice, self._stream.take_remarks())
            self._pass_sound_on(0)
            self._tap.close()
        if self._reader.damage:
            self.closing_notices.append(Notice(f"the source is damaged: {self._reader.damage}"))
        for one in self._sinks:
            failure = one.last_error if one in gone else ""
            if isinstance(one, AccountableTaker):
                failure = one.failure
                if one.shortfall and not failure:
                    self.closing_notices.append(Notice(f"{one.name}: {one.shortfall}"))
            self._failures += [failure] if failure else []

    def _raise_failures(self) -> None:
        """Return why anything is incomplete."""
        if self._failures:
            raise OutputError("; ".join(self._failures))
        if self._reader.failure:
            raise InputError(self._reader.failure)

    def _pass_on(self, captured: Captured) -> None:
        rate = self._reader.frame_rate
        try:
            packets = self._stream.feed(
                captured,
                expected_rate=None if rate is None else float(rate),
                sample_aspect_ratio=getattr(self._reader, "sample_aspect_ratio", None),
                wants_key=any(getattr(one, "wants_keyframe", False) for one in (*self._sinks, self._tap)),
            )
        except Exception as error:
            # Of maps that fail the encoder knows nothing.
            self._can_flush = isinstance(error, SemvidError) and not isinstance(error, EncoderError)
            raise
        self._offer(packets)
        self._pass_sound_on(captured.frame.picture.pts or 0)

    def _offer(self, packets: Sequence[CodedPacket]) -> None:
        refusal: OutputError | None = None
        for packet in packets:
            self._tap.offer(packet)
            for sink in self._sinks:
                try:
                    sink.offer(packet)
                except OutputError as error:
                    refusal = refusal or error
        # The other sinks have it all the same: files are to be whole.
        if refusal is not None:
            raise refusal

    def _expect_sound(self) -> Generator[Notice, None, None]:
        """Bring source and sinks together, if there is sound."""
        if not isinstance(self._reader, SoundSource) or not self._reader.has_sound:
            return
        self._tap.has_sound = True
        self._sound_takers = [
            sink for sink in self._sinks if isinstance(sink, SoundTaker) and sink.carries_sound
        ]
        for taker in self._sound_takers:
            taker.expect_sound()
        if not self._sound_takers:
            yield Notice("the source has sound, which is left out: the page and the virtual camera have none")

    def _pass_sound_on(self, ticks: int) -> None:
        if isinstance(self._reader, SoundSource) and self._reader.has_sound:
            for chunk in self._reader.take_sound(ticks):
                self._sound_meter.heard(chunk)
                self._tap.offer_sound(chunk)
                for taker in self._sound_takers:
                    taker.offer_sound(chunk)
