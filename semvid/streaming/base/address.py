"""Parses the SOURCE of a live stream. Nothing is opened here."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from urllib.parse import urlsplit

from semvid.core.errors import ConfigError
from semvid.core.records import dataclass
from semvid.core.text import scheme_of, visible, without_secrets
from semvid.media.names import ffmpeg_name

AddressKind = Literal["camera", "screen", "network", "file", "pipe", "generator"]

READ_SECONDS = 5.0
"""A network source that is silent for this long counts as lost."""
LISTEN_SECONDS = 60
"""For a sender that connects to us."""
_MICROSECONDS = str(int(READ_SECONDS * 1e6))
_SCHEMES = ("rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "srt", "tcp", "http", "https")
# Short probing starts fast. ``nobuffer`` discards what was probed: played late, it would never catch up.
# More than three frames to guess the rate from would delay MPEG-TS by two thirds of a second.
_PROBING = {"probesize": "1000000", "analyzeduration": "1000000", "fpsprobesize": "3"}
_LOW_DELAY = {**_PROBING, "fflags": "nobuffer", "flags": "low_delay"}


@dataclass(frozen=True, slots=True)
class Address:
    """A source or sink, ready for FFmpeg."""

    text: str = field(repr=False)
    """As typed. It may contain secrets: show ``shown`` instead."""
    kind: AddressKind
    url: str = field(repr=False)
    """What FFmpeg opens; for cameras, the name of the camera."""
    format: str | None = None
    """FFmpeg's name of the demuxer or muxer; None = by the contents."""
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Options of the demuxer or muxer and its protocol."""
    can_reconnect: bool = False
    """Whether it may come back after it was lost."""
    listens: bool = False
    """Sources: the sender connects to us (``?listen`` at the end of an rtsp, rtmp, http or tcp URL)."""
    codecs: tuple[str, ...] = ()
    """Sinks: FFmpeg's names of the bitstream formats it can carry; empty = any."""
    sound_codec: str = ""
    """Sinks: FFmpeg's encoder for the sound in it; empty = it carries none."""
    takes_changes: bool = False
    """Sinks: the size of the picture may change on the way."""

    @property
    def is_live(self) -> bool:
        """Whether it goes on even if it is not read, so that frames not taken in time are lost."""
        return self.kind in {"camera", "screen", "network", "generator"}

    @property
    def awaits_sender(self) -> bool:
        """Sources: whether semvid opens a port and waits for a sender."""
        is_addressed = (scheme_of(self.url) or self.format) in {"udp", "rtp", "sdp"}
        return self.kind == "network" and (self.listens or is_addressed)

    def patience(self, seconds: float | None) -> float:
        """Return for how many seconds to retry while it is not there yet; None = the default for its kind."""
        if seconds is None:
            return math.inf if self.awaits_sender else 0.0
        return seconds

    @property
    def is_playlist(self) -> bool:
        """Whether it arrives in segments of seconds, each at once, and is to be shown evenly."""
        return self.kind == "network" and urlsplit(self.url).path.lower().endswith(".m3u8")

    @property
    def shown(self) -> str:
        """The address without passwords, stream keys and tokens, for messages."""
        return visible(without_secrets(self.text))


def parse_source(text: str, *, system: str = sys.platform, display: str | None = None) -> Address:
    """Parse a SOURCE.

    Args:
        text: ``webcam:0``, ``webcam:NAME``, ``screen``, ``screen:1``, a URL, ``lavfi:GRAPH``, ``-``, a file.
        system: As ``sys.platform`` has it.
        display: The X display; None = ``$DISPLAY``.

    Raises:
        ConfigError: It is empty, or of a kind that does not exist.
    """
    scheme = scheme_of(text)
    if scheme is not None:
        return _network(text, scheme)
    word, colon, rest = text.partition(":")
    if word == "webcam":
        return _camera(text, rest, system)
    if word == "screen":
        return _screen(text, rest, system, display)
    if colon and word == "lavfi":
        return _generator(text, rest)
    return _file(text)


def _generator(text: str, graph: str) -> Address:
    if not graph:
        raise ConfigError("lavfi: has no filter graph; give one, for example lavfi:testsrc2=size=640x360")
    return Address(text, "generator", graph, "lavfi")


