"""Opens a live source without blocking forever, or says in one line why it cannot be opened."""

from __future__ import annotations

import contextlib
import errno
import os
import select
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

import av
from av.codec.context import Flags, ThreadType
from av.error import FFmpegError, HTTPError

from semvid.core.config import LiveConfig
from semvid.core.errors import ConfigError, InputError
from semvid.core.records import dataclass
from semvid.core.text import reason, scheme_of
from semvid.core.threads import thread_budget
from semvid.media.ffmpeg_log import end_threads
from semvid.media.probe import main_video_stream, open_container
from semvid.media.reach import has_protocol, network_options
from semvid.streaming.base.address import LISTEN_SECONDS, READ_SECONDS, Address
from semvid.streaming.capture.devices import find_camera, what_is_there

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

OPEN_SECONDS = 10.0
"""Seconds within which a source must send something."""
_PLAYLIST_SECONDS = 30.0
"""HLS comes in segments of several seconds."""
_COMPRESSED_FROM_WIDTH = 800
"""USB 2 carries raw pictures beyond this size at only a few frames per second."""
_PIPE_POLL_SECONDS = 0.1
_MAY_PASS = frozenset({"ExitError", "TimeoutError", "ConnectionRefusedError", "HTTPNotFoundError"})
"""FFmpeg's errors while the other end is not there yet."""


_MADE_OF: Mapping[str, tuple[str, ...]] = {
    "rtsp": ("rtsp", "rtp", "udp", "tcp"), "rtsps": ("rtsp", "rtp", "udp", "tcp", "tls"),
    "rtmp": ("rtmp", "tcp"), "rtmps": ("rtmps", "rtmp", "tcp", "tls"),
    "rtp": ("rtp", "udp"), "srt": ("srt", "udp"), "sdp": ("file", "rtp", "udp"),
    "http": ("http", "https", "tcp", "tls", "httpproxy", "crypto", "data"),
    "https": ("http", "https", "tcp", "tls", "httpproxy", "crypto", "data"),
}  # fmt: skip
"""Schemes -> protocols FFmpeg may open for them. ``file`` only for descriptions that are files."""
_NAMES_OTHERS = frozenset({"rtsp", "rtsps", "rtp", "sdp", "http", "https"})
"""Schemes whose servers say where the rest is."""


class NotThereYetError(InputError):
    """The source does not answer, or sends nothing yet: it may do so later."""


class PipeInput:
    """Standard input for FFmpeg that a request to stop interrupts.

    Args:
        descriptor: Of the open pipe; it stays open.
        stopped: Set from another thread to end reading.
    """

    def __init__(self, descriptor: int, stopped: threading.Event) -> None:
        self._descriptor = descriptor
        self._stopped = stopped

    def read(self, size: int) -> bytes:
        """Return what is there, at most ``size`` bytes; none at the end."""
        while not self._stopped.is_set():
            # Windows cannot wait on pipes: there, a read ends when the writer does.
            if sys.platform == "win32" or select.select([self._descriptor], [], [], _PIPE_POLL_SECONDS)[0]:
                return os.read(self._descriptor, size)
        return b""


@dataclass(frozen=True, slots=True)
class OpenSource:
    """An open source; its owner closes the container."""

    container: InputContainer
    video: VideoStream
    audio: AudioStream | None
    """None where there is no sound, none that can be decoded, or none is wanted."""

    @property
    def streams(self) -> tuple[VideoStream | AudioStream, ...]:
        """The streams that are decoded."""
        return (self.video,) if self.audio is None else (self.video, self.audio)


def require_protocol(address: Address) -> None:
    """Refuse an address that this FFmpeg build cannot open.

    Raises:
        ConfigError: It lacks the protocol.
    """
    scheme = scheme_of(address.url)
    if address.kind == "network" and scheme is not None and not has_protocol(scheme):
        raise ConfigError(
            f"{address.shown}: this FFmpeg build has no {scheme}; use rtsp://, rtmp:// or udp://, or install "
            f"a PyAV that was built with {scheme}"
        )


def open_source(address: Address, config: LiveConfig, stopped: threading.Event) -> OpenSource:
    """Open a source and find its video and sound.

    Args:
        address: From ``parse_source``.
        config: ``size`` and ``frame_rate`` are asked of cameras and screens, ``sound_bitrate`` tells whether
            sound is wanted.
        stopped: Ends reading from a pipe.

    Raises:
        NotThereYetError: Nothing answers or sends there yet.
        InputError: It cannot be opened or holds no video; the message says what to do.
    """
    container = _open(address, config, stopped)
    try:
        stream = main_video_stream(container, address.shown)
    except BaseException:
        container.close()
        raise
    # Threads by frame would hold as many frames back as there are threads.
    stream.codec_context.thread_type = ThreadType.SLICE if address.is_live else ThreadType.AUTO
    stream.codec_context.thread_count = thread_budget().helper
    if address.is_live:
        stream.codec_context.flags |= Flags.low_delay
    return OpenSource(container, stream, _find_sound(container) if config.sound_bitrate else None)


def _find_sound(container: InputContainer) -> AudioStream | None:
    stream = container.streams.best("audio")
    # Without a decoder or a rate, FFmpeg knows no more than that the stream exists.
    if stream is None or stream.codec_context is None or not cast("AudioStream", stream).rate:
        return None
    return cast("AudioStream", stream)


