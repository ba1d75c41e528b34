"""Where packets leave the process: a file or pipe from here, a network from a separate process."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

from av.error import FFmpegError

from semvid.core.children import start_child
from semvid.core.coded import CodedPacket
from semvid.core.errors import OutputError
from semvid.core.text import reason
from semvid.media.names import ffmpeg_name
from semvid.streaming.base.address import Address
from semvid.streaming.base.sound import SoundChunk
from semvid.streaming.sinks.disk import Disk
from semvid.streaming.sinks.mux import Muxer, SoundFormat
from semvid.streaming.sinks.push import HEADER, KEY_FRAME, OTHER_FRAME, SOUND

_OPEN_SECONDS = 12.0
_PIPE_POLL_SECONDS = 0.1
_ATOMIC_BYTES = getattr(select, "PIPE_BUF", 512)
"""A pipe that can be written to takes so much without blocking: 4096 bytes on Linux, 512 on macOS."""


class ClosedByReaderError(Exception):
    """The reader of the pipe has closed it: the end, not a fault."""


class LocalOutlet:
    """A file, segments, HLS, or standard output. All errors are ``OutputError`` or ``ClosedByReaderError``.

    Args:
        address: From ``parse_sink``.
        target: The file to write instead of that of the address.
        first: The key frame it begins with; ``write`` it after.
        sound: How sound is coded; None = there is none.
    """

    def __init__(
        self, address: Address, target: str, first: CodedPacket, sound: SoundFormat | None = None
    ) -> None:
        self._name = "standard output" if address.kind == "pipe" else target
        self._num_written = 0
        self._pipe = _PipeOutput(sys.stdout.fileno()) if address.kind == "pipe" else None
        self._disk = None if self._pipe is not None else Disk(target, address.format or "")
        options = dict(address.options)
        if options.get("hls_segment_type") == "fmp4":
            # The one name FFmpeg has for it would be shared by all playlists of the folder.
            options["hls_fmp4_init_filename"] = f"{Path(target).stem}-init.mp4"
        try:
            with self._explained():
                io_open = None if self._disk is None else self._disk.open
                where = self._target(target, address.format)
                self._muxer = Muxer(where, address.format or "", options, first, sound, io_open=io_open)
        except OutputError as error:
            if self._disk is None:
                raise
            self._disk.close()
            raise OutputError(f"{error}; {self._disk.rest()}") from error.__cause__

    def _target(self, target: str, container_format: str | None) -> Any:
        """What FFmpeg gets: where it opens files itself a name, which it must not take for a protocol's."""
        if self._disk is None:
            return self._pipe
        return ffmpeg_name(target) if container_format in {"hls", "segment"} else self._disk.open(target)

    def write(self, packet: CodedPacket, offset: int) -> None:
        """Write a packet, its times lowered by ``offset``; may block until ``abort``."""
        with self._explained():
            self._muxer.write(dataclasses.replace(packet, pts=packet.pts - offset, dts=packet.dts - offset))
            self._num_written += 1
            if self._disk is not None:
                self._disk.check_complete()

    def write_sound(self, chunk: SoundChunk, offset: int) -> None:
        """Write a chunk of sound, its time lowered by ``offset``; may block until ``abort``."""
        with self._explained():
            self._muxer.write_sound(chunk.samples, chunk.pts - offset)

    def finish(self) -> None:
        """Complete the container, close it, and read files back; may block until ``abort``."""
        with self._explained():
            try:
                self._muxer.close()
            finally:
                if self._disk is not None:
                    self._disk.close()
            if self._disk is not None:
                self._disk.check_all(self._num_written)

    def rest(self) -> str:
        """After a failure and ``finish``: say what exists of it; empty if that is unknown."""
        return "" if self._disk is None else self._disk.rest()

    def abort(self) -> None:
        """Make blocked calls return soon, from any thread. Files are not interrupted: disks answer."""
        if self._pipe is not None:
            self._pipe.is_aborted.set()

    @contextlib.contextmanager
    def _explained(self) -> Generator[None, None, None]:
        try:
            yield
        except BrokenPipeError as error:
            raise ClosedByReaderError from error
        except OutputError:
            raise
        except ValueError as error:
            # FFmpeg's "invalid argument" and "invalid data" are such errors; none is the disk's.
            raise OutputError(
                f"{self._name} cannot hold this stream: {reason(error)}; choose another `sink` or `codec`"
            ) from error
        except (FFmpegError, OSError) as error:
            raise OutputError(
                f"{self._name} cannot be written: {reason(error)}; check free space, size limits and "
                "permissions"
            ) from error