def _file(text: str) -> Address:
    if not text.strip():
        raise ConfigError(
            "the source is empty; name a file, a URL, webcam:0, screen, or - for standard input"
        )
    if text == "-":
        return Address(text, "pipe", "-", options=MappingProxyType(_PROBING))
    if text.lower().endswith(".sdp"):
        url = ffmpeg_name(text)
        return Address(text, "network", url, "sdp", MappingProxyType(_LOW_DELAY), can_reconnect=True)
    return Address(text, "file", str(Path(text)))


def _network(text: str, scheme: str) -> Address:
    if scheme == "file":
        return Address(text, "file", text.removeprefix("file://"))
    if scheme not in _SCHEMES:
        names = ", ".join(f"{one}://" for one in _SCHEMES if one != "srt")
        raise ConfigError(f"{scheme}:// is not a source; choose one of {names}, a file, webcam:0, or screen")
    url, listens = _listening(text)
    options: dict[str, str] = {}
    demuxer = None
    if scheme.startswith("rtsp"):
        # UDP loses packets silently, and many firewalls block it.
        options = {**_LOW_DELAY, "rtsp_transport": "tcp", "timeout": _MICROSECONDS}
        demuxer = "rtsp"
        if listens:
            # Without a time to wait FFmpeg refuses to listen at all.
            options = {**_LOW_DELAY, "rtsp_flags": "listen", "listen_timeout": str(LISTEN_SECONDS)}
    elif scheme.startswith("rtmp"):
        options = {**_PROBING, "flags": "low_delay", "rw_timeout": _MICROSECONDS, "rtmp_live": "live"}
        demuxer = "flv"
    elif scheme == "udp":
        options = {**_LOW_DELAY, "overrun_nonfatal": "1", "fifo_size": "50000", "buffer_size": "1048576"}
    elif scheme in {"rtp", "srt", "tcp"}:
        options = dict(_LOW_DELAY)
    else:
        options = {"rw_timeout": _MICROSECONDS, **_PROBING}
        # Live playlists: begin at the newest segment but one, three are fifteen seconds or more.
        if urlsplit(text).path.lower().endswith(".m3u8"):
            options["live_start_index"] = "-2"
    if listens and not scheme.startswith("rtsp"):
        options = {**options, "listen": "1"}
        options.pop("rw_timeout", None)
    return Address(
        text, "network", url, demuxer, MappingProxyType(options), can_reconnect=True, listens=listens
    )


def _listening(text: str) -> tuple[str, bool]:
    """Remove ``listen`` from the query: semvid is the server that others send to."""
    url, _, query = text.partition("?")
    parts = query.split("&")
    kept = [one for one in parts if one not in {"listen", "listen=1"}]
    if len(kept) == len(parts):
        return text, False
    return url + ("?" + "&".join(kept) if kept else ""), True


def _camera(text: str, name: str, system: str) -> Address:
    name = name or "0"
    if system.startswith("linux"):
        url, demuxer = (f"/dev/video{name}" if name.isdecimal() else name), "v4l2"
    elif system == "darwin":
        url, demuxer = name, "avfoundation"
    elif system == "win32":
        url, demuxer = name, "dshow"
    else:
        raise ConfigError(f"{text}: cameras are not supported on {system}; use a URL or lavfi:")
    return Address(text, "camera", url, demuxer, can_reconnect=True)


def _screen(text: str, name: str, system: str, display: str | None) -> Address:
    if system == "darwin":
        return Address(text, "screen", f"Capture screen {name or 0}:none", "avfoundation", can_reconnect=True)
    if system == "win32":
        if name not in {"", "0"}:
            raise ConfigError(f"{text}: Windows shows all screens as one; use screen")
        return Address(text, "screen", "desktop", "gdigrab", can_reconnect=True)
    if name.startswith(":"):
        return Address(text, "screen", name, "x11grab", can_reconnect=True)
    display = display if display is not None else os.environ.get("DISPLAY", ":0")
    if name and not name.isdecimal():
        raise ConfigError(f"{text} is not a screen; use screen, screen:1 or screen::0.0+10,20")
    # ":1.0", "host:1.0", "10.0.0.1:1": a screen's number comes after the last colon.
    server, _, screen = display.rpartition(":")
    server_number, _, number = screen.partition(".")
    url = f"{server}:{server_number}.{name or number or 0}"
    return Address(text, "screen", url, "x11grab", can_reconnect=True)
