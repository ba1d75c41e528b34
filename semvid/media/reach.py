"""Limits what an input may open: a playlist only files in its own folder, and nothing over a network.

A file of a few bytes can make FFmpeg open any address and any file: playlists, concatenation scripts, session
descriptions. Untrusted files must not, so every input is opened through this module.
"""

from __future__ import annotations

import errno
import io
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from urllib.parse import unquote

import av
from av.container import InputContainer
from av.error import FFmpegError

from semvid.core.errors import ConfigError, InputError
from semvid.core.text import setting
from semvid.media.names import ffmpeg_name

_ONE_FILE = {"pattern_type": "none"}
"""FFmpeg's picture reader would take a ``%03d`` or ``*`` in a name as a pattern for many files."""
_QUICK = {"skip_loop_filter": "all", "skip_idct": "all"}
"""Decoders that probe need no right pixels."""
_UNDECODED = {"skip_frame": "all"}
_FIRST_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}
"""Of MP4 and QuickTime."""
_NOTHING = "-"
"""A protocol whitelist that allows none."""
_PLAYLISTS = ("hls", "concat")
"""Formats that name other files, and that are opened with a guard."""
_REACHING = frozenset(
    {*_PLAYLISTS, "concatf", "dash", "imf", "sdp", "rtsp", "rtp", "sap", "vapoursynth", "avisynth"}
)
"""Formats that open addresses, or run what they contain."""
_NEEDED_BY: Mapping[str, tuple[str, ...]] = {
    "http": ("tcp",), "https": ("tcp", "tls", "httpproxy"), "tls": ("tcp",), "rtmp": ("tcp",),
    "rtmps": ("tcp", "tls"), "rtp": ("udp", "rtcp"), "srtp": ("udp", "rtp"), "rtsp": ("tcp", "udp", "rtp"),
}  # fmt: skip
"""The protocols that FFmpeg opens beneath each protocol."""


class _Allowance:
    """What the user allows the inputs of this process to open."""

    protocols: tuple[str, ...] = ()


def allow_protocols(names: Iterable[str]) -> None:
    """Let inputs of this process open more than themselves: files anywhere, and these protocols.

    Args:
        names: FFmpeg's, as in ``http``, or ``file``; empty = files of a playlist's own folder alone.

    Raises:
        ConfigError: This FFmpeg build has no such protocol.
    """
    wanted = tuple(dict.fromkeys(names))
    unknown = [one for one in wanted if not re.fullmatch(r"[a-z][a-z0-9]*", one) or not has_protocol(one)]
    if unknown:
        raise ConfigError(
            f"{setting('allow_protocols', ','.join(unknown))} is not in this FFmpeg build; give names such "
            "as file, http, https or crypto"
        )
    _Allowance.protocols = wanted


@cache
def has_protocol(name: str) -> bool:
    """Ask FFmpeg whether it has a protocol; nothing is opened."""
    try:
        # For protocols it has, the error says that the whitelist does not name them.
        av.open(f"{name}://127.0.0.1:9/", options={"protocol_whitelist": _NOTHING}).close()
    except av.error.ProtocolNotFoundError:
        return False
    except (FFmpegError, OSError, ValueError):
        return True
    return True


def process_options() -> dict[str, str]:
    """Return the options for an FFmpeg process before each of its inputs."""
    return {"protocol_whitelist": _whitelist()}


def network_options(protocols: Iterable[str], *, is_playlist: bool = False) -> dict[str, str]:
    """Return the options for an input from a network or a pipe, which may never read files.

    Args:
        protocols: That it is made of.
        is_playlist: It may name further addresses.
    """
    allowed = dict.fromkeys([*protocols, *_expanded()])
    options = {"protocol_whitelist": ",".join(allowed) or _NOTHING}
    return (
        options if is_playlist or _Allowance.protocols else {**options, "format_whitelist": _plain_formats()}
    )