class _PipeOutput:
    """Standard output for FFmpeg that ``is_aborted`` interrupts."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.is_aborted = threading.Event()

    def write(self, data: bytes) -> int:
        view = memoryview(data)
        while view:
            # Windows cannot wait for pipes: there a write blocks until the reader takes it or goes.
            if sys.platform != "win32":
                while not select.select([], [self._descriptor], [], _PIPE_POLL_SECONDS)[1]:
                    if self.is_aborted.is_set():
                        raise BrokenPipeError
            view = view[os.write(self._descriptor, view[:_ATOMIC_BYTES]) :]
        return len(data)


class PushedOutlet:
    """A network sink, served by a process of ``push``.

    Args:
        address: From ``parse_sink``.
        first: The key frame it begins with; it is sent here already.
        offset: What times are lowered by.
        sound: How sound is coded; None = there is none.
        is_stopping: Set when waiting for an answer makes no sense any more.

    Raises:
        OutputError: It cannot be reached.
    """

    def __init__(
        self,
        address: Address,
        first: CodedPacket,
        offset: int,
        sound: SoundFormat | None,
        is_stopping: threading.Event,
    ) -> None:
        self._shown = address.shown
        self._answer: dict[str, Any] = {}
        self._is_open = threading.Event()
        self._process = start_child(["-P", "-m", "semvid.streaming.sinks.push"], stderr=subprocess.DEVNULL)
        self._listener = threading.Thread(target=self._listen, name="live-push", daemon=True)
        self._listener.start()
        task = {
            "url": address.url,
            "format": address.format,
            "options": dict(address.options),
            "codec": first.codec,
            "sound": sound and dataclasses.asdict(sound),
        }
        try:
            self._send(json.dumps(task).encode() + b"\n")
            self.write(first, offset)
            self._wait_until_open(is_stopping)
        except BaseException:
            self.abort()
            raise

    def _wait_until_open(self, is_stopping: threading.Event) -> None:
        limit = time.monotonic() + _OPEN_SECONDS
        while not self._is_open.wait(_PIPE_POLL_SECONDS):
            if not self._listener.is_alive() and not self._is_open.is_set():
                raise self._error()
            if time.monotonic() > limit or is_stopping.is_set():
                raise OutputError(f"{self._shown} did not answer; check host and port, and firewalls")

    def write(self, packet: CodedPacket, offset: int) -> None:
        """As ``LocalOutlet`` does."""
        kind = KEY_FRAME if packet.is_keyframe else OTHER_FRAME
        times = (packet.pts - offset, packet.dts - offset, packet.duration)
        self._send(HEADER.pack(len(packet.data), kind, *times) + packet.data)

    def write_sound(self, chunk: SoundChunk, offset: int) -> None:
        """As ``LocalOutlet`` does."""
        pts = chunk.pts - offset
        self._send(HEADER.pack(len(chunk.samples), SOUND, pts, pts, 0) + chunk.samples)

    def finish(self) -> None:
        """As ``LocalOutlet`` does."""
        self._close_input()
        self._listener.join()
        if self._process.wait() != 0:
            raise self._error()

    def abort(self) -> None:
        """As ``LocalOutlet`` does."""
        self._process.kill()
        self._process.wait()
        self._close_input()

    def rest(self) -> str:
        """As ``LocalOutlet`` does."""
        return ""

    def _close_input(self) -> None:
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def _send(self, data: bytes) -> None:
        if self._process.stdin is None or not self._listener.is_alive():
            raise self._error()
        try:
            self._process.stdin.write(data)
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise self._error() from error

    def _listen(self) -> None:
        stdout = self._process.stdout
        if stdout is None:
            return
        with stdout, contextlib.suppress(OSError, ValueError):
            for line in stdout:
                answer = json.loads(line)
                if "error" in answer:
                    self._answer = answer
                else:
                    self._is_open.set()

    def _error(self) -> OutputError:
        self._listener.join(1.0)
        kind = self._answer.get("kind", "")
        why = str(self._answer.get("error", "it hangs")).rstrip(".").lower()
        if kind == "ConnectionRefusedError":
            return OutputError(
                f"{self._shown} refuses the connection; check host and port, and that the receiver runs"
            )
        if kind == "ProtocolNotFoundError":
            return OutputError(
                f"{self._shown} is of a protocol that this FFmpeg build lacks; use rtsp, rtmp, udp or rtp"
            )
        if kind in {"HTTPUnauthorizedError", "HTTPForbiddenError"}:
            return OutputError(f"{self._shown} refuses user and password ({why}); check them")
        return OutputError(f"{self._shown} was lost ({why}); check the receiver and the network")


Outlet = LocalOutlet | PushedOutlet
"""One open container."""
