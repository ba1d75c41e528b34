"""Sends packets to one sink: muxed on a separate thread, reconnected when it breaks off."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

from semvid.codecs.registry import codec_of_format
from semvid.core.closing import Closing
from semvid.core.coded import CodedPacket
from semvid.core.config import LiveConfig
from semvid.core.errors import OutputError
from semvid.core.text import counted
from semvid.media.writing.claim import Claim, take_free_name
from semvid.streaming.base.backoff import pauses
from semvid.streaming.base.sound import SoundChunk
from semvid.streaming.base.types import SinkState
from semvid.streaming.capture.opening import require_protocol
from semvid.streaming.sinks.disk import check_files, next_free
from semvid.streaming.sinks.mux import SoundFormat
from semvid.streaming.sinks.outlet import ClosedByReaderError, LocalOutlet, Outlet, PushedOutlet
from semvid.streaming.sinks.packet_queue import PacketQueue
from semvid.streaming.sinks.sink_address import parse_sink

_NETWORK_SECONDS = 2.0
_FILE_SECONDS = 60.0
"""Of stream that waits at most: late pictures are worth nothing on a network, and a lot in a recording."""
_ABORT_SECONDS = 1.0
_FULL = 0.5


class PacketSink(Closing):
    """Writes packets where an address says.

    Begins at the first key frame, with timestamps near 0. When the parameter sets or the size change on the
    way, MPEG-TS goes on, also in segments, HLS and RTP; a server is reconnected; other files are
    completed and continued in ``NAME-2.mkv``, ``NAME-3.mkv``, ..., never over an existing one. Files can be
    played up to where they were written, whatever happens. A lost network is reconnected until ``close``;
    what a sink cannot take in time is dropped up to a key frame and counted.

    Args:
        text: As ``parse_sink`` takes it.
        config: ``codec``, ``reconnect_seconds``, ``sound_bitrate`` and ``overwrite`` are used.
        option: The option that names it, for messages.

    Raises:
        ConfigError: It is of no known kind, or cannot carry the codec.
        OutputError: It is a file that cannot or must not be written.

    Attributes:
        name: Where it goes, without secrets.
        state: ``closed`` also when a file failed or the reader of a pipe went.
        num_reconnections: Times the sink came back.
        bytes_written: Of coded video.
        carries_sound: It can, and is meant to.
        last_error: Why it was last lost, in one line; empty if it never was.
        is_patient: ``close`` has no time limit.
        failure: Why the result is incomplete, in one line; empty if it is complete. Final after ``close``.
        paths: Files begun.
    """

    def __init__(self, text: str, config: LiveConfig, *, option: str = "sink") -> None:
        self._address = address = parse_sink(text, config.codec)
        require_protocol(address)
        self._overwrite = config.overwrite
        self._claim: Claim | None = None
        seconds = _NETWORK_SECONDS
        if address.kind == "file":
            check_files(address.url, overwrite=config.overwrite, option=option)
            # Two streams into one file would make a file of neither.
            self._claim = Claim(Path(address.url), overwrite=config.overwrite)
            seconds = _FILE_SECONDS
        self._queue = PacketQueue(seconds)
        self.name = address.shown
        self.num_reconnections = 0
        self.bytes_written = 0
        self.last_error = ""
        self.failure = ""
        self.is_patient = False
        self.paths: list[str] = []
        self.carries_sound = bool(address.sound_codec and config.sound_bitrate)
        self._sound_format = SoundFormat(address.sound_codec, config.sound_bitrate)
        self._sound: SoundFormat | None = None
        self._reconnect_seconds = config.reconnect_seconds
        self._pauses = pauses(self._reconnect_seconds)
        self.state: SinkState = "opening"
        self._refusal: OutputError | None = None
        self._was_open = False
        self._num_refused = 0
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._aborting = threading.Event()
        self._outlet: Outlet | None = None
        self._offset = 0
        self._last_dts = 0
        self._kind_of_stream = b""
        self._thread = threading.Thread(target=self._run, name="live-sink", daemon=True)
        self._thread.start()

    @property
    def wants_keyframe(self) -> bool:
        """Nothing can be written before the next key frame: an encoder that makes one soon helps."""
        return self._queue.needs_keyframe and self.state != "closed"

    @property
    def num_dropped(self) -> int:
        """Packets that were not written."""
        return self._queue.num_dropped + self._num_refused

    @property
    def is_full(self) -> bool:
        """Half of what may wait waits. A lost network is never full: what it misses is left out."""
        with self._changed:
            return self.state in {"opening", "open"} and self._queue.fill > _FULL

    @property
    def shortfall(self) -> str:
        """What was dropped because it could not be sent in time, in words; empty if nothing was."""
        if self._address.kind == "file" or not self._queue.num_too_late:
            return ""
        lost = counted(self._queue.num_too_late, "packet was", "packets were")
        return f"{lost} left out, because it was lost or too slow"

    def offer(self, packet: CodedPacket) -> None:
        """Hand over the next packet in decoding order. Never blocks.

        Raises:
            OutputError: The very first attempt to open the sink failed; raised once.
        """
        if self._refusal is not None:
            refusal, self._refusal = self._refusal, None
            raise refusal
        with self._changed:
            if self.state == "closed" or self._closing.is_set():
                self._num_refused += 1
                return
            self._queue.put(packet)
            self._changed.notify_all()

    def expect_sound(self) -> None:
        """There will be sound: containers opened from now on have a place for it, if they can."""
        self._sound = self._sound_format if self.carries_sound else None

    def offer_sound(self, chunk: SoundChunk) -> None:
        """Hand over the next chunk of sound. Never blocks; ``expect_sound`` comes before."""
        with self._changed:
            if self._sound is not None and self.state != "closed" and not self._closing.is_set():
                self._queue.put_sound(chunk)
                self._changed.notify_all()

    def close(self, timeout: float = 5.0) -> None:
        """Write what waits and complete the container; gives up after ``timeout`` seconds, never hangs.

        Files are written and read back however long it takes: disks answer.
        """
        self._closing.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(None if self._address.kind == "file" or self.is_patient else timeout)
        if self._thread.is_alive():
            self._aborting.set()
            outlet = self._outlet
            if outlet is not None:
                outlet.abort()
            self._thread.join(_ABORT_SECONDS)
        self.state = "closed"
        if self._claim is not None:
            self._claim.release()

    def _run(self) -> None:
        try:
            self._write_until_closed()
        except ClosedByReaderError:
            self._discard()
        except OutputError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            self._fail(
                OutputError(f"{self._address.shown} cannot be written: {error}; choose another `sink`")
            )
        finally:
            with self._changed:
                self.state = "closed"
                self._queue.clear()

    def _fail(self, error: OutputError) -> None:
        self._discard()
        rest = self._outlet.rest() if self._outlet is not None else ""
        self.failure = self.last_error = f"{error}; {rest}" if rest else str(error)
        if not self._was_open:
            self._refusal = error

    def _discard(self) -> None:
        """Close what is open, ignoring errors."""
        outlet = self._outlet
        if outlet is not None:
            outlet.abort()
            if self._address.kind != "network":
                with contextlib.suppress(OutputError, ClosedByReaderError):
                    outlet.finish()

    def _write_until_closed(self) -> None:
        while (packet := self._take()) is not None:
            try:
                if isinstance(packet, CodedPacket):
                    self._write(packet)
                elif self._outlet is not None:
                    self._outlet.write_sound(packet, self._offset)
            except OutputError as error:
                if not (self._was_open and self._address.can_reconnect) or self._closing.is_set():
                    raise
                self._lose(packet, error)
        if self._outlet is not None:
            self._outlet.finish()
        if self.state == "lost" or (self.state == "opening" and self._queue.num_dropped):
            self.failure = self.last_error or f"{self.name} got nothing: no key frame came"
        elif self._aborting.is_set():
            self.failure = f"{self.name} was too slow to take the end of the stream; check the receiver"
        elif self._address.kind == "file" and self._queue.num_too_late:
            self.failure = (
                f"{self.name} is {counted(self._queue.num_too_late, 'picture')} short, since the disk was "
                "too slow; choose a faster one, or a lower `Bitrate`"
            )

    def _take(self) -> CodedPacket | SoundChunk | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closing.is_set())
            gives_up = self._aborting.is_set() or (self._closing.is_set() and self.state == "lost")
            if gives_up or not self._queue:
                return None
            return self._queue.get()

    def _lose(self, packet: CodedPacket | SoundChunk, error: OutputError) -> None:
        """Wait for a better time; packets go on being buffered meanwhile."""
        self.state = "lost"
        self.last_error = str(error)
        if self._outlet is not None:
            self._outlet.abort()
            self._outlet = None
        with self._changed:
            self._queue.put_back(packet)
        self._closing.wait(next(self._pauses))

    def _write(self, packet: CodedPacket) -> None:
        if self._outlet is not None and packet.dts <= self._last_dts:
            # A container would be broken by it.
            self._num_refused += 1
            return
        if packet.is_keyframe and not (self._outlet is not None and self._address.takes_changes):
            kind_of_stream = codec_of_format(packet.codec).describe_key_frame(packet.data)
            if self._outlet is not None and kind_of_stream != self._kind_of_stream:
                self._outlet.finish()
                self._outlet = None
            self._kind_of_stream = kind_of_stream
        if self._outlet is None:
            self._open(packet)
        else:
            self._outlet.write(packet, self._offset)
        self._last_dts = packet.dts
        self.bytes_written += len(packet.data)

    def _open(self, packet: CodedPacket) -> None:
        self._offset = packet.dts
        if self._address.kind == "network":
            self._outlet = PushedOutlet(self._address, packet, self._offset, self._sound, self._aborting)
        else:
            target = self._address.url if not self.paths else next_free(self._address.url)
            is_one_file = self._address.kind == "file" and self._address.format not in {"hls", "segment"}
            if is_one_file and (self.paths or not self._overwrite):
                # It was free when the stream began; what appeared since is not ours to replace.
                take_free_name(Path(target))
            outlet = LocalOutlet(self._address, target, packet, self._sound)
            if self._address.kind == "file":
                self.paths.append(target)
            self._outlet = outlet
            outlet.write(packet, self._offset)
        self.num_reconnections += self.state == "lost"
        self._was_open = True
        self.state = "open"
        self._pauses = pauses(self._reconnect_seconds)