def open_local(path: Path, probing: Mapping[str, str] = _QUICK) -> InputContainer:
    """Open a file for demuxing; the caller closes it.

    Args:
        path: The file.
        probing: Options for the decoders by which FFmpeg finds out what streams are like; nobody else uses
            them.

    Raises:
        InputError: It is a playlist that names something it may not open; also later, while it is read.
        av.FFmpegError, OSError, ValueError: It cannot be opened.
    """
    if _Allowance.protocols:
        # Concatenation scripts also check names themselves.
        options = {**_ONE_FILE, **probing, "protocol_whitelist": _whitelist(), "safe": "0"}
        return av.open(ffmpeg_name(path), options=options, metadata_errors="replace")
    try:
        return _open_as(path, probing, _plain_formats())
    except (FFmpegError, OSError, ValueError) as error:
        if getattr(error, "errno", None) != errno.EINVAL or not path.is_file():
            raise
        first = error
    for kind in _PLAYLISTS:
        try:
            formats = f"{_plain_formats()},{kind}"
            return _open_as(path, probing, formats, partial(_open_listed, path))
        except (PermissionError, FileNotFoundError) as error:
            raise InputError(
                f"{path} lists a file that is not there, or outside its folder; get all its files, or, if "
                "you trust it, pass `allow_protocols=file`"
            ) from error
        except (FFmpegError, OSError, ValueError) as error:
            if getattr(error, "errno", None) != errno.EINVAL:
                raise
    if _describes_others(path):
        raise InputError(
            f"{path} is not a video but says where one is; open that, or pass `allow_protocols` with what it "
            "needs, as in udp,rtp"
        ) from first
    raise first


def open_local_packets(path: Path) -> InputContainer:
    """Do what ``open_local`` does for who wants no more than packets and what the header says.

    FFmpeg decodes up to twenty frames of H.264 to find out how they are reordered: 16 ms in 720p, 200 in
    2160p. Packets in MP4 have all their times without that. Of a video, what only its bitstream tells is
    missing then: its pixel format, and perhaps its colours.
    """
    with path.open("rb") as file:
        is_perhaps_mp4 = file.read(8)[4:] in _FIRST_BOXES
    if is_perhaps_mp4:
        container = open_local(path, _UNDECODED)
        if tells_all_times(container):
            return container
        container.close()
    return open_local(path)


def tells_all_times(container: InputContainer) -> bool:
    """Return whether FFmpeg need not decode to know when packets are shown.

    Not with several videos: one that is copied has to be known well.
    """
    return "mov" in container.format.name.split(",") and len(container.streams.video) <= 1


def _open_as(
    path: Path, probing: Mapping[str, str], formats: str, io_open: Callable[..., io.FileIO] | None = None
) -> InputContainer:
    return av.open(
        ffmpeg_name(path),
        options={**_ONE_FILE, **probing, "protocol_whitelist": "file", "format_whitelist": formats},
        metadata_errors="replace",
        io_open=io_open,
    )


class _ClosingFile(io.FileIO):
    """Closes itself when it is no longer referenced, since PyAV does not close the playlist."""

    def __del__(self) -> None:
        self.close()


def _open_listed(playlist: Path, url: str, flags: int, options: object) -> io.FileIO:
    """Open a file that a playlist names, for FFmpeg, if it is in the playlist's folder or below it."""
    folder = playlist.resolve().parent
    named = url.removeprefix("file:")
    if named.startswith("///"):
        named = named[2:]
    target = Path(named)
    for candidate in (target, Path(unquote(named))):
        if candidate.resolve().is_relative_to(folder) and candidate.is_file():
            return _ClosingFile(candidate)
    protocol = re.match(r"([a-z][a-z0-9]*)(?:[:+,]|$)", named)
    if protocol is None and target.resolve().is_relative_to(folder):
        raise InputError(f"{playlist} lists {target.name}, which is not there; get all its files")
    raise InputError(
        f"{playlist} lists {url}, which is outside its folder; if you trust it, pass "
        f"`allow_protocols={protocol[1] if protocol else 'file'}`"
    )


@cache
def _plain_formats() -> str:
    return ",".join(sorted(set(av.formats_available) - _REACHING))


def _expanded() -> list[str]:
    return [part for one in _Allowance.protocols for part in (one, *_NEEDED_BY.get(one, ()))]


def _whitelist() -> str:
    return ",".join(dict.fromkeys(["file", *_expanded()]))


def _describes_others(path: Path) -> bool:
    """Return whether a file is a session description or manifest, not refused for another reason."""
    with path.open("rb") as file:
        head = file.read(4096)
    return head.startswith((b"v=0", b"SAP")) or b"<MPD" in head