def _open(address: Address, config: LiveConfig, stopped: threading.Event) -> InputContainer:
    if address.kind == "file":
        return open_container(Path(address.url), may_be_pipe=True)
    try:
        if address.kind == "pipe":
            descriptor = sys.stdin.fileno()
            return av.open(
                PipeInput(descriptor, stopped),
                "r",
                options={**address.options, **network_options(())},
                metadata_errors="replace",
            )
        if address.kind == "camera":
            return _open_camera(address, config)
        silence = _PLAYLIST_SECONDS if address.is_playlist else READ_SECONDS
        options = dict(address.options)
        if address.kind == "network":
            scheme = scheme_of(address.url) or address.format or ""
            names_others = scheme in _NAMES_OTHERS
            options |= network_options(_MADE_OF.get(scheme, (scheme,)), is_playlist=names_others)
        if address.kind == "screen" and config.frame_rate is not None:
            options["framerate"] = f"{config.frame_rate:g}"
        return av.open(
            address.url,
            "r",
            format=address.format,
            options=options,
            metadata_errors="replace",
            timeout=(LISTEN_SECONDS if address.listens else max(OPEN_SECONDS, silence), silence),
        )
    except (FFmpegError, OSError, ValueError) as error:
        kind = NotThereYetError if type(error).__name__ in _MAY_PASS else InputError
        raise kind(_explain(address, error)) from error


def _open_camera(address: Address, config: LiveConfig) -> InputContainer:
    """Try what was requested, then without each wish: drivers refuse what they do not support."""
    demuxer = address.format or ""
    asked: dict[str, str] = {}
    if config.size is not None:
        asked["video_size"] = f"{config.size[0]}x{config.size[1]}"
    if config.frame_rate is not None:
        asked["framerate"] = f"{config.frame_rate:g}"
    wishes = [asked]
    if demuxer == "v4l2":
        compressed = {**asked, "input_format": "mjpeg"}
        is_large = config.size is not None and config.size[0] >= _COMPRESSED_FROM_WIDTH
        wishes = [compressed, asked] if is_large else [asked, compressed]
    if demuxer == "avfoundation":
        # It accepts only the camera's own rates, and does not list them.
        wishes = [{"framerate": "30", **one} for one in wishes] + [{"framerate": "30"}]
    if asked:
        wishes.append({})
    url = find_camera(address.url, demuxer)
    first: Exception | None = None
    for wish in wishes:
        try:
            return av.open(url, "r", format=demuxer, options=dict(wish), timeout=(OPEN_SECONDS, READ_SECONDS))
        except (FileNotFoundError, PermissionError):
            raise
        except (FFmpegError, OSError, ValueError) as error:
            first = first or error
            if getattr(error, "errno", None) == errno.EBUSY:
                break
    raise cast(Exception, first)


def _explain(address: Address, error: Exception) -> str:
    shown = address.shown
    remedies = {
        "camera": _explain_camera,
        "screen": lambda *_: f"{shown} cannot be captured: {reason(error)}; check DISPLAY and permissions",
        "generator": lambda *_: (
            f"{shown} is not a filter graph that makes video: {reason(error)}; correct it"
        ),
        "pipe": lambda *_: (
            f"standard input is not a video that can be read: {reason(error)}; send Y4M, MPEG-TS, Matroska "
            "or another format that needs no seeking"
        ),
        "network": _explain_network,
    }
    return remedies[address.kind](address, error)


def _explain_camera(address: Address, error: Exception) -> str:
    code = getattr(error, "errno", None)
    if isinstance(error, FileNotFoundError) or code in {errno.ENODEV, errno.ENXIO}:
        return f"the camera {address.shown} is not there; {what_is_there()}"
    if isinstance(error, PermissionError):
        return (
            f"the camera {address.shown} may not be opened by this user; join group video "
            "(sudo usermod -aG video $USER) and log in again, or allow it in the system's privacy settings"
        )
    if code == errno.EBUSY:
        return f"the camera {address.shown} is in use by another program; close that one"
    return (
        f"the camera {address.shown} cannot be read: {reason(error)}; it is not a capture device, or "
        f"refuses every size and rate; {what_is_there()}"
    )


def _explain_network(address: Address, error: Exception) -> str:
    shown, kind = address.shown, type(error).__name__
    by_kind = {
        "ConnectionRefusedError": "refuses the connection; check host and port, and that the sender runs",
        "ExitError": f"sent no video within {OPEN_SECONDS:g} s; check the address, and that the sender runs",
        "TimeoutError": f"did not answer within {OPEN_SECONDS:g} s; check host and port, and firewalls",
        "HTTPUnauthorizedError": "wants a user and password (401); write them as scheme://user:password@host",
        "HTTPForbiddenError": "forbids access (403); check the user's rights or the token",
        "HTTPNotFoundError": "is not known to the server (404); check the path",
        "ProtocolNotFoundError": "is of a protocol that this FFmpeg build lacks; use rtsp, rtmp, udp or http",
        "InvalidDataError": "sends something that is not video; check the path",
        "FileNotFoundError": "does not exist; check the path",
        "PermissionError": "may not be read; check the permissions",
    }
    if isinstance(error, HTTPError) and kind not in by_kind:
        return f"{shown} cannot be opened: {reason(error)}; check the path, and try again later"
    if kind in by_kind:
        return f"{shown} {by_kind[kind]}"
    return f"{shown} cannot be reached: {reason(error)}; check host name, port and network"


def close_quietly(container: InputContainer) -> None:
    """Close a container even if its source is gone."""
    for stream in container.streams.video:
        end_threads(stream.codec_context)
    with contextlib.suppress(FFmpegError, OSError, ValueError):
        container.close()
